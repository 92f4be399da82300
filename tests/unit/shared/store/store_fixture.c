#include "tests/unit/shared/store/store_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>
#include <mysql.h>
#include <sqlite3.h>

#include "shared/store/erased.h"

/* --- where the server is --- */

bool store_fixture_has_mysql(void)
{
    const char *text = getenv("COUPOND_TEST_MYSQL");
    return text && *text;
}

const char *store_fixture_mysql(const char *key)
{
    static char value[OPTION_STRING_MAX];
    const char *at = getenv("COUPOND_TEST_MYSQL");
    size_t key_length = strlen(key);
    while (at && *at) {
        size_t length = strcspn(at, ";");
        if (strncmp(at, key, key_length) == 0 && at[key_length] == '=') {
            snprintf(value, sizeof value, "%.*s", (int)(length - key_length - 1), at + key_length + 1);
            return value;
        }
        at += length;
        at += *at == ';';
    }
    return "";
}

static void read_password(char out[OPTION_STRING_MAX])
{
    FILE *file = fopen(store_fixture_mysql("password_file"), "r");
    assert_non_null(file);
    assert_non_null(fgets(out, OPTION_STRING_MAX, file));
    out[strcspn(out, "\n")] = '\0';
    fclose(file);
}

/* --- life --- */

static struct store_fixture *create(const char *type)
{
    struct store_fixture *fixture = calloc(1, sizeof *fixture);
    assert_non_null(fixture);
    options_init(&fixture->options);
    snprintf(fixture->options.store_type, sizeof fixture->options.store_type, "%s", type);
    snprintf(fixture->directory, sizeof fixture->directory, "/tmp/coupond-store-XXXXXX");
    assert_non_null(mkdtemp(fixture->directory));
    return fixture;
}

static void open_store(struct store_fixture *fixture)
{
    fixture->store = store_create(&fixture->options, &fixture->error);
    assert_non_null(fixture->store);
    assert_int_equal(store_connect(fixture->store, &fixture->error), STORE_OK);
}

int store_fixture_setup_sqlite(void **state)
{
    struct store_fixture *fixture = create("sqlite");
    snprintf(fixture->options.store_path, sizeof fixture->options.store_path, "%s/coupond.db", fixture->directory);
    open_store(fixture);
    store_fixture_begin(fixture);
    *state = fixture;
    return 0;
}

static void empty_database(const struct store_fixture *fixture)
{
    char sql[512];
    snprintf(sql, sizeof sql, "DROP DATABASE IF EXISTS %s", fixture->options.store_database);
    store_fixture_admin_sql(sql);
    snprintf(sql, sizeof sql, "CREATE DATABASE %s", fixture->options.store_database);
    store_fixture_admin_sql(sql);
}

int store_fixture_setup_mysql(void **state)
{
    struct store_fixture *fixture = create("mysql");
    struct options *options = &fixture->options;
    snprintf(options->store_socket, sizeof options->store_socket, "%s", store_fixture_mysql("socket"));
    snprintf(options->store_host, sizeof options->store_host, "%s", store_fixture_mysql("host"));
    options->store_port = atoi(store_fixture_mysql("port"));
    snprintf(options->store_user, sizeof options->store_user, "%s", store_fixture_mysql("user"));
    snprintf(options->store_database, sizeof options->store_database, "%s", store_fixture_mysql("database"));
    read_password(options->store_password);
    empty_database(fixture);
    open_store(fixture);
    store_fixture_begin(fixture);
    *state = fixture;
    return 0;
}

int store_fixture_teardown(void **state)
{
    struct store_fixture *fixture = *state;
    store_destroy(&fixture->store);
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", fixture->directory);
    assert_int_equal(system(command), 0);
    free(fixture);
    return 0;
}

struct store *store_fixture_another(struct store_fixture *fixture)
{
    struct store *store = store_create(&fixture->options, &fixture->error);
    assert_non_null(store);
    assert_int_equal(store_connect(store, &fixture->error), STORE_OK);
    assert_int_equal(store_migrate(store, &fixture->error), STORE_OK);
    return store;
}

/* --- around the store --- */

