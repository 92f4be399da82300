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
/* clang-format on */

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

enum store_result store_mysql_change_ownership(struct store *base, const struct store_ownership *from,
                                               const struct store_ownership *to, bool *matched, struct error *error)
{
    struct store_mysql *store = (struct store_mysql *)base;
    const char *condition = NULL;
    *matched = false;
    enum store_result result = store_mysql_need_connection(store, error);
    if (result == STORE_OK)
        result = store_mysql_find_condition(store, &condition, error);
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
    /* nothing matched because the row is another one, or because the server does not count */
    return *matched || condition == NULL ? STORE_OK : store_mysql_judge_condition(store, condition, error);
}
