/* The table issuer_partition: which member decides a partition. */
#include <inttypes.h>
#include <mysqld_error.h>
#include <stdlib.h>
#include <string.h>

#include "shared/store/mysql/mysql.h"

#define COLUMNS "partition_no, journal_id, epoch, owner, standby"

/* clang-format off */
static const char create_table[] =
    "CREATE TABLE IF NOT EXISTS issuer_partition ("
    "partition_no SMALLINT UNSIGNED NOT NULL PRIMARY KEY,"
    " journal_id CHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,"
    " epoch BIGINT UNSIGNED NOT NULL,"
    " owner VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,"
    " standby VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,"
    " changed_at DATETIME(6) NOT NULL) ENGINE = InnoDB";

/* True where the server may decide for its cluster. */
static const char of_galera[] =
    "(SELECT VARIABLE_VALUE FROM information_schema.GLOBAL_STATUS WHERE VARIABLE_NAME = 'WSREP_CLUSTER_STATUS')"
    " = 'Primary'";
static const char of_group[] =
    "EXISTS (SELECT 1 FROM performance_schema.replication_group_members WHERE MEMBER_ID = @@server_uuid"
    " AND MEMBER_STATE = 'ONLINE' AND MEMBER_ROLE = 'PRIMARY')";

/* What the server belongs to: "galera", "group" or "". MariaDB has no plugin of the second, MySQL no first variable. */
static const char which_cluster[] =
    "SELECT CASE WHEN EXISTS (SELECT 1 FROM information_schema.PLUGINS WHERE PLUGIN_NAME = 'group_replication'"
    " AND PLUGIN_STATUS = 'ACTIVE') THEN 'group' ELSE '' END";
static const char which_mariadb_cluster[] = "SELECT CASE WHEN @@GLOBAL.wsrep_on THEN 'galera' ELSE '' END";
/* clang-format on */

static bool take_cluster(void *context, char **columns, const unsigned long *lengths, bool *good)
{
    const char **condition = context;
    *good = columns[0] != NULL;
    if (*good && lengths[0] > 0)
        *condition = columns[0][1] == 'a' ? of_galera : of_group;
    return false;
}

/* *condition is the one that the server has to fulfil; NULL: none. */
static enum store_result find_condition(struct store_mysql *store, const char **condition, struct error *error)
{
    bool mariadb = strstr(mysql_get_server_info(store->connection), "MariaDB") != NULL;
    *condition = NULL;
    sql_text_clear(&store->sql);
    sql_text_add(&store->sql, mariadb ? which_mariadb_cluster : which_cluster);
    return store_mysql_each_row(store, "information_schema", take_cluster, condition, error);
}

static void add_row(struct sql_text *sql, const struct store_ownership *row, const char *between, bool named)
{
    store_mysql_add_journal_id(sql, named ? "journal_id = " : "", row->journal_id);
    sql_text_add(sql, between);
    store_mysql_add_number(sql, named ? "epoch = " : "", row->epoch);
    sql_text_add(sql, between);
    store_mysql_add_text(sql, named ? "owner = " : "", row->owner, strlen(row->owner));
    sql_text_add(sql, between);
    store_mysql_add_text(sql, named ? "standby = " : "", row->standby, strlen(row->standby));
}

enum store_result store_mysql_create_ownership(struct store *base, const struct store_ownership *row,
                                               struct error *error)
{
    struct store_mysql *store = (struct store_mysql *)base;
    enum store_result result = store_mysql_need_connection(store, error);
    if (result == STORE_OK)
        result = store_mysql_run_text(store, create_table, error);
    if (result != STORE_OK)
        return result;
    sql_text_clear(&store->sql);
    store_mysql_add_number(&store->sql, "INSERT INTO issuer_partition (" COLUMNS ", changed_at) VALUES (",
                           row->partition);
    sql_text_add(&store->sql, ", ");
    add_row(&store->sql, row, ", ", false);
    sql_text_add(&store->sql, ", UTC_TIMESTAMP(6)) ON DUPLICATE KEY UPDATE partition_no = VALUES(partition_no)");
    return store_mysql_run(store, "inserting into issuer_partition", error);
}

