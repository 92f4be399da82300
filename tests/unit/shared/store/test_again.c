/*
 * Batches that are repeated, in pieces, out of order or with contradictions; for sqlite and, if there is a server,
 * mysql.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/shared/store/store_fixture.h"

/* --- helpers --- */

static void assert_refused(struct store_fixture *fixture, enum store_result result, const char *first,
                           const char *second)
{
    fixture->error.text[0] = '\0';
    assert_int_equal(store_fixture_write(fixture), result);
    store_fixture_assert_error(fixture, first);
    store_fixture_assert_error(fixture, second);
}

static void assert_rejected(struct store_fixture *fixture, const char *first, const char *second)
{
    assert_refused(fixture, STORE_REJECTED, first, second);
}

static void assert_foreign(struct store_fixture *fixture, const char *first, const char *second)
{
    assert_refused(fixture, STORE_FOREIGN, first, second);
}

/* --- again, and at once --- */

static void a_batch_that_is_there_in_part_is_completed(void **state)
{
    struct store_fixture *fixture = *state;
    store_fixture_migrate(fixture);
    store_fixture_begin_issues(fixture, 2000);
    store_fixture_assert_written(fixture);
    store_fixture_sql(fixture, "DELETE FROM coupon_issue WHERE sequence IN (1, 2, 499, 500, 501, 777, 1500, 2000)");
    store_fixture_sql(fixture, "DELETE FROM coupon_issue WHERE sequence BETWEEN 1001 AND 1400");
    store_fixture_assert_written(fixture);
    assert_int_equal(store_fixture_number(fixture, "SELECT COUNT(*) FROM coupon_issue"), 2000);
}

struct writer {
    struct store *store;
    struct store_batch batches[20];
    bool backwards;
    size_t failures;
};

static void *write_batches(void *arg)
{
    struct writer *writer = arg;
    struct error error;
    for (size_t i = 0; i < 20; i++) {
        enum store_result result = STORE_RETRY;
        while (result == STORE_RETRY)
            result = store_write(writer->store, &writer->batches[writer->backwards ? 19 - i : i], &error);
        writer->failures += result != STORE_OK;
    }
    return NULL;
}

static void two_writers_of_the_same_batches_in_opposite_order_agree(void **state)
{
    struct store_fixture *fixture = *state;
    store_fixture_migrate(fixture);
    store_fixture_begin_issues(fixture, 0);
    store_fixture_assert_written(fixture);
    store_fixture_begin_issues(fixture, 4000);
    struct writer writers[2] = {{.backwards = false}, {.backwards = true}};
    pthread_t threads[2];
    for (size_t w = 0; w < 2; w++) {
        writers[w].store = store_fixture_another(fixture);
        for (size_t i = 0; i < 20; i++) {
            writers[w].batches[i] = fixture->batch;
            writers[w].batches[i].coupons_count = 0;
            writers[w].batches[i].issues = fixture->issues + i * 200;
            writers[w].batches[i].issues_count = 200;
        }
        assert_int_equal(pthread_create(&threads[w], NULL, write_batches, &writers[w]), 0);
    }
    for (size_t w = 0; w < 2; w++) {
        pthread_join(threads[w], NULL);
        assert_int_equal(writers[w].failures, 0);
        store_destroy(&writers[w].store);
    }
    assert_int_equal(store_fixture_number(fixture, "SELECT COUNT(*) FROM coupon_issue"), 4000);
    assert_int_equal(store_fixture_number(fixture, "SELECT issued FROM coupon"), 4000);
}

static void *migrate_anew(void *arg)
{
    struct store_fixture *fixture = arg;
    struct error error;
    struct store *store = store_create(&fixture->options, &error);
    enum store_result result = STORE_RETRY;
    while (result == STORE_RETRY)
        result = store_migrate(store, &error);
    store_destroy(&store);
    return result == STORE_OK ? NULL : arg;
}

static void several_may_create_the_schema_at_once(void **state)
{
    struct store_fixture *fixture = *state;
    pthread_t threads[4];
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, migrate_anew, fixture), 0);
    for (size_t i = 0; i < 4; i++) {
        void *failed = NULL;
        pthread_join(threads[i], &failed);
        assert_null(failed);
    }
    assert_int_equal(store_check_schema(fixture->store, &fixture->error), STORE_OK);
}

/* --- contradictions --- */

static void assert_nothing_new(struct store_fixture *fixture)
{
    assert_int_equal(store_fixture_number(fixture, "SELECT COUNT(*) FROM coupon_issue"), 3);
    assert_int_equal(store_fixture_number(fixture, "SELECT last_seq FROM journal"), 4);
    assert_int_equal(store_fixture_number(fixture, "SELECT issued FROM coupon"), 3);
}

static void another_user_under_the_same_sequence_is_rejected_and_writes_nothing(void **state)
{
    struct store_fixture *fixture = *state;
    store_fixture_migrate(fixture);
    store_fixture_begin_issues(fixture, 3);
    store_fixture_assert_written(fixture);
    store_fixture_begin_issues(fixture, 5);
    fixture->issues[1].user_id = "x2";
    assert_rejected(fixture, "sequence 2 to user x2", "sequence 2 to user u2");
    assert_nothing_new(fixture);
}

static void another_sequence_for_the_same_holder_is_rejected_and_writes_nothing(void **state)
{
    struct store_fixture *fixture = *state;
    store_fixture_migrate(fixture);
    store_fixture_begin_issues(fixture, 3);
    store_fixture_assert_written(fixture);
    store_fixture_begin_issues(fixture, 5);
    fixture->issues[4].user_id = "u2";
    assert_rejected(fixture, "sequence 5 to user u2", "sequence 2 to user u2");
    assert_nothing_new(fixture);
}

