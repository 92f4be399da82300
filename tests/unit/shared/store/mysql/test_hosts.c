/*
 * Several servers, of which the one that takes writes counts. Here they are one real server under several names, or
 * nobody. Skipped unless COUPOND_TEST_MYSQL names a server (tests/support/servers.py).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/shared/store/store_fixture.h"

/* --- helpers --- */

/* %d in `hosts` is the port of the server. */
static void use_hosts(struct store_fixture *fixture, const char *hosts)
{
    struct options *options = &fixture->options;
    const char *at = strstr(hosts, "%d");
    options->store_socket[0] = '\0';
    snprintf(options->store_host, sizeof options->store_host, "%.*s%s%s", (int)(at ? at - hosts : (int)strlen(hosts)),
             hosts, at ? store_fixture_mysql("port") : "", at ? at + 2 : "");
    store_destroy(&fixture->store);
    fixture->store = store_create(options, &fixture->error);
    assert_non_null(fixture->store);
}

static void assert_uses(const struct store_fixture *fixture, const char *host)
{
    char expected[64];
    snprintf(expected, sizeof expected, "@%s:%s/", host, store_fixture_mysql("port"));
    if (strstr(store_describe(fixture->store), expected) == NULL)
        fail_msg("%s does not contain %s", store_describe(fixture->store), expected);
}

static void set_read_only(const char *value)
{
    char sql[64];
    snprintf(sql, sizeof sql, "SET GLOBAL read_only = %s", value);
    store_fixture_admin_sql(sql);
}

static bool count(void *arg, const struct store_journal *journal)
{
    (void)journal;
    ++*(int *)arg;
    return true;
}

static enum store_result read_journals(struct store_fixture *fixture)
{
    int journals = 0;
    enum store_result result = store_read_begin(fixture->store, &fixture->error);
    if (result == STORE_OK)
        result = store_each_journal(fixture->store, count, &journals, &fixture->error);
    store_read_end(fixture->store);
    return result;
}

/* --- tests --- */

static void a_server_that_does_not_answer_is_passed_over(void **state)
{
    struct store_fixture *fixture = *state;
    use_hosts(fixture, "127.0.0.1:1,127.0.0.1:%d");
    store_fixture_migrate(fixture);
    assert_uses(fixture, "127.0.0.1");
    store_fixture_begin_issues(fixture, 3);
    assert_int_equal(store_fixture_write(fixture), STORE_OK);
    assert_int_equal(store_fixture_number(fixture, "SELECT COUNT(*) FROM coupon_issue"), 3);
}

static void each_of_those_that_do_not_answer_is_named(void **state)
{
    struct store_fixture *fixture = *state;
    use_hosts(fixture, "127.0.0.1:1,127.0.0.1:2");
    assert_non_null(strstr(store_describe(fixture->store), "@127.0.0.1:1,127.0.0.1:2/"));
    assert_int_equal(store_connect(fixture->store, &fixture->error), STORE_RETRY);
    store_fixture_assert_error(fixture, "@127.0.0.1:1/");
    store_fixture_assert_error(fixture, "@127.0.0.1:2/");
    assert_non_null(strstr(store_describe(fixture->store), "@127.0.0.1:1,127.0.0.1:2/"));
}

static void the_port_of_the_store_is_that_of_entries_without_one(void **state)
{
    struct store_fixture *fixture = *state;
    fixture->options.store_port = atoi(store_fixture_mysql("port"));
    use_hosts(fixture, "127.0.0.1:1,127.0.0.1");
    assert_int_equal(store_connect(fixture->store, &fixture->error), STORE_OK);
    assert_uses(fixture, "127.0.0.1");
}

static void a_server_that_may_only_be_read_is_neither_written_nor_read(void **state)
{
    struct store_fixture *fixture = *state;
    store_fixture_migrate(fixture);
    use_hosts(fixture, "127.0.0.1:1,127.0.0.1:%d");
    set_read_only("ON");
    enum store_result connecting = store_connect(fixture->store, &fixture->error);
    struct error why = fixture->error;
    enum store_result reading = read_journals(fixture);
    set_read_only("OFF");
    assert_int_equal(connecting, STORE_RETRY);
    assert_non_null(strstr(why.text, "this server takes no writes: its read_only is ON"));
    assert_int_equal(reading, STORE_RETRY);
    assert_int_equal(read_journals(fixture), STORE_OK);
}

static void a_single_server_is_used_as_it_is(void **state)
{
    struct store_fixture *fixture = *state;
    store_fixture_migrate(fixture);
    use_hosts(fixture, "127.0.0.1:%d");
    set_read_only("ON");
    enum store_result reading = read_journals(fixture);
    set_read_only("OFF");
    assert_int_equal(reading, STORE_OK);
}

static void a_server_that_becomes_read_only_is_left_by_those_who_read(void **state)
{
    struct store_fixture *fixture = *state;
    store_fixture_migrate(fixture);
    use_hosts(fixture, "127.0.0.1:1,127.0.0.1:%d");
    assert_int_equal(read_journals(fixture), STORE_OK);
    set_read_only("ON");
    enum store_result reading = read_journals(fixture);
    set_read_only("OFF");
    assert_int_equal(reading, STORE_RETRY);
    store_fixture_assert_error(fixture, "this server has become read-only");
    assert_int_equal(read_journals(fixture), STORE_OK);
}

static void a_server_that_becomes_read_only_is_left_by_those_who_write(void **state)
{
    struct store_fixture *fixture = *state;
    store_fixture_migrate(fixture);
    use_hosts(fixture, "127.0.0.1:1,127.0.0.1:%d");
    store_fixture_begin_issues(fixture, 3);
    assert_int_equal(store_fixture_write(fixture), STORE_OK);
    set_read_only("ON");
    enum store_result writing = store_fixture_write(fixture), again = store_fixture_write(fixture);
    struct error why = fixture->error;
    set_read_only("OFF");
    assert_int_equal(writing, STORE_RETRY);
    assert_int_equal(again, STORE_RETRY);
    assert_non_null(strstr(why.text, "@127.0.0.1:1/")); /* it looked for another */
    assert_int_equal(store_fixture_write(fixture), STORE_OK);
}

static void a_faulty_list_makes_no_store(void **state)
{
    struct store_fixture *fixture = *state;
    fixture->options.store_socket[0] = '\0';
    snprintf(fixture->options.store_host, sizeof fixture->options.store_host, "127.0.0.1,127.0.0.2:x");
    assert_null(store_create(&fixture->options, &fixture->error));
    store_fixture_assert_error(fixture, "store/host: \"127.0.0.2:x\"");
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
        TEST(a_server_that_does_not_answer_is_passed_over),
        TEST(each_of_those_that_do_not_answer_is_named),
        TEST(the_port_of_the_store_is_that_of_entries_without_one),
        TEST(a_server_that_may_only_be_read_is_neither_written_nor_read),
        TEST(a_single_server_is_used_as_it_is),
        TEST(a_server_that_becomes_read_only_is_left_by_those_who_read),
        TEST(a_server_that_becomes_read_only_is_left_by_those_who_write),
        TEST(a_faulty_list_makes_no_store),
    };
    const struct CMUnitTest none[] = {cmocka_unit_test(mysql_is_not_tested_because_COUPOND_TEST_MYSQL_is_not_set)};
    return store_fixture_has_mysql() ? cmocka_run_group_tests_name("store mysql hosts", tests, NULL, NULL)
                                     : cmocka_run_group_tests_name("store mysql hosts", none, NULL, NULL);
}