struct reading {
    struct store_ownership *row;
    bool found;
};

static bool copy_name(char out[MEMBER_NAME_MAX + 1], const char *text, unsigned long length)
{
    if (text == NULL || length > MEMBER_NAME_MAX)
        return false;
    memcpy(out, text, length);
    out[length] = '\0';
    return true;
}

static bool take_row(void *context, char **columns, const unsigned long *lengths, bool *good)
{
    struct reading *reading = context;
    struct store_ownership *row = reading->row;
    *good = columns[1] != NULL && lengths[1] == 32 && journal_id_parse(columns[1], 32, row->journal_id) &&
            columns[2] != NULL && copy_name(row->owner, columns[3], lengths[3]) &&
            copy_name(row->standby, columns[4], lengths[4]);
    if (*good)
        row->epoch = strtoull(columns[2], NULL, 10);
    reading->found = *good;
    return false;
}

enum store_result store_mysql_read_ownership(struct store *base, uint16_t partition, struct store_ownership *row,
                                             bool *found, struct error *error)
{
    struct store_mysql *store = (struct store_mysql *)base;
    struct reading reading = {.row = row};
    *row = (struct store_ownership){.partition = partition};
    enum store_result result = store_mysql_need_connection(store, error);
    if (result != STORE_OK)
        return result;
    sql_text_clear(&store->sql);
    store_mysql_add_number(&store->sql, "SELECT " COLUMNS " FROM issuer_partition WHERE partition_no = ", partition);
    result = store_mysql_each_row(store, "issuer_partition", take_row, &reading, error);
    *found = reading.found;
    bool no_table = result == STORE_FAILED && mysql_errno(store->connection) == ER_NO_SUCH_TABLE;
    return no_table ? STORE_OK : result;
}

static enum store_result outside(const struct store_mysql *store, struct error *error)
{
    error_set(error, "%s: this server is not in the primary part of its cluster: it cannot say who decides",
              store->base.description);
    return STORE_RETRY;
}

static bool take_primary(void *context, char **columns, const unsigned long *lengths, bool *good)
{
    bool *primary = context;
    *good = true;
    *primary = columns[0] != NULL && lengths[0] == 1 && columns[0][0] == '1';
    return false;
}

/* Nothing matched: because the row is another one, or because the server does not count. */
static enum store_result judge_unmatched(struct store_mysql *store, const char *condition, struct error *error)
{
    bool primary = false;
    sql_text_clear(&store->sql);
    sql_text_add(&store->sql, "SELECT ");
    sql_text_add(&store->sql, condition);
    enum store_result result = store_mysql_each_row(store, "information_schema", take_primary, &primary, error);
    return result == STORE_OK && !primary ? outside(store, error) : result;
}

enum store_result store_mysql_change_ownership(struct store *base, const struct store_ownership *from,
                                               const struct store_ownership *to, bool *matched, struct error *error)
{
    struct store_mysql *store = (struct store_mysql *)base;
    const char *condition = NULL;
    *matched = false;
    enum store_result result = store_mysql_need_connection(store, error);
    if (result == STORE_OK)
        result = find_condition(store, &condition, error);
    if (result != STORE_OK)
        return result;
    sql_text_clear(&store->sql);
    sql_text_add(&store->sql, "UPDATE issuer_partition SET ");
    add_row(&store->sql, to, ", ", true);
    store_mysql_add_number(&store->sql, ", changed_at = UTC_TIMESTAMP(6) WHERE partition_no = ", from->partition);
    sql_text_add(&store->sql, " AND ");
    add_row(&store->sql, from, " AND ", true);
    if (condition != NULL) {
        sql_text_add(&store->sql, " AND ");
        sql_text_add(&store->sql, condition);
    }
    result = store_mysql_run(store, "updating issuer_partition", error);
    if (result != STORE_OK)
        return result;
    *matched = mysql_affected_rows(store->connection) == 1;
    return *matched || condition == NULL ? STORE_OK : judge_unmatched(store, condition, error);
}
