/* How far a store is in time, from the pongs of the issuer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gateway/reading/horizon.h"
#include "shared/coupon.h"

/* --- fixture --- */

enum { S = 1000000 };

static struct reading_horizon horizon;

static int set_up(void **state)
{
    (void)state;
    reading_horizon_init(&horizon);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    reading_horizon_deinit(&horizon);
    return 0;
}

/* --- helpers --- */

static void note(uint64_t seq, int64_t us)
{
    reading_horizon_note(&horizon, 1, seq, us);
}

static int64_t find(uint64_t seq)
{
    return reading_horizon_find(&horizon, 1, seq);
}

/* --- tests --- */

static void a_store_has_what_was_decided_before_the_last_mark_that_it_reaches(void **state)
{
    (void)state;
    assert_int_equal(find(UINT64_MAX), TIME_NONE);
    note(10, 100 * S);
    note(20, 101 * S);
    assert_int_equal(find(9), TIME_NONE);
    assert_int_equal(find(10), 100 * S);
    assert_int_equal(find(19), 100 * S);
    assert_int_equal(find(20), 101 * S);
    assert_int_equal(reading_horizon_find(&horizon, 0, 20), TIME_NONE);
}

static void the_mark_of_an_idle_partition_moves_on(void **state)
{
    (void)state;
    note(10, 100 * S);
    for (int64_t s = 101; s < 1000; s++)
        note(20, s * S);
    assert_int_equal(find(10), 100 * S);
    assert_int_equal(find(20), 999 * S);
}

static void the_marks_of_many_threads_reach_back_as_far_as_those_of_one(void **state)
{
    (void)state;
    for (int64_t i = 0; i < 50 * 20; i++)
        note((uint64_t)i, 100 * S + i * S / 20);
    assert_int_equal(find(0), 100 * S);
    assert_true(find(999) > 148 * S);
}

static void the_oldest_marks_make_room_for_new_ones(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < READING_HORIZON_MARKS + 1; i++)
        note(i, (int64_t)(100 + i) * S);
    assert_int_equal(find(0), TIME_NONE);
    assert_int_equal(find(1), 101 * S);
}

/* At 200 s the clock goes back to 150 s, where records 31 to 40 are decided; 30 is the last one before. */
static void a_clock_that_goes_back_takes_the_marks_with_it(void **state)
{
    (void)state;
    note(10, 100 * S);
    note(20, 160 * S);
    note(30, 200 * S);
    note(40, 151 * S);
    assert_int_equal(find(10), 100 * S);
    assert_true(find(30) < 150 * S);
    note(50, 152 * S);
    assert_true(find(40) < 152 * S);
    assert_int_equal(find(50), 152 * S);
}

static void a_clock_that_goes_back_at_an_idle_partition_does_too(void **state)
{
    (void)state;
    note(10, 100 * S);
    note(20, 200 * S);
    note(20, 150 * S);
    assert_true(find(10) <= 100 * S);
    assert_int_equal(find(20), 150 * S);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_store_has_what_was_decided_before_the_last_mark_that_it_reaches),
        TEST(the_mark_of_an_idle_partition_moves_on),
        TEST(the_marks_of_many_threads_reach_back_as_far_as_those_of_one),
        TEST(the_oldest_marks_make_room_for_new_ones),
        TEST(a_clock_that_goes_back_takes_the_marks_with_it),
        TEST(a_clock_that_goes_back_at_an_idle_partition_does_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
