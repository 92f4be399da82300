/*
 * Frames with changes and erasures on their way into a sqlite store whose triggers refuse some of them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "persister/delivery.h"
#include "shared/store/letter.h"
#include "tests/unit/persister/events_fixture.h"
#include "tests/unit/shared/store/store_fixture.h"

#define NOW_US INT64_C(1763691900000777)

/* --- fixture --- */

static struct events events;
static struct delivery delivery;
static struct delivery_step step;

/* Records 1 to 7: coupon, issues to anna and bert, redemptions of both, the erasure of anna, a sweep. */
static void begin_frame(void)
{
    events_begin(&events, 0, 1, 1);
    events_add_key(&events);
    events_open_batch(&events, EVENTS_TIME_US);
    events_add_coupon(&events, "c");
    events_add_issue(&events, "c", 1, "anna");
    events_add_issue(&events, "c", 2, "bert");
    events_add_redemption(&events, "c", 1, "anna");
    events_add_redemption(&events, "c", 2, "bert");
    events_add_erasure(&events, "anna");
    events_add_sweep(&events, "c");
    events_close_batch(&events);
    events_end(&events);
}

static int setup(void **state)
{
    assert_int_equal(store_fixture_setup_sqlite(state), 0);
    struct store_fixture *fixture = *state;
    store_fixture_migrate(fixture);
    delivery_init(&delivery, fixture->store, 1, 1, 2);
    begin_frame();
    return 0;
}

static int teardown(void **state)
{
    delivery_deinit(&delivery);
    return store_fixture_teardown(state);
}

static void deliver(void)
{
    assert_int_equal(delivery_begin(&delivery, events.bytes, events.size), FRAME_OK);
    for (unsigned steps = 0; steps == 0 || step.action == DELIVERY_AGAIN; steps++) {
        assert_in_range(steps, 0, 100);
        delivery_work(&delivery, NOW_US, 0, &step);
    }
    assert_int_equal(step.action, DELIVERY_ANSWER);
    assert_int_equal(step.answer.header.kind, FRAME_ACK);
}

static int64_t number(struct store_fixture *fixture, const char *sql)
{
    return store_fixture_number(fixture, sql);
}

static void refuse(struct store_fixture *fixture, const char *what)
{
    char sql[256];
    snprintf(sql, sizeof sql, "CREATE TRIGGER refusing BEFORE INSERT ON %s BEGIN SELECT RAISE(ABORT, 'refused'); END",
             what);
    store_fixture_sql(fixture, sql);
}

static bool retry(void *arg, const struct store_dead_letter *letter)
{
    struct store_letter *copy = arg;
    store_letter_copy(copy, letter);
    return false;
}

/* Stores the only dead letter. */
static void retry_letter(struct store_fixture *fixture)
{
    static struct store_letter letter;
    static struct store_letter_rows rows;
    store_fixture_sql(fixture, "DROP TRIGGER refusing");
    assert_int_equal(store_each_dead_letter(fixture->store, NULL, 0, retry, &letter, &fixture->error), STORE_OK);
    assert_true(store_letter_rows(&rows, &letter.letter));
    if (store_write(fixture->store, &rows.batch, &fixture->error) != STORE_OK)
        fail_msg("%s", fixture->error.text);
    assert_int_equal(number(fixture, "SELECT COUNT(*) FROM dead_letter"), 0);
}

/* --- tests --- */

static void a_frame_of_all_kinds_is_written_whole(void **state)
{
    struct store_fixture *fixture = *state;
    deliver();
    assert_int_equal(step.rows, 6);
    assert_int_equal(number(fixture, "SELECT last_seq FROM journal"), 7);
    assert_int_equal(number(fixture, "SELECT redeemed FROM coupon"), 2);
    assert_int_equal(number(fixture, "SELECT COUNT(*) FROM coupon_issue WHERE user_id = 'anna'"), 0);
    assert_int_equal(number(fixture, "SELECT COUNT(*) FROM erasure"), 1);
}

