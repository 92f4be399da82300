/*
 * Settings that a session must have so that server and coupond interpret all values in the same way. A server may
 * override settings that a client requests while connecting (init_connect, skip-character-set-client-handshake), and a
 * connection pool may hand out a session that another client changed, or switch servers between two transactions. So
 * coupond sets the session by statements, reads it back together with a test string, and verifies it in each
 * transaction, during which a pool must stay with one server. ProxySQL binds a session to one server once a statement
 * contains "@".
 */
#include "shared/store/mysql/mysql.h"

#include <stdlib.h>
#include <string.h>

#define STATEMENT_BYTES_MAX  (1u << 20) /* longer ones are not faster */
#define STATEMENT_ROW_BYTES  1024u      /* the longest row of an INSERT */
#define LOCK_WAIT_SECONDS    10         /* or half of store/io_timeout_ms, if that is less */
#define READER_STALL_SECONDS 3600       /* how long the server waits for a reader that still processes earlier rows */

/* A test string whose characters have two, three or four bytes, depending on the character set; and its bytes in
 * hexadecimal digits. */
#define PROOF     "커피 ☕🎁"
#define PROOF_HEX "ECBBA4ED94BC20E29895F09F8E81"

struct setting {
    const char *name;
    const char *value; /* for SET; NULL: not a variable */
    const char *query; /* the expression for a SELECT */
    const char *wanted;
};

/*
 * sql_mode is in the order in which servers report it. Without unique_checks, a second issue to the same holder could
 * be stored. completion_type: a COMMIT must neither begin the next transaction nor disconnect.
 */
/* clang-format off */
static const struct setting settings[] = {
    {"text sent", NULL, "HEX(CONVERT('" PROOF "' USING utf8mb4))", PROOF_HEX},
    {"text received", NULL, "_utf8mb4 x'" PROOF_HEX "'", PROOF},
    {"collation_connection", NULL, "@@collation_connection", "utf8mb4_bin"},
    {"time_zone", "'+00:00'", "@@time_zone", "+00:00"},
    {"sql_mode", "'" STORE_MYSQL_MODE "'", "@@sql_mode", STORE_MYSQL_MODE},
    {"autocommit", "1", "@@autocommit", "1"},
    {"unique_checks", "1", "@@unique_checks", "1"},
    {"foreign_key_checks", "1", "@@foreign_key_checks", "1"},
    {"completion_type", "'NO_CHAIN'", "@@completion_type", "NO_CHAIN"},
    {"sql_safe_updates", "0", "@@sql_safe_updates", "0"},
    {"sql_auto_is_null", "0", "@@sql_auto_is_null", "0"},
    {"sql_big_selects", "1", "@@sql_big_selects", "1"},
    {"sql_select_limit", "18446744073709551615", "@@sql_select_limit", "18446744073709551615"},
};
/* clang-format on */
#define SETTINGS_COUNT (sizeof settings / sizeof *settings)

/* READ COMMITTED: a repeated batch is compared with the latest rows, and inserts lock no gaps. */
const struct store_mysql_level store_mysql_writing = {"READ COMMITTED", "READ-COMMITTED"};
const struct store_mysql_level store_mysql_reading = {"REPEATABLE READ", "REPEATABLE-READ"};

/* --- setting --- */

static unsigned seconds_of(int64_t ms)
{
    return (unsigned)((ms + 999) / 1000);
}

/* Shorter than the time limit of an answer, so that the server's clearer error comes first. */
static unsigned lock_wait_seconds(const struct options *options)
{
    unsigned half = seconds_of(options->store_io_timeout_ms / 2);
    return half < LOCK_WAIT_SECONDS ? half : LOCK_WAIT_SECONDS;
}

