/*
 * For how long records have waited for the store, independently of their own times.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "issuer/feed/persist_lag.h"

#define SECOND INT64_C(1000000)
#define DAY    (86400 * SECOND)

/* --- helpers --- */

static struct persist_lag lag;

static int setup(void **state)
{
    (void)state;
    lag = (struct persist_lag){0};
    return 0;
}

static int64_t age_at(int64_t steady_us, uint64_t acked_seq, uint64_t written_seq, int64_t stamped_us)
{
    persist_lag_note(&lag, acked_seq, written_seq, steady_us);
    return persist_lag_us(&lag, acked_seq, written_seq, stamped_us, steady_us);
}

/* --- tests --- */

static void a_time_of_the_past_counts_for_what_was_there_at_the_start(void **state)
{
    (void)state;
    assert_int_equal(age_at(5 * SECOND, 3, 9, 40 * SECOND), 40 * SECOND);
    assert_int_equal(age_at(6 * SECOND, 9, 9, 41 * SECOND), 0);
}

static void what_bears_a_time_of_the_future_has_waited_since_the_start(void **state)
{
    (void)state;
    assert_int_equal(age_at(5 * SECOND, 3, 9, -DAY), 0);
    assert_int_equal(age_at(65 * SECOND, 3, 9, -DAY), 60 * SECOND);
    assert_int_equal(age_at(66 * SECOND, 5, 20, -DAY), 61 * SECOND);
}

static void a_step_of_the_clock_makes_nothing_older_than_it_can_be(void **state)
{
    (void)state;
    assert_int_equal(age_at(5 * SECOND, 9, 9, 0), 0);
    assert_int_equal(age_at(8 * SECOND, 9, 10, DAY), 3 * SECOND);
    assert_int_equal(age_at(10 * SECOND, 9, 11, 3 * SECOND), 3 * SECOND);
    assert_int_equal(age_at(12 * SECOND, 10, 12, DAY), 4 * SECOND);
    assert_int_equal(age_at(12 * SECOND, 10, 12, -DAY), 2 * SECOND);
}

static void an_hour_without_the_store_is_told_to_a_tenth(void **state)
{
    (void)state;
    assert_int_equal(age_at(0, 0, 0, 0), 0);
    for (int64_t second = 1; second <= 3600; second++)
        age_at(second * SECOND, 0, (uint64_t)second, 0);
    for (int64_t acked = 0; acked < 3500; acked += 500) {
        int64_t truly = (3600 - (acked + 1)) * SECOND;
        int64_t least = age_at(3600 * SECOND, (uint64_t)acked, 3600, -DAY);
        int64_t most = age_at(3600 * SECOND, (uint64_t)acked, 3600, DAY);
        assert_in_range(least, truly - 360 * SECOND, truly);
        assert_in_range(most, truly, truly + 360 * SECOND);
    }
}

static void what_the_store_has_lost_again_is_as_old_as_it_says(void **state)
{
    (void)state;
    assert_int_equal(age_at(5 * SECOND, 9, 9, 0), 0);
    assert_int_equal(age_at(7 * SECOND, 2, 9, 50 * SECOND), 50 * SECOND);
    assert_int_equal(age_at(8 * SECOND, 2, 9, -DAY), 3 * SECOND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_time_of_the_past_counts_for_what_was_there_at_the_start, setup),
        cmocka_unit_test_setup(what_bears_a_time_of_the_future_has_waited_since_the_start, setup),
        cmocka_unit_test_setup(a_step_of_the_clock_makes_nothing_older_than_it_can_be, setup),
        cmocka_unit_test_setup(an_hour_without_the_store_is_told_to_a_tenth, setup),
        cmocka_unit_test_setup(what_the_store_has_lost_again_is_as_old_as_it_says, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
