/*
 * The corrected clock, stepped by hand: when it follows the wall clock, and when not.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "issuer/corrected_clock.h"
#include "shared/limits.h"

#define SECOND   INT64_C(1000000)
#define HOUR     (3600 * SECOND)
#define DAY      (24 * HOUR)
#define WALL_US  INT64_C(1763691900000000)
#define SETTLE   (30 * SECOND)
#define FALLBACK INT64_C(1700000000000000)

/* --- fixture --- */

static struct corrected_clock judged;
static int64_t steady_us, wall_us;

static int setup(void **state)
{
    (void)state;
    steady_us = HOUR;
    wall_us = WALL_US;
    corrected_clock_init(&judged, SETTLE, FALLBACK, wall_us, steady_us);
    return 0;
}

static enum corrected_event after(int64_t elapsed_us)
{
    steady_us += elapsed_us;
    wall_us += elapsed_us;
    return corrected_clock_judge(&judged, wall_us, steady_us);
}

static enum corrected_event step(int64_t by_us)
{
    wall_us += by_us;
    return after(0);
}

static int64_t now(void)
{
    return corrected_clock_at(&judged, steady_us);
}

/* --- tests --- */

static void clock_follows_the_wall_clock(void **state)
{
    (void)state;
    assert_int_equal(now(), WALL_US);
    assert_int_equal(after(SECOND), CORRECTED_NOTHING);
    assert_int_equal(after(5 * HOUR), CORRECTED_NOTHING);
    assert_int_equal(now(), wall_us);
}

static void clock_follows_drift_and_small_steps_without_a_word(void **state)
{
    (void)state;
    for (int i = 0; i < 10000; i++) {
        wall_us += 1000; /* 0.1 % of a second */
        assert_int_equal(after(SECOND), CORRECTED_NOTHING);
        assert_int_equal(now(), wall_us);
    }
    wall_us -= 3600000;
    assert_int_equal(after(HOUR), CORRECTED_NOTHING);
    assert_int_equal(step(-50000), CORRECTED_STEPPED); /* all of the hour's drift is used up */
    setup(NULL);
    assert_int_equal(step(CORRECTED_STEP_US_MAX), CORRECTED_NOTHING);
    assert_int_equal(now(), wall_us);
}

static void clock_is_not_led_away_by_many_small_steps(void **state)
{
    (void)state;
    for (int i = 0; i < 100; i++) {
        wall_us += 90000;
        after(10000);
    }
    assert_true(now() - WALL_US <= 100 * 10000 + CORRECTED_STEP_US_MAX + 1000);
}

static void clock_goes_on_over_a_step_that_is_taken_back(void **state)
{
    (void)state;
    const int64_t steps[] = {DAY, -DAY, HOUR, -HOUR, 2 * SECOND, -2 * SECOND, 200000, -200000};
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        int64_t before = now();
        assert_int_equal(step(steps[i]), CORRECTED_STEPPED);
        assert_int_equal(judged.state, steps[i] > 0 ? CORRECTED_AHEAD : CORRECTED_BEHIND);
        assert_int_equal(corrected_clock_error(&judged), steps[i]);
        assert_int_equal(now(), before);
        assert_int_equal(after(2 * SECOND), CORRECTED_NOTHING);
        assert_int_equal(now(), before + 2 * SECOND);
        assert_int_equal(step(-steps[i]), CORRECTED_RETURNED);
        assert_int_equal(judged.state, CORRECTED_TRUSTED);
        assert_int_equal(corrected_clock_error(&judged), 0);
        assert_int_equal(now(), wall_us);
    }
}

static void clock_believes_a_step_that_has_lasted(void **state)
{
    (void)state;
    const int64_t steps[] = {HOUR, -HOUR};
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(step(steps[i]), CORRECTED_STEPPED);
        assert_int_equal(after(SETTLE - 1), CORRECTED_NOTHING);
        assert_int_equal(now(), wall_us - steps[i]);
        assert_int_equal(after(1), CORRECTED_BELIEVED);
        assert_int_equal(judged.state, CORRECTED_TRUSTED);
        assert_int_equal(now(), wall_us);
    }
}

