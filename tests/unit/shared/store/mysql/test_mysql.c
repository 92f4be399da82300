/*
 * Faults of a server, each produced on a real one. Skipped unless COUPOND_TEST_MYSQL names a server
 * (tests/support/servers.py).
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <mysql.h>

#include "tests/unit/shared/store/store_fixture.h"

/* --- helpers --- */

/* Closes the store and creates another with the changed options. */
static void reopen(struct store_fixture *fixture)
{
    store_destroy(&fixture->store);
    fixture->store = store_create(&fixture->options, &fixture->error);
    assert_non_null(fixture->store);
}

static void assert_connecting(struct store_fixture *fixture, enum store_result result, const char *words)
{
    assert_int_equal(store_connect(fixture->store, &fixture->error), result);
    store_fixture_assert_error(fixture, words);
}

static int64_t issues_stored(struct store_fixture *fixture)
{
    return store_fixture_number(fixture, "SELECT COUNT(*) FROM coupon_issue");
}

static void use_tcp(struct store_fixture *fixture)
{
    fixture->options.store_socket[0] = '\0';
    reopen(fixture);
}

/* --- connecting --- */

static void a_wrong_password_is_refused_and_never_told(void **state)
{
    struct store_fixture *fixture = *state;
    snprintf(fixture->options.store_password, sizeof fixture->options.store_password, "not-the-password");
    reopen(fixture);
    assert_connecting(fixture, STORE_FAILED, "denied");
    assert_null(strstr(fixture->error.text, "not-the-password"));
    assert_null(strstr(store_describe(fixture->store), "not-the-password"));
}

static void a_database_that_is_not_there_is_refused(void **state)
{
    struct store_fixture *fixture = *state;
    snprintf(fixture->options.store_database, sizeof fixture->options.store_database, "coupond_elsewhere");
    reopen(fixture);
    assert_connecting(fixture, STORE_FAILED, "coupond_elsewhere");
}

static void nobody_listening_is_a_passing_fault(void **state)
{
    struct store_fixture *fixture = *state;
    snprintf(fixture->options.store_socket, sizeof fixture->options.store_socket, "/tmp/no-such-socket");
    reopen(fixture);
    assert_connecting(fixture, STORE_RETRY, "/tmp/no-such-socket");
    use_tcp(fixture);
    fixture->options.store_port = 1;
    reopen(fixture);
    assert_connecting(fixture, STORE_RETRY, "127.0.0.1:1");
}

static void limit_connections(struct store_fixture *fixture, int limit)
{
    char sql[512];
    snprintf(sql, sizeof sql, "ALTER USER '%s'@'localhost' WITH MAX_USER_CONNECTIONS %d", fixture->options.store_user,
             limit);
    store_fixture_admin_sql(sql);
}

static void too_many_connections_are_a_passing_fault(void **state)
{
    struct store_fixture *fixture = *state;
    limit_connections(fixture, 1);
    reopen(fixture); /* the limit applies to new connections only */
    enum store_result first = store_connect(fixture->store, &fixture->error);
    struct store *another = store_create(&fixture->options, &fixture->error);
    enum store_result second = store_connect(another, &fixture->error);
    limit_connections(fixture, 0);
    enum store_result third = store_connect(another, &fixture->error);
    store_destroy(&another);
    assert_int_equal(first, STORE_OK);
    assert_int_equal(second, STORE_RETRY);
    assert_int_equal(third, STORE_OK);
}

static void tcp_reaches_the_same_server(void **state)
{
    struct store_fixture *fixture = *state;
    use_tcp(fixture);
    store_fixture_migrate(fixture);
    store_fixture_begin_issues(fixture, 3);
    assert_int_equal(store_fixture_write(fixture), STORE_OK);
    assert_int_equal(issues_stored(fixture), 3);
}

/* --- TLS: MySQL has a certificate for 127.0.0.1, MariaDB is the server without TLS --- */

static bool server_has_tls(void)
{
    return store_fixture_mysql("tls_ca")[0] != '\0';
}

static void set_authorities(struct store_fixture *fixture)
{
    snprintf(fixture->options.store_tls_ca, sizeof fixture->options.store_tls_ca, "%s", store_fixture_mysql("tls_ca"));
}

