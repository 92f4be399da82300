/*
 * The session of the mysql store: whatever the server does to it at the start, and a connection pool later. Skipped
 * unless COUPOND_TEST_MYSQL names a server (tests/support/servers.py).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "shared/store/mysql/mysql.h"
#include "tests/unit/shared/store/store_fixture.h"

#define TITLE "정오의 쿠폰 ☕🎁"

/* A pool that does not pass on SET NAMES and returns another session's settings. The linker redirects mysql_query() to
 * this. */
static const char *names_of_another;

int __real_mysql_query(MYSQL *connection, const char *text);
int __wrap_mysql_query(MYSQL *connection, const char *text);

int __wrap_mysql_query(MYSQL *connection, const char *text)
{
    bool swallowed = names_of_another && strncmp(text, "SET NAMES", 9) == 0;
    return __real_mysql_query(connection, swallowed ? names_of_another : text);
}

/* --- helpers --- */

static void reopen(struct store_fixture *fixture)
{
    store_destroy(&fixture->store);
    fixture->store = store_create(&fixture->options, &fixture->error);
    assert_non_null(fixture->store);
}

static void begin_titled(struct store_fixture *fixture)
{
    store_fixture_begin_issues(fixture, 3);
    snprintf(fixture->coupons[0].title, sizeof fixture->coupons[0].title, "%s", TITLE);
}

struct counted {
    size_t coupons;
    size_t issues;
};

static bool check_coupon(void *arg, const struct coupon *coupon)
{
    struct counted *counted = arg;
    counted->coupons++;
    assert_string_equal(coupon->title, TITLE);
    assert_int_equal(coupon->created_at_us, 1763691900000000);
    return true;
}

static bool count_issue(void *arg, const struct store_issue *issue)
{
    struct counted *counted = arg;
    counted->issues++;
    assert_int_equal(issue->sequence, counted->issues);
    return true;
}

static void assert_reads_whole(struct store_fixture *fixture)
{
    struct counted counted = {0};
    if (store_read_begin(fixture->store, &fixture->error) != STORE_OK)
        fail_msg("%s", fixture->error.text);
    assert_int_equal(store_each_coupon(fixture->store, check_coupon, &counted, &fixture->error), STORE_OK);
    assert_int_equal(store_each_issue(fixture->store, count_issue, &counted, &fixture->error), STORE_OK);
    store_read_end(fixture->store);
    assert_int_equal(counted.coupons, 1);
    assert_int_equal(counted.issues, 3);
}

/* Written, written again (which reads and compares), and read. */
static void assert_keeps_rows(struct store_fixture *fixture)
{
    store_fixture_assert_written(fixture);
    store_fixture_assert_written(fixture);
    assert_reads_whole(fixture);
    assert_int_equal(store_fixture_number(fixture, "SELECT COUNT(*) FROM coupon_issue"), 3);
}

/* --- tests --- */

static const char *const sessions[] = {
    "SET NAMES utf8",
    "SET NAMES latin1",
    "SET NAMES euckr",
    "SET character_set_results = NULL",
    "SET character_set_results = latin1",
    "SET collation_connection = utf8mb4_general_ci",
    "SET time_zone = '+09:00'",
    "SET sql_mode = ''",
    "SET sql_mode = 'ANSI_QUOTES,NO_BACKSLASH_ESCAPES,PAD_CHAR_TO_FULL_LENGTH'",
    "SET autocommit = 0",
    "SET completion_type = 2",
    "SET SESSION TRANSACTION ISOLATION LEVEL SERIALIZABLE",
    "SET SESSION TRANSACTION READ ONLY",
    "SET sql_select_limit = 1",
    "SET unique_checks = 0",
    "SET sql_safe_updates = 1",
};

static void set_init_connect(const char *statement)
{
    char sql[512];
    snprintf(sql, sizeof sql, "SET GLOBAL init_connect = \"%s\"", statement);
    store_fixture_admin_sql(sql);
}

