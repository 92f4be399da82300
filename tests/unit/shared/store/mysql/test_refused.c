/*
 * What a server rejects, and waits that it imposes, each produced on a real one. Skipped unless COUPOND_TEST_MYSQL
 * names a server (tests/support/servers.py).
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <mysql.h>

#include "tests/unit/shared/store/store_fixture.h"

/* --- helpers --- */

static int64_t issues_stored(struct store_fixture *fixture)
{
    return store_fixture_number(fixture, "SELECT COUNT(*) FROM coupon_issue");
}

/* --- tests --- */

#define TRIGGER    "CREATE TRIGGER barred BEFORE INSERT ON coupon_issue FOR EACH ROW "
#define NO_TRIGGER "DROP TRIGGER barred"

/* Faults of rows, each of another kind, while the table is as required. */
static void data_that_the_server_does_not_take_rejects_the_rows(void **state)
{
    struct store_fixture *fixture = *state;
    static const struct {
        const char *change;
        const char *says;
        const char *back;
    } faults[] = {
        {TRIGGER "SET NEW.user_id = REPEAT('u', 65)", "too long", NO_TRIGGER},
        {TRIGGER "SET NEW.nth = 'first'", "Incorrect integer value", NO_TRIGGER},
        {TRIGGER "SET NEW.nth = 70000", "Out of range", NO_TRIGGER},
        {TRIGGER "SIGNAL SQLSTATE 'HY000' SET MESSAGE_TEXT = 'barred', MYSQL_ERRNO = 1265", "barred", NO_TRIGGER},
        {"ALTER TABLE coupon_issue ADD CONSTRAINT few CHECK (sequence < 2)", "few",
         "ALTER TABLE coupon_issue DROP CONSTRAINT few"},
        {"ALTER TABLE coupon_issue ADD CONSTRAINT kin FOREIGN KEY (user_id) REFERENCES coupon (id)", "foreign key",
         "ALTER TABLE coupon_issue DROP FOREIGN KEY kin"},
    };
    store_fixture_migrate(fixture);
    store_fixture_begin_issues(fixture, 300);
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        store_fixture_sql(fixture, faults[i].change);
        enum store_result result = store_fixture_write(fixture);
        if (result != STORE_REJECTED)
            fail_msg("%s: result %d: %s", faults[i].change, (int)result, fixture->error.text);
        store_fixture_assert_error(fixture, faults[i].says);
        assert_int_equal(issues_stored(fixture), 0);
        store_fixture_sql(fixture, faults[i].back);
    }
    assert_int_equal(store_fixture_write(fixture), STORE_OK);
}

static void set_rights(const struct store_fixture *fixture, const char *verb, const char *preposition)
{
    static const char *const hosts[] = {"localhost", "%"};
    char sql[1024];
    for (size_t i = 0; i < 2; i++) {
        snprintf(sql, sizeof sql, "%s ALL ON %s.* %s '%s'@'%s'", verb, fixture->options.store_database, preposition,
                 fixture->options.store_user, hosts[i]);
        store_fixture_admin_sql(sql);
    }
}

static void rights_and_columns_that_are_missing_are_faults_and_no_row_is_to_blame(void **state)
{
    struct store_fixture *fixture = *state;
    store_fixture_migrate(fixture);
    store_fixture_sql(fixture, "ALTER TABLE coupon_issue ADD COLUMN shop INT NOT NULL");
    store_fixture_begin_issues(fixture, 1);
    assert_int_equal(store_fixture_write(fixture), STORE_FAILED);
    store_fixture_assert_error(fixture, "default value");
    store_fixture_sql(fixture, "ALTER TABLE coupon_issue DROP COLUMN shop");
    set_rights(fixture, "REVOKE", "FROM");
    enum store_result result = store_fixture_write(fixture);
    set_rights(fixture, "GRANT", "TO");
    assert_int_equal(result, STORE_FAILED);
    store_fixture_assert_error(fixture, "denied");
    assert_int_equal(store_fixture_write(fixture), STORE_OK);
}

