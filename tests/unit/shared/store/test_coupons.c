/*
 * Batches of many coupons: new, changed more than once, partly stored already; for sqlite and, if there is a server,
 * mysql.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/shared/store/store_fixture.h"

#define COUPONS 3000
#define TIME_US INT64_C(1763691900000000)

static struct coupon coupons[2 * COUPONS];
static struct store_coupon rows[2 * COUPONS];
static char ids[COUPONS][COUPON_ID_MAX + 1];

/* --- helpers --- */

static struct coupon *add_coupon(struct store_fixture *fixture, unsigned number, uint64_t journal_seq)
{
    struct coupon *coupon = &coupons[fixture->batch.coupons_count++];
    *coupon = (struct coupon){
        .quantity = 5,
        .per_user_limit = 1,
        .starts_at_us = TIME_NONE,
        .ends_at_us = TIME_NONE,
        .redeem_until_us = TIME_NONE,
        .created_at_us = TIME_US + number,
        .updated_at_us = TIME_US + (int64_t)journal_seq,
        .journal_seq = journal_seq,
    };
    snprintf(coupon->id, sizeof coupon->id, "c%05u", number);
    snprintf(coupon->title, sizeof coupon->title, "It's \\ %u 커피", number);
    fixture->batch.last_seq = journal_seq > fixture->batch.last_seq ? journal_seq : fixture->batch.last_seq;
    return coupon;
}

/* Coupons `from` to `end` - 1 in scrambled order, records 2n + 1, and an issue of each, records 2n + 2. */
static void begin(struct store_fixture *fixture, unsigned from, unsigned end)
{
    store_fixture_begin(fixture);
    fixture->from = coupons;
    fixture->to = rows;
    for (unsigned i = from; i < end; i++) {
        unsigned number = from + (i - from) * 7 % (end - from);
        char user[24];
        add_coupon(fixture, number, 2 * number + 1);
        snprintf(ids[number], sizeof ids[number], "c%05u", number);
        snprintf(user, sizeof user, "u%u", number);
        store_fixture_issue(fixture, ids[number], 1, user, 2 * number + 2);
    }
}

static void assert_rows(struct store_fixture *fixture, int64_t count)
{
    assert_int_equal(store_fixture_number(fixture, "SELECT COUNT(*) FROM coupon WHERE issued = 1"), count);
    assert_int_equal(store_fixture_number(fixture, "SELECT COUNT(*) FROM coupon"), count);
    assert_int_equal(store_fixture_number(fixture, "SELECT COUNT(*) FROM coupon_issue"), count);
}

static void assert_rejected(struct store_fixture *fixture, const char *first, const char *second)
{
    fixture->error.text[0] = '\0';
    assert_int_equal(store_fixture_write(fixture), STORE_REJECTED);
    store_fixture_assert_error(fixture, first);
    store_fixture_assert_error(fixture, second);
}

/* --- tests --- */

static void thousands_of_coupons_are_created_and_issued_in_one_batch_and_again(void **state)
{
    struct store_fixture *fixture = *state;
    store_fixture_migrate(fixture);
    begin(fixture, 0, COUPONS);
    store_fixture_assert_written(fixture);
    assert_rows(fixture, COUPONS);
    const char *title = "SELECT COUNT(*) FROM coupon WHERE title LIKE 'It''s _ 2999 커피'";
    assert_int_equal(store_fixture_number(fixture, title), 1);
    store_fixture_assert_written(fixture);
    assert_rows(fixture, COUPONS);
}

static void coupons_of_which_some_are_there_and_some_were_changed_are_completed(void **state)
{
    struct store_fixture *fixture = *state;
    store_fixture_migrate(fixture);
    begin(fixture, 0, COUPONS);
    store_fixture_assert_written(fixture);
    store_fixture_sql(fixture, "DELETE FROM coupon_issue WHERE coupon_id IN ('c00000', 'c00700', 'c02999')");
    store_fixture_sql(fixture, "DELETE FROM coupon WHERE id IN ('c00000', 'c00700', 'c02999')");
    store_fixture_sql(fixture, "UPDATE coupon SET journal_seq = 9000, quantity = 77 WHERE id = 'c00999'");
    store_fixture_sql(fixture, "UPDATE coupon SET journal_seq = 1, quantity = 77 WHERE id = 'c01000'");
    store_fixture_assert_written(fixture);
    assert_rows(fixture, COUPONS);
    assert_int_equal(store_fixture_number(fixture, "SELECT COUNT(*) FROM coupon WHERE quantity = 77"), 1);
    assert_int_equal(store_fixture_number(fixture, "SELECT quantity FROM coupon WHERE id = 'c00999'"), 77);
}