static int clear_init_connect(void **state)
{
    set_init_connect("");
    return store_fixture_teardown(state);
}

static void rows_come_back_as_they_were_whatever_the_server_makes_of_new_sessions(void **state)
{
    struct store_fixture *fixture = *state;
    store_fixture_migrate(fixture);
    for (size_t i = 0; i < sizeof sessions / sizeof *sessions; i++) {
        set_init_connect("");
        store_fixture_sql(fixture, "DELETE FROM coupon_issue");
        store_fixture_sql(fixture, "DELETE FROM coupon");
        store_fixture_sql(fixture, "DELETE FROM journal");
        set_init_connect(sessions[i]);
        reopen(fixture);
        begin_titled(fixture);
        assert_keeps_rows(fixture);
    }
}

static void change_session(struct store_fixture *fixture, const char *statement)
{
    struct store_mysql *store = (struct store_mysql *)fixture->store;
    if (__real_mysql_query(store->connection, statement) != 0)
        fail_msg("%s: %s", statement, mysql_error(store->connection));
}

static void a_session_that_a_pool_changes_between_transactions_is_made_ours_again(void **state)
{
    struct store_fixture *fixture = *state;
    store_fixture_migrate(fixture);
    begin_titled(fixture);
    store_fixture_assert_written(fixture);
    for (size_t i = 0; i < sizeof sessions / sizeof *sessions; i++) {
        change_session(fixture, sessions[i]);
        store_fixture_assert_written(fixture);
        change_session(fixture, sessions[i]);
        assert_reads_whole(fixture);
    }
}

static void a_session_that_stays_another_s_is_refused_with_what_to_do(void **state)
{
    struct store_fixture *fixture = *state;
    store_fixture_migrate(fixture);
    begin_titled(fixture);
    store_fixture_assert_written(fixture);
    names_of_another = "SET NAMES euckr";
    change_session(fixture, names_of_another);
    assert_int_equal(store_fixture_write(fixture), STORE_FAILED);
    store_fixture_assert_error(fixture, "overrides the settings of clients");
    store_fixture_assert_error(fixture, "pass on SET NAMES");
    reopen(fixture);
    assert_int_equal(store_connect(fixture->store, &fixture->error), STORE_FAILED);
    store_fixture_assert_error(fixture, "Connect coupond to the server directly");
    assert_int_equal(store_read_begin(fixture->store, &fixture->error), STORE_FAILED);
    names_of_another = NULL;
    assert_reads_whole(fixture);
}

static int forget_pool(void **state)
{
    names_of_another = NULL;
    return store_fixture_teardown(state);
}

static void three_bytes_a_character_are_not_enough(void **state)
{
    struct store_fixture *fixture = *state;
    names_of_another = "SET NAMES utf8mb3 COLLATE utf8mb3_bin";
    reopen(fixture);
    assert_int_equal(store_connect(fixture->store, &fixture->error), STORE_FAILED);
    store_fixture_assert_error(fixture, "overrides the settings of clients");
}

static void no_mysql(void **state)
{
    (void)state;
    skip();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define SESSION_TEST(name, teardown) cmocka_unit_test_setup_teardown(name, store_fixture_setup_mysql, teardown)
        SESSION_TEST(rows_come_back_as_they_were_whatever_the_server_makes_of_new_sessions, clear_init_connect),
        SESSION_TEST(a_session_that_a_pool_changes_between_transactions_is_made_ours_again, store_fixture_teardown),
        SESSION_TEST(a_session_that_stays_another_s_is_refused_with_what_to_do, forget_pool),
        SESSION_TEST(three_bytes_a_character_are_not_enough, forget_pool),
    };
    const struct CMUnitTest nothing[] = {cmocka_unit_test(no_mysql)};
    return store_fixture_has_mysql() ? cmocka_run_group_tests_name("store mysql session", tests, NULL, NULL)
                                     : cmocka_run_group_tests(nothing, NULL, NULL);
}