static void set_tls(struct store_fixture *fixture, const char *tls)
{
    snprintf(fixture->options.store_tls, sizeof fixture->options.store_tls, "%s", tls);
    use_tcp(fixture);
}

static void required_tls_is_used_or_the_server_refused(void **state)
{
    struct store_fixture *fixture = *state;
    set_tls(fixture, "required");
    if (server_has_tls())
        assert_int_equal(store_connect(fixture->store, &fixture->error), STORE_OK);
    else
        assert_connecting(fixture, STORE_FAILED, "TLS");
}

static void the_right_authority_and_host_pass_verification(void **state)
{
    struct store_fixture *fixture = *state;
    if (!server_has_tls())
        skip();
    set_authorities(fixture);
    set_tls(fixture, "verify");
    enum store_result result = store_connect(fixture->store, &fixture->error);
    if (result != STORE_OK)
        fail_msg("%s", fixture->error.text);
    store_fixture_migrate(fixture);
}

static void another_host_than_the_certificate_names_fails_verification(void **state)
{
    struct store_fixture *fixture = *state;
    if (!server_has_tls())
        skip();
    set_authorities(fixture);
    snprintf(fixture->options.store_host, sizeof fixture->options.store_host, "127.0.0.2");
    set_tls(fixture, "verify");
    assert_int_equal(store_connect(fixture->store, &fixture->error), STORE_FAILED);
    set_tls(fixture, "required");
    assert_int_equal(store_connect(fixture->store, &fixture->error), STORE_OK);
}

static void require_tls_of_the_user(struct store_fixture *fixture, bool required)
{
    char sql[512];
    snprintf(sql, sizeof sql, "ALTER USER '%s'@'localhost' REQUIRE %s", fixture->options.store_user,
             required ? "SSL" : "NONE");
    store_fixture_admin_sql(sql);
    snprintf(sql, sizeof sql, "ALTER USER '%s'@'%%' REQUIRE %s", fixture->options.store_user,
             required ? "SSL" : "NONE");
    store_fixture_admin_sql(sql);
}

static void preferred_uses_tls_where_the_server_has_it_and_off_does_not(void **state)
{
    struct store_fixture *fixture = *state;
    if (!server_has_tls())
        skip();
    require_tls_of_the_user(fixture, true);
    set_tls(fixture, "preferred");
    enum store_result preferred = store_connect(fixture->store, &fixture->error);
    set_tls(fixture, "off");
    enum store_result off = store_connect(fixture->store, &fixture->error);
    require_tls_of_the_user(fixture, false);
    assert_int_equal(preferred, STORE_OK);
    assert_int_equal(off, STORE_FAILED);
}

static void tls_that_nobody_vouches_for_fails_verification(void **state)
{
    struct store_fixture *fixture = *state;
    set_tls(fixture, "verify");
    assert_int_equal(store_connect(fixture->store, &fixture->error), STORE_FAILED);
}

static void authorities_that_cannot_be_read_fail(void **state)
{
    struct store_fixture *fixture = *state;
    snprintf(fixture->options.store_tls_ca, sizeof fixture->options.store_tls_ca, "/tmp/no-such-authorities.pem");
    set_tls(fixture, "verify");
    assert_int_equal(store_connect(fixture->store, &fixture->error), STORE_FAILED);
}

static void preferred_and_off_connect_to_any_server(void **state)
{
    struct store_fixture *fixture = *state;
    set_tls(fixture, "preferred");
    assert_int_equal(store_connect(fixture->store, &fixture->error), STORE_OK);
    set_tls(fixture, "off");
    assert_int_equal(store_connect(fixture->store, &fixture->error), STORE_OK);
}

/* --- losing the server --- */

static void kill_connections(struct store_fixture *fixture)
{
    char sql[512];
    snprintf(sql, sizeof sql, "SELECT id FROM information_schema.processlist WHERE user = '%s' ORDER BY id LIMIT 1",
             fixture->options.store_user);
    int64_t id = store_fixture_number(fixture, sql);
    snprintf(sql, sizeof sql, "KILL CONNECTION %lld", (long long)id);
    store_fixture_admin_sql(sql);
}

