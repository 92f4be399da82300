#include "shared/store/mysql/mysql.h"

#include <mysqld_error.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* --- statements --- */

enum store_result store_mysql_run_text(struct store_mysql *store, const char *text, struct error *error)
{
    if (mysql_query(store->connection, text) == 0)
        return STORE_OK;
    return store_mysql_fault(store, text, error);
}

enum store_result store_mysql_run(struct store_mysql *store, const char *doing, struct error *error)
{
    if (mysql_real_query(store->connection, store->sql.data, store->sql.length) == 0)
        return STORE_OK;
    return store_mysql_fault(store, doing, error);
}

/* --- connecting --- */

static unsigned seconds_of(int64_t ms)
{
    return (unsigned)((ms + 999) / 1000);
}

bool store_mysql_is_connected(const struct store_mysql *store)
{
    return store->connection && !store->lost;
}

static bool tls_is(const struct options *options, const char *value)
{
    return strcmp(options->store_tls, value) == 0;
}

/* The two client libraries share only the option for the file of certificate authorities. */
static void set_tls(MYSQL *connection, const struct options *options)
{
    bool local = options->store_socket[0] != '\0';
    bool off = tls_is(options, "off") || (tls_is(options, "preferred") && local);
    if (!off && options->store_tls_ca[0] != '\0')
        mysql_options(connection, MYSQL_OPT_SSL_CA, options->store_tls_ca);
#ifdef MARIADB_BASE_VERSION
    my_bool use = !off;
    my_bool verify = tls_is(options, "verify");
    mysql_options(connection, MYSQL_OPT_SSL_ENFORCE, &use);
    mysql_options(connection, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &verify);
#else
    unsigned mode = SSL_MODE_PREFERRED;
    if (off)
        mode = SSL_MODE_DISABLED;
    else if (tls_is(options, "required"))
        mode = SSL_MODE_REQUIRED;
    else if (tls_is(options, "verify"))
        mode = SSL_MODE_VERIFY_IDENTITY;
    mysql_options(connection, MYSQL_OPT_SSL_MODE, &mode);
#endif
}

/* LOCAL INFILE stays off: with it a hostile server could read our files. */
static void set_options(MYSQL *connection, const struct options *options)
{
    unsigned connect_timeout = seconds_of(options->store_connect_timeout_ms);
    unsigned io_timeout = seconds_of(options->store_io_timeout_ms);
    unsigned local_infile = 0;
    mysql_options(connection, MYSQL_OPT_CONNECT_TIMEOUT, &connect_timeout);
    mysql_options(connection, MYSQL_OPT_READ_TIMEOUT, &io_timeout);
    mysql_options(connection, MYSQL_OPT_WRITE_TIMEOUT, &io_timeout);
    mysql_options(connection, MYSQL_OPT_LOCAL_INFILE, &local_infile);
    mysql_options(connection, MYSQL_SET_CHARSET_NAME, "utf8mb4");
    set_tls(connection, options);
}

/* Checks that the connection is encrypted, because one library treats "use TLS" as a preference. */
static enum store_result judge_tls(struct store_mysql *store, struct error *error)
{
    bool needed = tls_is(store->options, "required") || tls_is(store->options, "verify");
    if (!needed || mysql_get_ssl_cipher(store->connection))
        return STORE_OK;
    error_set(error, "%s: the server does not offer TLS, but store/tls is %s", store->base.description,
              store->options->store_tls);
    return STORE_FAILED;
}

/* CLIENT_FOUND_ROWS: an UPDATE reports how many rows it matched, not how many it changed. */
static enum store_result log_in(struct store_mysql *store, struct error *error)
{
    const struct options *options = store->options;
    bool local = options->store_socket[0] != '\0';
    const struct host_list_one *one = &store->hosts.all[store->host];
    const char *host = local ? "localhost" : one->host;
    const char *socket = local ? options->store_socket : NULL;
    unsigned port = local ? 0 : one->port;
    if (mysql_real_connect(store->connection, host, options->store_user, options->store_password,
                           options->store_database, port, socket, CLIENT_FOUND_ROWS))
        return STORE_OK;
    unsigned code = mysql_errno(store->connection);
    store->base.awaits_setup = store->base.awaits_setup || code == ER_ACCESS_DENIED_ERROR ||
                               code == ER_DBACCESS_DENIED_ERROR || code == ER_BAD_DB_ERROR;
    return store_mysql_fault(store, "connecting", error);
}

static void disconnect(struct store_mysql *store)
{
    store_mysql_bulk_close(store);
    if (store->connection)
        mysql_close(store->connection);
    store->connection = NULL;
    store->lost = false;
    store->schema_good_until_us = 0;
}

/* --- its servers --- */

bool store_mysql_has_choice(const struct store_mysql *store)
{
    return store->hosts.count > 1;
}