static enum store_result set_variables(struct store_mysql *store, struct error *error)
{
    sql_text_clear(&store->sql);
    store_mysql_add_number(&store->sql, "SET SESSION net_write_timeout = ", READER_STALL_SECONDS);
    store_mysql_add_number(&store->sql, ", innodb_lock_wait_timeout = ", lock_wait_seconds(store->options));
    for (size_t i = 0; i < SETTINGS_COUNT; i++) {
        if (!settings[i].value)
            continue;
        sql_text_add(&store->sql, ", ");
        sql_text_add(&store->sql, settings[i].name);
        sql_text_add(&store->sql, " = ");
        sql_text_add(&store->sql, settings[i].value);
    }
    return store_mysql_run(store, "setting up the session", error);
}

static enum store_result set_level(struct store_mysql *store, const struct store_mysql_level *level,
                                   struct error *error)
{
    sql_text_clear(&store->sql);
    sql_text_add(&store->sql, "SET SESSION TRANSACTION ISOLATION LEVEL ");
    sql_text_add(&store->sql, level->words);
    store->level = level;
    return store_mysql_run(store, "setting up the session", error);
}

static enum store_result set_all(struct store_mysql *store, const struct store_mysql_level *level, struct error *error)
{
    enum store_result result = store_mysql_run_text(store, "SET NAMES utf8mb4 COLLATE utf8mb4_bin", error);
    if (result == STORE_OK)
        result = set_variables(store, error);
    if (result == STORE_OK)
        result = store_mysql_run_text(store, "SET SESSION TRANSACTION READ WRITE", error);
    return result == STORE_OK ? set_level(store, level, error) : result;
}

/* --- reading back --- */

struct read_back {
    struct store_mysql *store;
    struct error *error;
    bool differs;
    bool displaced; /* the server became read-only */
};

static bool judge(struct read_back *read, const char *name, const char *wanted, const char *found)
{
    if (found && strcmp(found, wanted) == 0)
        return true;
    bool is_text = strncmp(name, "text ", 5) == 0;
    error_set(
        read->error,
        "%s: a session setting did not take effect: %s is \"%.100s\", not \"%s\"; the server or a proxy overrides the "
        "settings of clients. Connect coupond to the server directly, or let the proxy use one server per session and "
        "pass on %s",
        read->store->base.description, name, found ? found : "NULL", wanted, is_text ? "SET NAMES" : name);
    read->differs = true;
    return false;
}

/* Another server takes the writes now. Reads here would still succeed, and miss them. */
static void judge_place(struct read_back *read, const char *read_only)
{
    if (read_only && (strcmp(read_only, "0") == 0 || strcmp(read_only, "OFF") == 0))
        return;
    error_set(read->error, "%s: this server has become read-only", read->store->base.description);
    read->displaced = true;
}

static bool compare(void *context, char **columns, const unsigned long *lengths, bool *good)
{
    struct read_back *read = context;
    (void)lengths, (void)good;
    for (size_t i = 0; i < SETTINGS_COUNT; i++) {
        if (!judge(read, settings[i].name, settings[i].wanted, columns[i]))
            return false;
    }
    if (judge(read, "the isolation level", read->store->level->shown, columns[SETTINGS_COUNT]) &&
        judge(read, "the transaction's read_only", "0", columns[SETTINGS_COUNT + 1]) &&
        store_mysql_has_choice(read->store))
        judge_place(read, columns[SETTINGS_COUNT + 2]);
    return false;
}

static enum store_result leave_server(struct store_mysql *store)
{
    store->lost = true;
    return STORE_RETRY;
}

/* STORE_FAILED and `error` when the session differs from its settings; STORE_RETRY on a server that another one of
 * several has replaced. */
static enum store_result read_back(struct store_mysql *store, struct error *error)
{
    struct read_back read = {.store = store, .error = error};
    sql_text_clear(&store->sql);
    for (size_t i = 0; i < SETTINGS_COUNT; i++) {
        sql_text_add(&store->sql, i == 0 ? "SELECT " : ", ");
        sql_text_add(&store->sql, settings[i].query);
    }
    sql_text_add(&store->sql, store->calls_it_tx ? ", @@tx_isolation, @@tx_read_only"
                                                 : ", @@transaction_isolation, @@transaction_read_only");
    if (store_mysql_has_choice(store))
        sql_text_add(&store->sql, ", @@GLOBAL.read_only");
    enum store_result result = store_mysql_each_row(store, "reading the session's settings", compare, &read, error);
    if (result == STORE_OK && read.displaced)
        return leave_server(store);
    return result == STORE_OK && read.differs ? STORE_FAILED : result;
}