static void a_lost_connection_is_a_passing_fault_and_made_again(void **state)
{
    struct store_fixture *fixture = *state;
    store_fixture_migrate(fixture);
    kill_connections(fixture);
    store_fixture_begin_issues(fixture, 3);
    assert_int_equal(store_fixture_write(fixture), STORE_RETRY);
    assert_int_equal(store_fixture_write(fixture), STORE_OK);
    assert_int_equal(issues_stored(fixture), 3);
}

static void a_server_that_stops_and_comes_back_is_written_to_again(void **state)
{
    struct store_fixture *fixture = *state;
    store_fixture_migrate(fixture);
    store_fixture_begin_issues(fixture, 3);
    assert_int_equal(store_fixture_write(fixture), STORE_OK);
    store_fixture_control("stop");
    store_fixture_begin_issues(fixture, 5);
    assert_int_equal(store_fixture_write(fixture), STORE_RETRY);
    assert_int_equal(store_fixture_write(fixture), STORE_RETRY);
    store_fixture_control("start");
    assert_int_equal(store_fixture_write(fixture), STORE_OK);
    assert_int_equal(issues_stored(fixture), 5);
}

static void *kill_server(void *arg)
{
    (void)arg;
    store_fixture_control("kill");
    return NULL;
}

/* The server dies during one of these writes, at any moment; acknowledged writes survive. */
static void a_server_killed_in_the_middle_loses_nothing_that_was_written(void **state)
{
    struct store_fixture *fixture = *state;
    uint32_t written = 0;
    enum store_result result = STORE_OK;
    store_fixture_migrate(fixture);
    store_fixture_begin_issues(fixture, STORE_FIXTURE_ISSUES_MAX);
    store_fixture_borrow(fixture);
    struct store_batch batch = fixture->batch;
    pthread_t killer;
    for (; result == STORE_OK && written < STORE_FIXTURE_ISSUES_MAX; written += result == STORE_OK ? 100 : 0) {
        if (written == 1000)
            assert_int_equal(pthread_create(&killer, NULL, kill_server, NULL), 0);
        batch.issues = fixture->issues + written;
        batch.issues_count = 100;
        result = store_write(fixture->store, &batch, &fixture->error);
    }
    pthread_join(killer, NULL);
    assert_int_equal(result, STORE_RETRY);
    store_fixture_control("start");
    assert_in_range(issues_stored(fixture), written, written + 100); /* the last one may be committed */
    assert_int_equal(store_write(fixture->store, &batch, &fixture->error), STORE_OK);
    assert_int_equal(issues_stored(fixture), written + 100);
}

static bool count_some(void *arg, const struct store_issue *issue)
{
    (void)issue;
    if (++*(size_t *)arg == 10)
        store_fixture_control("kill");
    return true;
}

static void a_server_killed_under_a_reader_ends_its_snapshot(void **state)
{
    struct store_fixture *fixture = *state;
    size_t count = 0;
    store_fixture_migrate(fixture);
    store_fixture_begin_issues(fixture, STORE_FIXTURE_ISSUES_MAX);
    assert_int_equal(store_fixture_write(fixture), STORE_OK);
    assert_int_equal(store_read_begin(fixture->store, &fixture->error), STORE_OK);
    assert_int_equal(store_each_issue(fixture->store, count_some, &count, &fixture->error), STORE_RETRY);
    assert_in_range(count, 10, STORE_FIXTURE_ISSUES_MAX - 1);
    assert_int_equal(store_each_issue(fixture->store, count_some, &count, &fixture->error), STORE_RETRY);
    store_fixture_assert_error(fixture, "lost");
    store_read_end(fixture->store);
    store_fixture_control("start");
}

/* --- A server in trouble --- */

static void a_server_that_may_only_be_read_is_a_passing_fault(void **state)
{
    struct store_fixture *fixture = *state;
    store_fixture_migrate(fixture);
    store_fixture_begin_issues(fixture, 3);
    store_fixture_admin_sql("SET GLOBAL read_only = 1");
    enum store_result result = store_fixture_write(fixture);
    store_fixture_admin_sql("SET GLOBAL read_only = 0");
    assert_int_equal(result, STORE_RETRY);
    store_fixture_assert_error(fixture, "read-only");
    assert_int_equal(store_fixture_write(fixture), STORE_OK);
}