/* The servers from `first` on, `count` of them. */
static void describe(struct store_mysql *store, size_t first, size_t count)
{
    const struct options *options = store->options;
    char *out = store->base.description;
    size_t size = sizeof store->base.description;
    bool local = options->store_socket[0] != '\0';
    size_t used = (size_t)snprintf(out, size, "mysql %s@%s", options->store_user, local ? options->store_socket : "");
    for (size_t i = first; !local && i < first + count; i++) {
        char shown[HOST_LIST_TEXT_MAX];
        host_list_show(&store->hosts.all[i], shown);
        used += (size_t)snprintf(out + used, size - used, "%s%s", i > first ? "," : "", shown);
    }
    snprintf(out + used, size - used, "/%s", options->store_database);
}

static enum store_result connect_host(struct store_mysql *store, struct error *error)
{
    describe(store, store->host, 1);
    store->connection = mysql_init(NULL);
    CHECK(store->connection != NULL);
    set_options(store->connection, store->options);
    enum store_result result = log_in(store, error);
    if (result == STORE_OK)
        result = judge_tls(store, error);
    if (result == STORE_OK && store_mysql_has_choice(store))
        result = store_mysql_judge_node(store, error);
    if (result == STORE_OK)
        result = store_mysql_session_set(store, error);
    if (result != STORE_OK)
        disconnect(store);
    return result;
}

/* What is wrong with each of several servers. */
static void join(struct error *all, const struct error *one)
{
    const struct error before = *all;
    error_set(all, "%s%s%s", before.text, before.text[0] != '\0' ? "; " : "", one->text);
}

/* Tries the servers in turn, beginning with the one that worked last. */
static enum store_result connect_server(struct store *base, struct error *error)
{
    struct store_mysql *store = (struct store_mysql *)base;
    struct error all = {{0}};
    enum store_result result = STORE_FAILED;
    disconnect(store);
    base->awaits_setup = false;
    for (size_t i = 0; i < store->hosts.count; i++) {
        struct error one = {{0}};
        enum store_result of_host = connect_host(store, &one);
        if (of_host == STORE_OK)
            return STORE_OK;
        result = of_host == STORE_RETRY ? STORE_RETRY : result;
        join(&all, &one);
        store->host = (uint8_t)((store->host + 1) % store->hosts.count);
    }
    describe(store, 0, store->hosts.count);
    error_set(error, "%s", all.text);
    return result;
}

enum store_result store_mysql_need_connection(struct store_mysql *store, struct error *error)
{
    return store_mysql_is_connected(store) ? STORE_OK : connect_server(&store->base, error);
}

/* --- life --- */

static void destroy(struct store *base)
{
    struct store_mysql *store = (struct store_mysql *)base;
    disconnect(store);
    sql_text_deinit(&store->sql);
    sql_text_deinit(&store->key_names);
    sql_text_deinit(&store->json);
    store_erased_deinit(&store->erased);
    store_order_deinit(&store->order);
    free(store->missing);
    free(store);
}

static const struct store_ops ops = {
    .destroy = destroy,
    .connect = connect_server,
    .migrate = store_mysql_migrate,
    .schema_version = store_mysql_schema_version,
    .check_tables = store_mysql_check_tables,
    .read_id = store_mysql_read_id,
    .write = store_mysql_write,
    .each_dead_coupon = store_mysql_each_dead_coupon,
    .adopt_journal = store_mysql_adopt_journal,
    .read_begin = store_mysql_read_begin,
    .each_journal = store_mysql_each_journal,
    .each_coupon = store_mysql_each_coupon,
    .each_issue = store_mysql_each_issue,
    .each_change = store_mysql_each_change,
    .each_history = store_mysql_each_history,
    .each_erasure = store_mysql_each_erasure,
    .each_dead_letter = store_mysql_each_dead_letter,
    .read_issues = store_mysql_read_issues,
    .read_earlier = store_mysql_read_earlier,
    .read_history = store_mysql_read_history_page,
    .find_owner = store_mysql_find_owner,
    .create_ownership = store_mysql_create_ownership,
    .read_ownership = store_mysql_read_ownership,
    .change_ownership = store_mysql_change_ownership,
    .read_end = store_mysql_read_end,
};

/* -1 and `error` when store/host is faulty. */
static int take_hosts(struct store_mysql *store, struct error *error)
{
    const struct options *options = store->options;
    store->hosts.count = 1;
    if (options->store_socket[0] != '\0' ||
        host_list_parse(options->store_host, (uint16_t)options->store_port, &store->hosts, error) == 0)
        return 0;
    return error_prefix(error, "store/host");
}

static void start_library(void)
{
    CHECK(mysql_library_init(0, NULL, NULL) == 0);
}

struct store *store_mysql_create(const struct options *options, struct error *error)
{
    static pthread_once_t library_once = PTHREAD_ONCE_INIT;
    if (!tls_is(options, "off") && !tls_is(options, "preferred") && !tls_is(options, "required") &&
        !tls_is(options, "verify")) {
        error_set(error, "store/tls is \"%s\"; it must be off, preferred, required or verify", options->store_tls);
        return NULL;
    }
    pthread_once(&library_once, start_library);
    struct store_mysql *store = calloc(1, sizeof *store);
    CHECK(store != NULL);
    store->base.ops = &ops;
    store->options = options;
    if (take_hosts(store, error) != 0) {
        destroy(&store->base);
        return NULL;
    }
    describe(store, 0, store->hosts.count);
    return &store->base;
}