/* --- the server's variables --- */

struct server {
    size_t packet_bytes;
    bool logs;
    bool logs_statements;
    bool calls_it_tx;
};

static bool take_variable(void *context, char **columns, const unsigned long *lengths, bool *good)
{
    struct server *server = context;
    const char *name = columns[0];
    const char *value = columns[1];
    (void)lengths;
    *good = name && value;
    if (!*good)
        return false;
    if (strcmp(name, "max_allowed_packet") == 0)
        server->packet_bytes = strtoull(value, NULL, 10);
    else if (strcmp(name, "log_bin") == 0)
        server->logs = strcmp(value, "ON") == 0;
    else if (strcmp(name, "binlog_format") == 0)
        server->logs_statements = strcmp(value, "STATEMENT") == 0;
    else if (strcmp(name, "tx_isolation") == 0)
        server->calls_it_tx = true;
    return true;
}

/* Selects the variables by name, because not every server has all of them. */
static enum store_result ask_server(struct store_mysql *store, struct server *server, struct error *error)
{
    sql_text_clear(&store->sql);
    sql_text_add(&store->sql, "SHOW SESSION VARIABLES WHERE Variable_name IN "
                              "('max_allowed_packet', 'log_bin', 'binlog_format', 'tx_isolation')");
    enum store_result result =
        store_mysql_each_row(store, "reading the server's variables", take_variable, server, error);
    if (result != STORE_OK || server->packet_bytes >= 2 * (size_t)STATEMENT_ROW_BYTES)
        return result;
    error_set(error, "%s: the server's max_allowed_packet is %zu; coupond needs %u", store->base.description,
              server->packet_bytes, 2 * STATEMENT_ROW_BYTES);
    return STORE_FAILED;
}

static void take_server(struct store_mysql *store, const struct server *server)
{
    size_t usable = server->packet_bytes - STATEMENT_ROW_BYTES;
    store->statement_bytes_max = usable < STATEMENT_BYTES_MAX ? usable : STATEMENT_BYTES_MAX;
    store->calls_it_tx = server->calls_it_tx;
    /* a binary log of statements excludes READ COMMITTED; a user without the right to change the format can still
     * read, and gets the error when writing (store_mysql_fault) */
    if (server->logs && server->logs_statements)
        store_mysql_run_text(store, "SET SESSION binlog_format = 'ROW'", NULL);
}

/* --- interface --- */

enum store_result store_mysql_session_set(struct store_mysql *store, struct error *error)
{
    struct server server = {0};
    enum store_result result = set_all(store, &store_mysql_writing, error);
    if (result == STORE_OK)
        result = ask_server(store, &server, error);
    if (result != STORE_OK)
        return result;
    take_server(store, &server);
    return read_back(store, error);
}

static enum store_result start(struct store_mysql *store, const char *statement, struct error *error)
{
    enum store_result result = store_mysql_run_text(store, statement, error);
    return result == STORE_OK ? read_back(store, error) : result;
}

enum store_result store_mysql_session_start(struct store_mysql *store, const struct store_mysql_level *level,
                                            const char *statement, struct error *error)
{
    enum store_result result = store_mysql_need_connection(store, error);
    if (result == STORE_OK && store->level != level)
        result = set_level(store, level, error);
    if (result == STORE_OK)
        result = start(store, statement, error);
    if (result != STORE_FAILED || !store_mysql_is_connected(store))
        return result;
    /* the session of another client or of another server: set it up */
    result = store_mysql_run_text(store, "ROLLBACK AND NO CHAIN NO RELEASE", error);
    if (result == STORE_OK)
        result = set_all(store, level, error);
    if (result == STORE_OK)
        result = start(store, statement, error);
    store->lost = store->lost || result == STORE_FAILED;
    return result;
}