static MYSQL *hold_a_row(struct store_fixture *fixture)
{
    const struct options *options = &fixture->options;
    MYSQL *holder = mysql_init(NULL);
    assert_non_null(mysql_real_connect(holder, "localhost", options->store_user, options->store_password,
                                       options->store_database, 0, options->store_socket, 0));
    assert_int_equal(mysql_query(holder, "START TRANSACTION"), 0);
    assert_int_equal(mysql_query(holder, "UPDATE coupon SET issued = 0 WHERE id = 'c'"), 0);
    return holder;
}

static void a_row_that_another_holds_is_a_passing_fault(void **state)
{
    struct store_fixture *fixture = *state;
    store_fixture_migrate(fixture);
    store_fixture_begin_issues(fixture, 0);
    assert_int_equal(store_fixture_write(fixture), STORE_OK);
    fixture->options.store_io_timeout_ms = 2000;
    reopen(fixture);
    MYSQL *holder = hold_a_row(fixture);
    store_fixture_begin_issues(fixture, 3);
    fixture->batch.coupons_count = 0;
    assert_int_equal(store_fixture_write(fixture), STORE_RETRY);
    store_fixture_assert_error(fixture, "Lock wait timeout");
    assert_int_equal(issues_stored(fixture), 0);
    mysql_close(holder);
    assert_int_equal(store_fixture_write(fixture), STORE_OK);
}

static void small_packets_are_respected(void **state)
{
    struct store_fixture *fixture = *state;
    store_fixture_migrate(fixture);
    static struct store_erasure erasures[200];
    char sql[512];
    snprintf(sql, sizeof sql, "SET GLOBAL max_allowed_packet = %lld",
             (long long)store_fixture_number(fixture, "SELECT @@global.max_allowed_packet"));
    store_fixture_admin_sql("SET GLOBAL max_allowed_packet = 16384");
    reopen(fixture);
    store_fixture_begin_issues(fixture, 2000);
    for (size_t i = 0; i < 200; i++, fixture->batch.erasures_count = 0)
        erasures[i] = *store_fixture_erasure(fixture, "nobody", 3000 + i);
    fixture->batch.erasures = erasures;
    fixture->batch.erasures_count = 200;
    enum store_result result = store_fixture_write(fixture);
    store_fixture_admin_sql(sql);
    assert_int_equal(result, STORE_OK);
    assert_int_equal(issues_stored(fixture), 2000);
    assert_int_equal(store_fixture_number(fixture, "SELECT COUNT(*) FROM erasure"), 200);
}

static void a_table_that_is_gone_will_not_come_back_by_itself(void **state)
{
    struct store_fixture *fixture = *state;
    store_fixture_migrate(fixture);
    store_fixture_sql(fixture, "DROP TABLE coupon_issue");
    store_fixture_begin_issues(fixture, 1);
    assert_int_equal(store_fixture_write(fixture), STORE_FAILED);
    store_fixture_assert_error(fixture, "coupon_issue");
    assert_int_equal(store_fixture_number(fixture, "SELECT COUNT(*) FROM coupon"), 0);
}

static void the_session_of_whoever_looks_does_not_change_the_times(void **state)
{
    struct store_fixture *fixture = *state;
    store_fixture_migrate(fixture);
    store_fixture_admin_sql("SET GLOBAL time_zone = '+09:00'");
    reopen(fixture);
    store_fixture_begin_issues(fixture, 1);
    fixture->issues[0].issued_at_us = 1774746000000001;
    enum store_result result = store_fixture_write(fixture);
    int64_t right = store_fixture_number(
        fixture, "SELECT issued_at = '2026-03-29 01:00:00.000001' FROM coupon_issue WHERE sequence = 1");
    store_fixture_admin_sql("SET GLOBAL time_zone = '+00:00'");
    assert_int_equal(result, STORE_OK);
    assert_int_equal(right, 1);
}

/* --- many rows at once: arrays, where server and library support them --- */

static bool server_takes_arrays(struct store_fixture *fixture)
{
#ifdef MARIADB_BASE_VERSION
    return store_fixture_number(fixture, "SELECT VERSION() LIKE '%MariaDB%'") == 1;
#else
    (void)fixture;
    return false;
#endif
}

static int64_t statements_prepared(struct store_fixture *fixture)
{
    return store_fixture_number(
        fixture,
        "SELECT VARIABLE_VALUE FROM information_schema.GLOBAL_STATUS WHERE VARIABLE_NAME = 'COM_STMT_PREPARE'");
}

