/* The rate of issues, from readings with simulated times. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/live/rate.h"

#define SECOND INT64_C(1000000)
#define START  (1763691900 * SECOND)

/* --- fixture --- */

static struct live_rate rate;

static int set_up(void **state)
{
    (void)state;
    rate = (struct live_rate){0};
    return 0;
}

/* --- helpers --- */

/* A reading every quarter of a second, from `from_ms` to `to_ms`, of a counter that grows evenly. */
static void read_evenly(int64_t from_ms, int64_t to_ms, uint32_t from, uint32_t per_reading)
{
    for (int64_t ms = from_ms; ms <= to_ms; ms += 250, from += per_reading)
        live_rate_add(&rate, START + ms * 1000, from);
}

/* --- tests --- */

static void rate_is_zero_before_two_readings(void **state)
{
    (void)state;
    assert_int_equal(live_rate_tenths(&rate), 0);
    live_rate_add(&rate, START, 500);
    assert_int_equal(live_rate_tenths(&rate), 0);
}

static void rate_is_known_from_the_second_reading_on(void **state)
{
    (void)state;
    live_rate_add(&rate, START, 500);
    live_rate_add(&rate, START + SECOND / 4, 525);
    assert_int_equal(live_rate_tenths(&rate), 1000);
}

static void rate_of_even_issues_is_exact(void **state)
{
    (void)state;
    read_evenly(0, 20000, 0, 1250);
    assert_int_equal(live_rate_tenths(&rate), 50000);
}

static void rate_follows_a_change_within_the_window(void **state)
{
    (void)state;
    read_evenly(0, 5000, 0, 1000);
    read_evenly(5250, 6500, 20250, 250);
    assert_int_equal(live_rate_tenths(&rate), 10000);
}

static void rate_is_zero_a_window_after_the_last_issue(void **state)
{
    (void)state;
    read_evenly(0, 5000, 0, 1000);
    read_evenly(5250, 6250, 20000, 0);
    assert_true(live_rate_tenths(&rate) > 0);
    read_evenly(6500, 6750, 20000, 0);
    assert_int_equal(live_rate_tenths(&rate), 0);
}

static void readings_that_are_too_close_are_left_out(void **state)
{
    (void)state;
    live_rate_add(&rate, START, 0);
    live_rate_add(&rate, START + 1, 1000000);
    assert_int_equal(live_rate_tenths(&rate), 0);
    live_rate_add(&rate, START, 1000000);
    assert_int_equal(rate.count, 1);
}

static void readings_rarer_than_the_window_still_give_a_rate(void **state)
{
    (void)state;
    for (int i = 0; i < 40; i++)
        live_rate_add(&rate, START + i * 5 * SECOND, (uint32_t)i * 50);
    assert_int_equal(live_rate_tenths(&rate), 100);
}

static void a_clock_or_a_counter_that_goes_back_begins_anew(void **state)
{
    (void)state;
    read_evenly(0, 5000, 0, 1000);
    live_rate_add(&rate, START, 30000);
    assert_int_equal(live_rate_tenths(&rate), 0);
    read_evenly(250, 2000, 30000, 100);
    assert_int_equal(live_rate_tenths(&rate), 4000);
    live_rate_add(&rate, START + 3 * SECOND, 5);
    assert_int_equal(live_rate_tenths(&rate), 0);
}

static void the_largest_counters_do_not_overflow(void **state)
{
    (void)state;
    live_rate_add(&rate, START, 0);
    live_rate_add(&rate, START + SECOND, UINT32_MAX - 5);
    assert_int_equal(live_rate_tenths(&rate), (uint64_t)(UINT32_MAX - 5) * 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(rate_is_zero_before_two_readings, set_up),
        cmocka_unit_test_setup(rate_is_known_from_the_second_reading_on, set_up),
        cmocka_unit_test_setup(rate_of_even_issues_is_exact, set_up),
        cmocka_unit_test_setup(rate_follows_a_change_within_the_window, set_up),
        cmocka_unit_test_setup(rate_is_zero_a_window_after_the_last_issue, set_up),
        cmocka_unit_test_setup(readings_that_are_too_close_are_left_out, set_up),
        cmocka_unit_test_setup(readings_rarer_than_the_window_still_give_a_rate, set_up),
        cmocka_unit_test_setup(a_clock_or_a_counter_that_goes_back_begins_anew, set_up),
        cmocka_unit_test_setup(the_largest_counters_do_not_overflow, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