static void a_frame_of_nothing_but_a_sweep_is_acknowledged(void **state)
{
    struct store_fixture *fixture = *state;
    events_begin(&events, 0, 1, 1);
    events_open_batch(&events, EVENTS_TIME_US);
    events_add_sweep(&events, "c");
    events_close_batch(&events);
    events_end(&events);
    deliver();
    assert_int_equal(number(fixture, "SELECT last_seq FROM journal"), 1);
}

static void a_change_that_is_refused_becomes_a_dead_letter_alone(void **state)
{
    struct store_fixture *fixture = *state;
    refuse(fixture, "coupon_issue_state WHEN NEW.sequence = 2");
    deliver();
    assert_int_equal(step.dead_count, 1);
    assert_true(step.dead[0].journal_seq == 5);
    assert_int_equal(store_letter_type(&step.dead[0]), JOURNAL_CHANGE);
    assert_int_equal(number(fixture, "SELECT redeemed FROM coupon"), 1);
    assert_int_equal(number(fixture, "SELECT COUNT(*) FROM coupon_issue"), 2);
    assert_int_equal(number(fixture, "SELECT COUNT(*) FROM erasure"), 1);
    assert_int_equal(number(fixture, "SELECT last_seq FROM journal"), 7);
    retry_letter(fixture);
    assert_int_equal(number(fixture, "SELECT redeemed FROM coupon"), 2);
}

static void an_erasure_that_is_refused_becomes_a_dead_letter_and_can_be_made_up_for(void **state)
{
    struct store_fixture *fixture = *state;
    refuse(fixture, "erasure");
    deliver();
    assert_int_equal(step.dead_count, 1);
    assert_int_equal(store_letter_type(&step.dead[0]), JOURNAL_ERASURE);
    assert_int_equal(number(fixture, "SELECT COUNT(*) FROM coupon_issue WHERE user_id = 'anna'"), 1);
    retry_letter(fixture);
    assert_int_equal(number(fixture, "SELECT COUNT(*) FROM coupon_issue WHERE user_id = 'anna'"), 0);
    assert_int_equal(number(fixture, "SELECT erased_seq FROM journal"), 6);
}

static void an_issue_that_is_refused_forgets_its_user_as_a_dead_letter(void **state)
{
    struct store_fixture *fixture = *state;
    refuse(fixture, "coupon_issue WHEN NEW.sequence = 1");
    deliver();
    assert_int_equal(step.dead_count, 1);
    assert_int_equal(number(fixture, "SELECT COUNT(*) FROM dead_letter WHERE user_id = 'anna'"), 0);
    assert_int_equal(number(fixture, "SELECT COUNT(*) FROM dead_letter WHERE user_id LIKE 'erased:%'"), 1);
    retry_letter(fixture);
    assert_int_equal(number(fixture, "SELECT COUNT(*) FROM coupon_issue WHERE user_id LIKE 'erased:%'"), 1);
    deliver(); /* resent */
    assert_int_equal(step.dead_count, 0);
    assert_int_equal(number(fixture, "SELECT COUNT(*) FROM coupon_issue"), 2);
}

static void the_changes_of_a_coupon_that_is_refused_follow_it(void **state)
{
    struct store_fixture *fixture = *state;
    refuse(fixture, "coupon");
    deliver();
    assert_int_equal(step.dead_count, 5); /* all but the erasure and the sweep */
    assert_int_equal(number(fixture,
                            "SELECT COUNT(*) FROM dead_letter WHERE reason LIKE 'its coupon is a dead letter%' "
                            "OR reason LIKE 'it named a user%'"),
                     4);
    assert_int_equal(number(fixture, "SELECT COUNT(*) FROM coupon_issue_state"), 0);
    assert_int_equal(number(fixture, "SELECT COUNT(*) FROM dead_letter WHERE user_id = 'anna'"), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_frame_of_all_kinds_is_written_whole),
        TEST(a_frame_of_nothing_but_a_sweep_is_acknowledged),
        TEST(a_change_that_is_refused_becomes_a_dead_letter_alone),
        TEST(an_erasure_that_is_refused_becomes_a_dead_letter_and_can_be_made_up_for),
        TEST(an_issue_that_is_refused_forgets_its_user_as_a_dead_letter),
        TEST(the_changes_of_a_coupon_that_is_refused_follow_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