static MYSQL *connect_mysql(const char *user, const char *password, const char *database)
{
    MYSQL *connection = mysql_init(NULL);
    char socket[OPTION_STRING_MAX];
    snprintf(socket, sizeof socket, "%s", store_fixture_mysql("socket"));
    mysql_options(connection, MYSQL_SET_CHARSET_NAME, "utf8mb4");
    if (!mysql_real_connect(connection, "localhost", user, password, database, 0, socket, 0))
        fail_msg("connecting as %s: %s", user, mysql_error(connection));
    return connection;
}

static int64_t run_mysql(MYSQL *connection, const char *sql)
{
    if (mysql_query(connection, sql) != 0)
        fail_msg("%s: %s", sql, mysql_error(connection));
    int64_t number = 0;
    MYSQL_RES *rows = mysql_store_result(connection);
    if (rows) {
        MYSQL_ROW row = mysql_fetch_row(rows);
        number = row && row[0] ? atoll(row[0]) : 0;
        mysql_free_result(rows);
    }
    mysql_close(connection);
    return number;
}

void store_fixture_admin_sql(const char *sql)
{
    char admin[OPTION_STRING_MAX];
    snprintf(admin, sizeof admin, "%s", store_fixture_mysql("admin"));
    run_mysql(connect_mysql(admin, "", NULL), sql);
}

static int64_t run_sqlite(const char *path, const char *sql)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *statement = NULL;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    sqlite3_busy_timeout(db, 10000);
    if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) != SQLITE_OK)
        fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    int code = sqlite3_step(statement);
    int64_t number = code == SQLITE_ROW ? sqlite3_column_int64(statement, 0) : 0;
    if (code != SQLITE_ROW && code != SQLITE_DONE)
        fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    sqlite3_finalize(statement);
    sqlite3_close(db);
    return number;
}

int64_t store_fixture_number(struct store_fixture *fixture, const char *sql)
{
    const struct options *options = &fixture->options;
    if (strcmp(options->store_type, "sqlite") == 0)
        return run_sqlite(options->store_path, sql);
    char password[OPTION_STRING_MAX];
    read_password(password);
    return run_mysql(connect_mysql(options->store_user, password, options->store_database), sql);
}

void store_fixture_sql(struct store_fixture *fixture, const char *sql)
{
    store_fixture_number(fixture, sql);
}

void store_fixture_control(const char *action)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const char *path = getenv("COUPOND_TEST_CONTROL");
    assert_non_null(path);
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    int connection = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(connect(connection, (struct sockaddr *)&address, sizeof address), 0);
    FILE *lines = fdopen(connection, "r+");
    char answer[512] = "";
    fprintf(lines, "%s\n", action);
    fflush(lines);
    assert_non_null(fgets(answer, sizeof answer, lines));
    fclose(lines);
    assert_string_equal(answer, "ok\n");
}

/* --- rows --- */

void store_fixture_begin(struct store_fixture *fixture)
{
    fixture->batch = (struct store_batch){
        .partition = 0,
        .partitions = 1,
        .first_seq = 1,
        .coupons = fixture->rows,
        .issues = fixture->issues,
        .changes = fixture->changes,
        .erasures = fixture->erasures,
    };
    memset(fixture->batch.journal_id, 0x5a, sizeof fixture->batch.journal_id);
    fixture->from = fixture->coupons;
    fixture->to = fixture->rows;
}

static void note_seq(struct store_batch *batch, uint64_t journal_seq)
{
    if (journal_seq > batch->last_seq)
        batch->last_seq = journal_seq;
}

struct coupon *store_fixture_coupon(struct store_fixture *fixture, const char *id, uint64_t journal_seq)
{
    struct coupon *coupon = &fixture->coupons[fixture->batch.coupons_count++];
    *coupon = (struct coupon){
        .title = "A coffee",
        .quantity = 1000000,
        .per_user_limit = 1,
        .starts_at_us = TIME_NONE,
        .ends_at_us = TIME_NONE,
        .redeem_until_us = TIME_NONE,
        .created_at_us = 1763691900000000,
        .updated_at_us = 1763691900000000 + (int64_t)journal_seq,
        .journal_seq = journal_seq,
    };
    snprintf(coupon->id, sizeof coupon->id, "%s", id);
    note_seq(&fixture->batch, journal_seq);
    return coupon;
}

