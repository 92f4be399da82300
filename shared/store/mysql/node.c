/*
 * Which of several servers counts (store/host): the one that takes writes. A replica is behind, and a node that has
 * lost its cluster knows nothing of what the others have agreed on.
 */
#include <string.h>

#include "shared/store/mysql/mysql.h"

/* clang-format off */
/* True where the server may decide for its cluster. */
static const char of_galera[] =
    "(SELECT COUNT(*) FROM information_schema.GLOBAL_STATUS"
    " WHERE (VARIABLE_NAME = 'WSREP_CLUSTER_STATUS' AND VARIABLE_VALUE = 'Primary')"
    " OR (VARIABLE_NAME = 'WSREP_READY' AND VARIABLE_VALUE = 'ON')) = 2";
static const char of_group[] =
    "EXISTS (SELECT 1 FROM performance_schema.replication_group_members WHERE MEMBER_ID = @@server_uuid"
    " AND MEMBER_STATE = 'ONLINE' AND MEMBER_ROLE = 'PRIMARY')";

/* What the server belongs to: "galera", "group" or "". MariaDB has no plugin of the second, MySQL no first variable. */
static const char which_cluster[] =
    "SELECT CASE WHEN EXISTS (SELECT 1 FROM information_schema.PLUGINS WHERE PLUGIN_NAME = 'group_replication'"
    " AND PLUGIN_STATUS = 'ACTIVE') THEN 'group' ELSE '' END";
static const char which_mariadb_cluster[] = "SELECT CASE WHEN @@GLOBAL.wsrep_on THEN 'galera' ELSE '' END";
/* clang-format on */

/* --- its cluster --- */

static bool take_cluster(void *context, char **columns, const unsigned long *lengths, bool *good)
{
    const char **condition = context;
    *good = columns[0] != NULL;
    if (*good && lengths[0] > 0)
        *condition = columns[0][1] == 'a' ? of_galera : of_group;
    return false;
}

enum store_result store_mysql_find_condition(struct store_mysql *store, const char **condition, struct error *error)
{
    bool mariadb = strstr(mysql_get_server_info(store->connection), "MariaDB") != NULL;
    *condition = NULL;
    sql_text_clear(&store->sql);
    sql_text_add(&store->sql, mariadb ? which_mariadb_cluster : which_cluster);
    return store_mysql_each_row(store, "information_schema", take_cluster, condition, error);
}

static bool take_primary(void *context, char **columns, const unsigned long *lengths, bool *good)
{
    bool *primary = context;
    *good = true;
    *primary = columns[0] != NULL && lengths[0] == 1 && columns[0][0] == '1';
    return false;
}

enum store_result store_mysql_judge_condition(struct store_mysql *store, const char *condition, struct error *error)
{
    bool primary = false;
    sql_text_clear(&store->sql);
    sql_text_add(&store->sql, "SELECT ");
    sql_text_add(&store->sql, condition);
    enum store_result result = store_mysql_each_row(store, "information_schema", take_primary, &primary, error);
    if (result != STORE_OK || primary)
        return result;
    error_set(error, "%s: this server is not %s", store->base.description,
              condition == of_galera ? "in the primary component of its cluster"
                                     : "the primary of its replication group");
    return STORE_RETRY;
}

/* --- writable --- */

struct writable {
    struct store_mysql *store;
    struct error *error;
    bool read_only;
};

static bool take_variable(void *context, char **columns, const unsigned long *lengths, bool *good)
{
    struct writable *writable = context;
    (void)lengths;
    *good = columns[0] != NULL && columns[1] != NULL;
    if (!*good || strcmp(columns[1], "OFF") == 0)
        return *good;
    error_set(writable->error, "%s: this server takes no writes: its %s is %s", writable->store->base.description,
              columns[0], columns[1]);
    writable->read_only = true;
    return false;
}

/* By name, because not every server has all of them. */
static enum store_result judge_writable(struct store_mysql *store, struct error *error)
{
    struct writable writable = {.store = store, .error = error};
    sql_text_clear(&store->sql);
    sql_text_add(&store->sql, "SHOW GLOBAL VARIABLES WHERE Variable_name IN "
                              "('read_only', 'super_read_only', 'innodb_read_only')");
    enum store_result result =
        store_mysql_each_row(store, "reading the server's variables", take_variable, &writable, error);
    return result == STORE_OK && writable.read_only ? STORE_RETRY : result;
}

enum store_result store_mysql_judge_node(struct store_mysql *store, struct error *error)
{
    const char *condition = NULL;
    enum store_result result = judge_writable(store, error);
    if (result == STORE_OK)
        result = store_mysql_find_condition(store, &condition, error);
    return result == STORE_OK && condition != NULL ? store_mysql_judge_condition(store, condition, error) : result;
}