static void the_same_issue_at_another_time_or_of_another_record_is_rejected(void **state)
{
    struct store_fixture *fixture = *state;
    store_fixture_migrate(fixture);
    store_fixture_begin_issues(fixture, 3);
    store_fixture_assert_written(fixture);
    fixture->issues[2].issued_at_us++;
    assert_rejected(fixture, "coupon c", "sequence 3");
    store_fixture_begin_issues(fixture, 3);
    fixture->issues[0].journal_seq = 17;
    assert_rejected(fixture, "journal_seq 17", "journal_seq 2");
    store_fixture_begin_issues(fixture, 3);
    fixture->issues[0].nth = 2;
    assert_rejected(fixture, "nth 2", "nth 1");
    assert_nothing_new(fixture);
}

static void a_batch_that_contradicts_itself_is_rejected(void **state)
{
    struct store_fixture *fixture = *state;
    store_fixture_migrate(fixture);
    store_fixture_begin_issues(fixture, 3);
    fixture->issues[2].sequence = 1;
    assert_rejected(fixture, "user u1", "user u3");
    store_fixture_begin_issues(fixture, 3);
    fixture->issues[2].user_id = "u1";
    assert_rejected(fixture, "sequence 3 to user u1", "sequence 1 to user u1");
    assert_int_equal(store_fixture_number(fixture, "SELECT COUNT(*) FROM coupon"), 0);
}

static void issues_of_a_coupon_that_is_not_there_are_rejected(void **state)
{
    struct store_fixture *fixture = *state;
    store_fixture_migrate(fixture);
    store_fixture_issue(fixture, "ghost", 1, "u1", 1);
    assert_rejected(fixture, "coupon ghost is not in the store", "user u1");
    assert_int_equal(store_fixture_number(fixture, "SELECT COUNT(*) FROM coupon_issue"), 0);
}

static void the_same_record_with_another_policy_is_rejected(void **state)
{
    struct store_fixture *fixture = *state;
    store_fixture_migrate(fixture);
    store_fixture_begin_issues(fixture, 3);
    store_fixture_assert_written(fixture);
    fixture->coupons[0].quantity++;
    assert_rejected(fixture, "coupon c", "record 1");
    store_fixture_begin_issues(fixture, 3);
    fixture->coupons[0].journal_seq = 9;
    fixture->coupons[0].created_at_us--;
    assert_rejected(fixture, "coupon c", "record 9");
    assert_nothing_new(fixture);
}

static void a_foreign_journal_is_refused(void **state)
{
    struct store_fixture *fixture = *state;
    store_fixture_migrate(fixture);
    store_fixture_begin_issues(fixture, 3);
    store_fixture_assert_written(fixture);
    store_fixture_begin_issues(fixture, 3);
    fixture->batch.journal_id[15] = 0x01;
    assert_foreign(fixture, "foreign journal", "5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a01");
    assert_nothing_new(fixture);
}

static void another_number_of_partitions_is_refused_on_every_partition(void **state)
{
    struct store_fixture *fixture = *state;
    store_fixture_migrate(fixture);
    store_fixture_begin_issues(fixture, 3);
    store_fixture_assert_written(fixture);
    fixture->batch.partitions = 2;
    assert_foreign(fixture, "foreign journal", "2 partitions");
    fixture->batch.partition = 1;
    assert_foreign(fixture, "foreign journal", "2 partitions");
    assert_nothing_new(fixture);
}

static void mysql_is_not_tested_because_COUPOND_TEST_MYSQL_is_not_set(void **state)
{
    (void)state;
    skip();
}

#define PROMISES(X)                                                                                                    \
    X(a_batch_that_is_there_in_part_is_completed)                                                                      \
    X(two_writers_of_the_same_batches_in_opposite_order_agree)                                                         \
    X(several_may_create_the_schema_at_once)                                                                           \
    X(another_user_under_the_same_sequence_is_rejected_and_writes_nothing)                                             \
    X(another_sequence_for_the_same_holder_is_rejected_and_writes_nothing)                                             \
    X(the_same_issue_at_another_time_or_of_another_record_is_rejected)                                                 \
    X(a_batch_that_contradicts_itself_is_rejected)                                                                     \
    X(issues_of_a_coupon_that_is_not_there_are_rejected)                                                               \
    X(the_same_record_with_another_policy_is_rejected)                                                                 \
    X(a_foreign_journal_is_refused)                                                                                    \
    X(another_number_of_partitions_is_refused_on_every_partition)

#define ON_SQLITE(test) cmocka_unit_test_setup_teardown(test, store_fixture_setup_sqlite, store_fixture_teardown),
#define ON_MYSQL(test)  cmocka_unit_test_setup_teardown(test, store_fixture_setup_mysql, store_fixture_teardown),

int main(void)
{
    const struct CMUnitTest sqlite[] = {PROMISES(ON_SQLITE)};
    const struct CMUnitTest mysql[] = {PROMISES(ON_MYSQL)};
    const struct CMUnitTest no_mysql[] = {cmocka_unit_test(mysql_is_not_tested_because_COUPOND_TEST_MYSQL_is_not_set)};
    int failures = cmocka_run_group_tests_name("store sqlite", sqlite, NULL, NULL);
    failures += store_fixture_has_mysql() ? cmocka_run_group_tests_name("store mysql", mysql, NULL, NULL)
                                          : cmocka_run_group_tests_name("store mysql", no_mysql, NULL, NULL);
    return failures;
}