static void rows_in_arrays_are_stored_exactly(void **state)
{
    struct store_fixture *fixture = *state;
    if (!server_takes_arrays(fixture))
        skip();
    store_fixture_migrate(fixture);
    int64_t before = statements_prepared(fixture);
    store_fixture_begin_issues(fixture, 100);
    for (int i = 0; i < 100; i++)
        fixture->issues[i].issued_at_us = 951782400000000 + i / 2 * INT64_C(86399999999); /* from 2000-02-29 on */
    fixture->issues[99].nth = 1000;
    fixture->issues[99].journal_seq = INT64_MAX;
    assert_int_equal(store_fixture_write(fixture), STORE_OK);
    assert_true(statements_prepared(fixture) > before);
    assert_int_equal(store_fixture_number(fixture, "SELECT COUNT(*) FROM coupon_issue WHERE coupon_id = 'c' AND "
                                                   "user_id = CONCAT('u', sequence) AND issued_at = '2000-02-29' + "
                                                   "INTERVAL (sequence - 1) DIV 2 * 86399999999 MICROSECOND"),
                     100);
    assert_int_equal(store_fixture_number(fixture, "SELECT COUNT(*) FROM coupon_issue WHERE sequence = 100 AND "
                                                   "nth = 1000 AND journal_seq = 9223372036854775807"),
                     1);
}

static void a_server_that_prepares_no_statement_gets_text(void **state)
{
    struct store_fixture *fixture = *state;
    store_fixture_migrate(fixture);
    int64_t before = store_fixture_number(fixture, "SELECT @@global.max_prepared_stmt_count");
    store_fixture_admin_sql("SET GLOBAL max_prepared_stmt_count = 0");
    store_fixture_begin_issues(fixture, 100);
    enum store_result first = store_fixture_write(fixture);
    enum store_result again = store_fixture_write(fixture);
    char sql[128];
    snprintf(sql, sizeof sql, "SET GLOBAL max_prepared_stmt_count = %lld", (long long)before);
    store_fixture_admin_sql(sql);
    assert_int_equal(first, STORE_OK);
    assert_int_equal(again, STORE_OK);
    assert_int_equal(issues_stored(fixture), 100);
}

static void mysql_is_not_tested_because_COUPOND_TEST_MYSQL_is_not_set(void **state)
{
    (void)state;
    skip();
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, store_fixture_setup_mysql, store_fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_wrong_password_is_refused_and_never_told),
        TEST(a_database_that_is_not_there_is_refused),
        TEST(nobody_listening_is_a_passing_fault),
        TEST(too_many_connections_are_a_passing_fault),
        TEST(tcp_reaches_the_same_server),
        TEST(required_tls_is_used_or_the_server_refused),
        TEST(the_right_authority_and_host_pass_verification),
        TEST(another_host_than_the_certificate_names_fails_verification),
        TEST(preferred_uses_tls_where_the_server_has_it_and_off_does_not),
        TEST(tls_that_nobody_vouches_for_fails_verification),
        TEST(authorities_that_cannot_be_read_fail),
        TEST(preferred_and_off_connect_to_any_server),
        TEST(a_lost_connection_is_a_passing_fault_and_made_again),
        TEST(a_server_that_stops_and_comes_back_is_written_to_again),
        TEST(a_server_killed_in_the_middle_loses_nothing_that_was_written),
        TEST(a_server_killed_under_a_reader_ends_its_snapshot),
        TEST(a_server_that_may_only_be_read_is_a_passing_fault),
        TEST(a_row_that_another_holds_is_a_passing_fault),
        TEST(small_packets_are_respected),
        TEST(a_table_that_is_gone_will_not_come_back_by_itself),
        TEST(the_session_of_whoever_looks_does_not_change_the_times),
        TEST(rows_in_arrays_are_stored_exactly),
        TEST(a_server_that_prepares_no_statement_gets_text),
    };
    const struct CMUnitTest none[] = {cmocka_unit_test(mysql_is_not_tested_because_COUPOND_TEST_MYSQL_is_not_set)};
    return store_fixture_has_mysql() ? cmocka_run_group_tests_name("store mysql faults", tests, NULL, NULL)
                                     : cmocka_run_group_tests_name("store mysql faults", none, NULL, NULL);
}