static void a_database_that_is_dropped_and_made_again_is_migrated_and_behind(void **state)
{
    struct store_fixture *fixture = *state;
    store_fixture_migrate(fixture);
    store_fixture_begin_issues(fixture, 3);
    assert_int_equal(store_fixture_write(fixture), STORE_OK);
    char sql[1024];
    snprintf(sql, sizeof sql, "DROP DATABASE %s", fixture->options.store_database);
    store_fixture_admin_sql(sql);
    fixture->batch.acked_seq = 1;
    assert_int_equal(store_fixture_write(fixture), STORE_FAILED);
    assert_int_equal(store_migrate(fixture->store, &fixture->error), STORE_FAILED);
    snprintf(sql, sizeof sql, "CREATE DATABASE %s", fixture->options.store_database);
    store_fixture_admin_sql(sql);
    store_fixture_migrate(fixture);
    assert_int_equal(store_fixture_write(fixture), STORE_BEHIND);
    assert_int_equal(store_behind_seq(fixture->store), 0);
}

/* Two transactions take two rows in opposite order: the server ends ours, which has done less. */
static void *lock_the_other_way(void *arg)
{
    MYSQL *holder = arg;
    mysql_query(holder, "UPDATE coupon SET issued = 1000000 WHERE id = 'a'");
    return NULL;
}

static MYSQL *connect_another(const struct store_fixture *fixture)
{
    const struct options *options = &fixture->options;
    MYSQL *connection = mysql_init(NULL);
    assert_non_null(mysql_real_connect(connection, "localhost", options->store_user, options->store_password,
                                       options->store_database, 0, options->store_socket, 0));
    return connection;
}

static void wait_for_lock(struct store_fixture *fixture)
{
    while (store_fixture_number(fixture, "SELECT COUNT(*) FROM information_schema.processlist "
                                         "WHERE info LIKE 'UPDATE coupon SET issued = GREATEST%'") == 0) {
    }
}

static void *write_batch(void *arg)
{
    struct store_fixture *fixture = arg;
    return (void *)(intptr_t)store_fixture_write(fixture);
}

static void a_deadlock_is_a_passing_fault_that_leaves_nothing_of_the_batch(void **state)
{
    struct store_fixture *fixture = *state;
    void *result = NULL;
    store_fixture_migrate(fixture);
    store_fixture_coupon(fixture, "a", 1);
    store_fixture_coupon(fixture, "b", 2);
    store_fixture_assert_written(fixture);
    MYSQL *holder = connect_another(fixture);
    assert_int_equal(mysql_query(holder, "START TRANSACTION"), 0);
    for (int i = 0; i < 200; i++) /* so that the server prefers to end the other */
        assert_int_equal(mysql_query(holder, "INSERT INTO schema_version SELECT 100 + COUNT(*), NOW(), NULL FROM "
                                             "schema_version"),
                         0);
    assert_int_equal(mysql_query(holder, "UPDATE coupon SET issued = 1000000 WHERE id = 'b'"), 0);
    store_fixture_begin(fixture);
    store_fixture_issue(fixture, "a", 1, "u", 3);
    store_fixture_issue(fixture, "b", 1, "u", 4);
    pthread_t writer;
    assert_int_equal(pthread_create(&writer, NULL, write_batch, fixture), 0);
    wait_for_lock(fixture);
    pthread_t locker;
    assert_int_equal(pthread_create(&locker, NULL, lock_the_other_way, holder), 0);
    pthread_join(writer, &result);
    pthread_join(locker, NULL);
    mysql_query(holder, "ROLLBACK");
    mysql_close(holder);
    assert_int_equal((intptr_t)result, STORE_RETRY);
    store_fixture_assert_error(fixture, "Deadlock");
    assert_int_equal(issues_stored(fixture), 0);
    store_fixture_assert_written(fixture);
    assert_int_equal(issues_stored(fixture), 2);
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
        TEST(data_that_the_server_does_not_take_rejects_the_rows),
        TEST(rights_and_columns_that_are_missing_are_faults_and_no_row_is_to_blame),
        TEST(a_database_that_is_dropped_and_made_again_is_migrated_and_behind),
        TEST(a_deadlock_is_a_passing_fault_that_leaves_nothing_of_the_batch),
    };
    const struct CMUnitTest none[] = {cmocka_unit_test(mysql_is_not_tested_because_COUPOND_TEST_MYSQL_is_not_set)};
    return store_fixture_has_mysql() ? cmocka_run_group_tests_name("store mysql faults", tests, NULL, NULL)
                                     : cmocka_run_group_tests_name("store mysql faults", none, NULL, NULL);
}