static void of_a_coupon_that_changed_several_times_the_newest_record_is_stored(void **state)
{
    struct store_fixture *fixture = *state;
    store_fixture_migrate(fixture);
    begin(fixture, 0, 40);
    add_coupon(fixture, 7, 102)->quantity = 102;
    add_coupon(fixture, 7, 101)->quantity = 101;
    add_coupon(fixture, 8, 103)->paused = true;
    store_fixture_assert_written(fixture);
    assert_rows(fixture, 40);
    assert_int_equal(store_fixture_number(fixture, "SELECT quantity FROM coupon WHERE id = 'c00007'"), 102);
    assert_int_equal(store_fixture_number(fixture, "SELECT journal_seq FROM coupon WHERE id = 'c00007'"), 102);
    begin(fixture, 5, 9); /* late, and older than the stored one */
    store_fixture_assert_written(fixture);
    assert_int_equal(store_fixture_number(fixture, "SELECT quantity FROM coupon WHERE id = 'c00007'"), 102);
    assert_int_equal(store_fixture_number(fixture, "SELECT COUNT(*) FROM coupon WHERE journal_seq = 103"), 1);
}

#define CHANGED 67 /* more than fit into one statement, and one left over */

static bool expect_changed(void *arg, const struct coupon *there)
{
    unsigned *at = arg;
    const struct coupon *wanted = &coupons[*at];
    assert_string_equal(there->id, wanted->id);
    assert_string_equal(there->title, wanted->title);
    assert_int_equal(there->quantity, wanted->quantity);
    assert_int_equal(there->issued, 1);
    assert_int_equal(there->per_user_limit, wanted->per_user_limit);
    assert_int_equal(there->paused, wanted->paused);
    assert_true(there->starts_at_us == wanted->starts_at_us && there->ends_at_us == wanted->ends_at_us);
    assert_true(there->created_at_us == wanted->created_at_us && there->updated_at_us == wanted->updated_at_us);
    assert_true(there->journal_seq == wanted->journal_seq);
    (*at)++;
    return true;
}

static void many_coupons_that_change_in_one_batch_become_each_what_it_was_changed_to(void **state)
{
    struct store_fixture *fixture = *state;
    unsigned at = 0;
    store_fixture_migrate(fixture);
    begin(fixture, 0, CHANGED);
    store_fixture_assert_written(fixture);
    store_fixture_begin(fixture);
    fixture->from = coupons;
    fixture->to = rows;
    for (unsigned i = 0; i < CHANGED; i++) {
        struct coupon *coupon = add_coupon(fixture, i, 1000 + i);
        coupon->quantity = 100 + i;
        coupon->per_user_limit = 1 + i % 3;
        coupon->paused = i % 2 == 0;
        coupon->starts_at_us = i % 5 == 0 ? TIME_NONE : TIME_US + i;
        coupon->ends_at_us = i % 7 == 0 ? TIME_NONE : TIME_US + 1000000 + i;
        snprintf(coupon->title, sizeof coupon->title, "It's %u now \\", i * i);
    }
    store_fixture_assert_written(fixture);
    assert_int_equal(store_read_begin(fixture->store, &fixture->error), STORE_OK);
    assert_int_equal(store_each_coupon(fixture->store, expect_changed, &at, &fixture->error), STORE_OK);
    store_read_end(fixture->store);
    assert_int_equal(at, CHANGED);
}

static void records_of_a_coupon_that_contradict_each_other_in_a_batch_are_rejected(void **state)
{
    struct store_fixture *fixture = *state;
    store_fixture_migrate(fixture);
    begin(fixture, 0, 40);
    add_coupon(fixture, 7, 102)->created_at_us++;
    assert_rejected(fixture, "coupon c00007", "contradicts");
    begin(fixture, 0, 40);
    add_coupon(fixture, 7, 15)->quantity++;
    assert_rejected(fixture, "coupon c00007", "record 15");
    assert_rows(fixture, 0);
}

static void a_coupon_that_contradicts_its_row_is_named_among_many(void **state)
{
    struct store_fixture *fixture = *state;
    store_fixture_migrate(fixture);
    begin(fixture, 0, COUPONS);
    store_fixture_assert_written(fixture);
    store_fixture_sql(fixture, "UPDATE coupon SET quantity = 6 WHERE id = 'c01234'");
    assert_rejected(fixture, "coupon c01234", "record 2469");
}

static void a_coupon_that_is_missing_is_named_among_many(void **state)
{
    struct store_fixture *fixture = *state;
    store_fixture_migrate(fixture);
    begin(fixture, 0, COUPONS);
    store_fixture_issue(fixture, "c01234x", 1, "ghost", 2 * COUPONS + 1);
    assert_rejected(fixture, "coupon c01234x is not in the store", "user ghost");
    assert_rows(fixture, 0);
}

static void mysql_is_not_tested_because_COUPOND_TEST_MYSQL_is_not_set(void **state)
{
    (void)state;
    skip();
}

#define PROMISES(X)                                                                                                    \
    X(thousands_of_coupons_are_created_and_issued_in_one_batch_and_again)                                              \
    X(coupons_of_which_some_are_there_and_some_were_changed_are_completed)                                             \
    X(of_a_coupon_that_changed_several_times_the_newest_record_is_stored)                                              \
    X(many_coupons_that_change_in_one_batch_become_each_what_it_was_changed_to)                                        \
    X(records_of_a_coupon_that_contradict_each_other_in_a_batch_are_rejected)                                          \
    X(a_coupon_that_contradicts_its_row_is_named_among_many)                                                           \
    X(a_coupon_that_is_missing_is_named_among_many)

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
