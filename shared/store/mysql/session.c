/*
 * What a session must be like for what coupond writes and reads to mean the same on both sides. A server may take the
 * choice away from a client that only asks for it while connecting (init_connect, skip-character-set-client-handshake),
 * and a pool may hand on a session that somebody else has changed, or another server's between two transactions. So the
 * session is set by statements, read back with a text that goes both ways, and looked at again in each transaction,
 * where a pool must stay with one server. ProxySQL gives a session a server of its own once a statement has said "@".
 */
#include "shared/store/mysql/mysql.h"

#include <stdlib.h>
#include <string.h>

#define STATEMENT_BYTES_MAX  (1u << 20) /* longer ones are no faster */
#define STATEMENT_ROW_BYTES  1024u      /* no row of an INSERT is longer */
#define LOCK_WAIT_SECONDS    10         /* or half of store/io_timeout_ms, where that is less */
#define READER_STALL_SECONDS 3600       /* how long the server waits for a reader that is busy with rows it has */

/* Two, three and four bytes a character in one set or another; and the same in hexadecimal digits. */
#define PROOF     "커피 ☕🎁"
#define PROOF_HEX "ECBBA4ED94BC20E29895F09F8E81"

struct setting {
    const char *name;
    const char *value; /* for SET; NULL: no variable */
    const char *look;  /* what a SELECT asks for */
    const char *wanted;
};

/*
 * sql_mode in the order in which servers tell it. unique_checks: without, a second issue to the same holder would get
 * in. completion_type: a COMMIT must neither begin the next transaction nor disconnect.
 */
/* clang-format off */
static const struct setting settings[] = {
    {"text that is sent", NULL, "HEX(CONVERT('" PROOF "' USING utf8mb4))", PROOF_HEX},
    {"text that is read", NULL, "_utf8mb4 x'" PROOF_HEX "'", PROOF},
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

/* READ COMMITTED: what a repeated batch is compared with is what is there now, and inserts lock no gaps. */
const struct store_mysql_level store_mysql_writing = {"READ COMMITTED", "READ-COMMITTED"};
const struct store_mysql_level store_mysql_reading = {"REPEATABLE READ", "REPEATABLE-READ"};

/* --- setting --- */

static unsigned seconds_of(int64_t ms)
{
    return (unsigned)((ms + 999) / 1000);
}

/* Shorter than the limit for an answer, so that the server's own, clearer fault comes first. */
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

struct look {
    struct store_mysql *store;
    struct error *error;
    bool differs;
};

static bool judge(struct look *look, const char *name, const char *wanted, const char *there)
{
    if (there && strcmp(there, wanted) == 0)
        return true;
    bool is_text = strncmp(name, "text ", 5) == 0;
    error_set(
        look->error,
        "%s: the session does not become what it must be: %s is \"%.100s\", not \"%s\"; the server or a proxy in "
        "between overrides what clients set. Let coupond connect to the server itself, or let the proxy give each "
        "session a server of its own and pass on %s",
        look->store->base.description, name, there ? there : "NULL", wanted, is_text ? "SET NAMES" : name);
    look->differs = true;
    return false;
}

static bool compare(void *context, char **columns, const unsigned long *lengths, bool *good)
{
    struct look *look = context;
    (void)lengths, (void)good;
    for (size_t i = 0; i < SETTINGS_COUNT; i++) {
        if (!judge(look, settings[i].name, settings[i].wanted, columns[i]))
            return false;
    }
    if (judge(look, "the isolation level", look->store->level->shown, columns[SETTINGS_COUNT]))
        judge(look, "the transaction's read_only", "0", columns[SETTINGS_COUNT + 1]);
    return false;
}

/* STORE_FAILED and words where the session is not as it was set. */
static enum store_result read_back(struct store_mysql *store, struct error *error)
{
    struct look look = {.store = store, .error = error};
    sql_text_clear(&store->sql);
    for (size_t i = 0; i < SETTINGS_COUNT; i++) {
        sql_text_add(&store->sql, i == 0 ? "SELECT " : ", ");
        sql_text_add(&store->sql, settings[i].look);
    }
    sql_text_add(&store->sql, store->calls_it_tx ? ", @@tx_isolation, @@tx_read_only"
                                                 : ", @@transaction_isolation, @@transaction_read_only");
    enum store_result result = store_mysql_each_row(store, "looking at the session", compare, &look, error);
    return result == STORE_OK && look.differs ? STORE_FAILED : result;
}

/* --- what the server is like --- */

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

/* By name: not every server knows each of them. */
static enum store_result ask_server(struct store_mysql *store, struct server *server, struct error *error)
{
    sql_text_clear(&store->sql);
    sql_text_add(&store->sql, "SHOW SESSION VARIABLES WHERE Variable_name IN "
                              "('max_allowed_packet', 'log_bin', 'binlog_format', 'tx_isolation')");
    enum store_result result = store_mysql_each_row(store, "asking for variables", take_variable, server, error);
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
    /* statements in the binary log and READ COMMITTED exclude each other; who may not change that hears it when he
     * writes (store_mysql_fault), and may read all the same */
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
    /* another's session, or another server's: made ours */
    result = store_mysql_run_text(store, "ROLLBACK AND NO CHAIN NO RELEASE", error);
    if (result == STORE_OK)
        result = set_all(store, level, error);
    if (result == STORE_OK)
        result = start(store, statement, error);
    store->lost = store->lost || result == STORE_FAILED;
    return result;
}