static void clock_waits_anew_when_it_steps_while_it_settles(void **state)
{
    (void)state;
    assert_int_equal(step(DAY), CORRECTED_STEPPED);
    for (int i = 0; i < 50; i++) {
        assert_int_equal(after(SETTLE / 2), CORRECTED_NOTHING);
        assert_int_equal(step(i % 2 == 0 ? -3 * DAY : 3 * DAY), CORRECTED_NOTHING);
        assert_int_equal(judged.state, i % 2 == 0 ? CORRECTED_BEHIND : CORRECTED_AHEAD);
        assert_int_equal(now(), WALL_US + (i + 1) * (SETTLE / 2));
    }
    assert_int_equal(after(SETTLE), CORRECTED_BELIEVED);
}

static void clock_takes_a_step_that_nobody_saw_for_as_new_as_the_look_at_it(void **state)
{
    (void)state;
    wall_us += DAY;
    assert_int_equal(after(2 * HOUR), CORRECTED_STEPPED); /* the process was stopped */
    assert_int_equal(now(), WALL_US + 2 * HOUR);
    assert_int_equal(after(SETTLE), CORRECTED_BELIEVED);
}

static void clock_knows_how_long_a_machine_slept(void **state)
{
    (void)state;
    assert_int_equal(after(8 * HOUR), CORRECTED_NOTHING); /* CLOCK_BOOTTIME ran on, too */
    assert_int_equal(now(), wall_us);
}

/* A virtual machine may be paused together with all of its clocks. */
static void clock_that_stood_still_with_its_machine_is_caught_up_with_when_the_wall_clock_is_set(void **state)
{
    (void)state;
    assert_int_equal(after(SECOND), CORRECTED_NOTHING); /* it continues where it was, since nothing contradicts that */
    assert_int_equal(step(HOUR), CORRECTED_STEPPED);    /* the guest's agent or chrony sets the wall clock */
    assert_int_equal(after(SETTLE), CORRECTED_BELIEVED);
    assert_int_equal(now(), WALL_US + SECOND + HOUR + SETTLE);
    assert_int_equal(corrected_clock_error(&judged), 0);
}

static void clock_never_believes_what_no_issuer_can_work_with(void **state)
{
    (void)state;
    const int64_t walls[] = {ISSUER_TIME_US_MAX + 1, 0, -DAY};
    for (size_t i = 0; i < 3; i++) {
        setup(NULL);
        assert_int_equal(step(walls[i] - wall_us), CORRECTED_STEPPED);
        for (int j = 0; j < 10; j++) {
            wall_us = walls[i] - SETTLE;
            assert_int_equal(after(SETTLE), CORRECTED_NOTHING);
        }
        assert_int_equal(now(), WALL_US + 10 * SETTLE);
    }
}

static void clock_that_begins_beyond_all_bounds_goes_on_from_elsewhere_until_it_is_set(void **state)
{
    (void)state;
    wall_us = ISSUER_TIME_US_MAX + DAY;
    corrected_clock_init(&judged, SETTLE, FALLBACK, wall_us, steady_us);
    assert_int_equal(judged.state, CORRECTED_AHEAD);
    after(SETTLE);
    assert_int_equal(now(), FALLBACK + SETTLE);
    wall_us = WALL_US;
    assert_int_equal(after(0), CORRECTED_NOTHING);
    assert_int_equal(after(SETTLE), CORRECTED_BELIEVED);
    assert_int_equal(now(), wall_us);
}

#define TEST(function) cmocka_unit_test_setup(function, setup)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(clock_follows_the_wall_clock),
        TEST(clock_follows_drift_and_small_steps_without_a_word),
        TEST(clock_is_not_led_away_by_many_small_steps),
        TEST(clock_goes_on_over_a_step_that_is_taken_back),
        TEST(clock_believes_a_step_that_has_lasted),
        TEST(clock_waits_anew_when_it_steps_while_it_settles),
        TEST(clock_takes_a_step_that_nobody_saw_for_as_new_as_the_look_at_it),
        TEST(clock_knows_how_long_a_machine_slept),
        TEST(clock_that_stood_still_with_its_machine_is_caught_up_with_when_the_wall_clock_is_set),
        TEST(clock_never_believes_what_no_issuer_can_work_with),
        TEST(clock_that_begins_beyond_all_bounds_goes_on_from_elsewhere_until_it_is_set),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