/* `coupon_id` is borrowed, `user_id` copied. */
struct store_issue *store_fixture_issue(struct store_fixture *fixture, const char *coupon_id, uint32_t sequence,
                                        const char *user_id, uint64_t journal_seq)
{
    size_t i = fixture->batch.issues_count++;
    assert_true(i < STORE_FIXTURE_ISSUES_MAX);
    snprintf(fixture->users[i], sizeof fixture->users[i], "%s", user_id);
    fixture->issues[i] = (struct store_issue){
        .coupon_id = coupon_id,
        .user_id = fixture->users[i],
        .coupon_id_length = (uint8_t)strlen(coupon_id),
        .user_id_length = (uint8_t)strlen(user_id),
        .nth = 1,
        .sequence = sequence,
        .issued_at_us = 1763691900123456 + (int64_t)journal_seq,
        .journal_seq = journal_seq,
    };
    note_seq(&fixture->batch, journal_seq);
    return &fixture->issues[i];
}

struct store_change *store_fixture_change(struct store_fixture *fixture, const char *coupon_id, uint32_t sequence,
                                          enum issue_state state, uint64_t journal_seq)
{
    bool revoked = state == ISSUE_REVOKED;
    struct store_change *change = &fixture->changes[fixture->batch.changes_count++];
    *change = (struct store_change){
        .coupon_id = coupon_id,
        .user_id = "",
        .reference = revoked ? "" : "r",
        .reason = revoked ? "why" : "",
        .actor = "admin",
        .coupon_id_length = (uint8_t)strlen(coupon_id),
        .reference_length = revoked ? 0 : 1,
        .reason_length = revoked ? 3 : 0,
        .actor_length = 5,
        .state = (uint8_t)state,
        .sequence = sequence,
        .changed_at_us = 1763691900123456 + (int64_t)journal_seq,
        .journal_seq = journal_seq,
    };
    note_seq(&fixture->batch, journal_seq);
    return change;
}

struct store_erasure *store_fixture_erasure(struct store_fixture *fixture, const char *user_id, uint64_t journal_seq)
{
    struct store_erasure *erasure = &fixture->erasures[fixture->batch.erasures_count++];
    *erasure = (struct store_erasure){
        .user_id = user_id,
        .actor = "admin",
        .request_id = "request-1",
        .user_id_length = (uint8_t)strlen(user_id),
        .actor_length = 5,
        .request_id_length = 9,
        .erased_at_us = 1763691900123456 + (int64_t)journal_seq,
        .journal_seq = journal_seq,
    };
    store_fingerprint(fixture->batch.fingerprint_key, user_id, strlen(user_id), erasure->fingerprint);
    note_seq(&fixture->batch, journal_seq);
    return erasure;
}

void store_fixture_add_keys(struct store_fixture *fixture)
{
    memset(fixture->batch.fingerprint_key, 0x11, sizeof fixture->batch.fingerprint_key);
    memset(fixture->batch.code_key, 0x22, sizeof fixture->batch.code_key);
}

void store_fixture_borrow(struct store_fixture *fixture)
{
    for (size_t i = 0; i < fixture->batch.coupons_count; i++)
        fixture->to[i] = store_coupon_borrow(&fixture->from[i]);
    fixture->batch.coupons = fixture->to;
}

enum store_result store_fixture_write(struct store_fixture *fixture)
{
    store_fixture_borrow(fixture);
    return store_write(fixture->store, &fixture->batch, &fixture->error);
}

void store_fixture_begin_issues(struct store_fixture *fixture, uint32_t count)
{
    store_fixture_begin(fixture);
    store_fixture_coupon(fixture, "c", 1);
    for (uint32_t i = 1; i <= count; i++) {
        char user[24];
        snprintf(user, sizeof user, "u%u", i);
        store_fixture_issue(fixture, "c", i, user, i + 1);
    }
}

void store_fixture_migrate(struct store_fixture *fixture)
{
    assert_int_equal(store_migrate(fixture->store, &fixture->error), STORE_OK);
}

void store_fixture_assert_written(struct store_fixture *fixture)
{
    if (store_fixture_write(fixture) != STORE_OK)
        fail_msg("%s", fixture->error.text);
}

void store_fixture_assert_error(const struct store_fixture *fixture, const char *words)
{
    if (!strstr(fixture->error.text, words))
        fail_msg("\"%s\" does not say \"%s\"", fixture->error.text, words);
}
