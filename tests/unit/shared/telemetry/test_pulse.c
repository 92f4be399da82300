/*
 * Pulses: detects threads that hang, and only those.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>
#include <unistd.h>

#include "shared/telemetry/pulse.h"

#define MOMENT_US 20000

/* --- fixture: two threads with pulses --- */

static struct pulse *one, *two;

static int set_up(void **state)
{
    (void)state;
    one = pulse_create("partition", 7);
    two = pulse_create("the stream", -1);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    pulse_destroy(&one);
    pulse_destroy(&two);
    return one == NULL && two == NULL ? 0 : -1;
}

/* Checks both, lets time pass while `beats` of them beat, and checks again. */
static bool all_beat_after_a_moment(bool first, bool second, char why[128])
{
    pulse_all_beat(MOMENT_US / 2, why);
    usleep(MOMENT_US);
    if (first)
        pulse_beat(one);
    if (second)
        pulse_beat(two);
    return pulse_all_beat(MOMENT_US / 2, why);
}

/* --- tests --- */

static void pulse_tells_who_stands(void **state)
{
    (void)state;
    char why[128] = "";
    assert_true(all_beat_after_a_moment(true, true, why));
    assert_string_equal(why, "");
    assert_false(all_beat_after_a_moment(false, true, why));
    assert_string_equal(why, "partition 7 has not responded for 0 s");
    assert_true(all_beat_after_a_moment(true, true, why));
    assert_false(all_beat_after_a_moment(true, false, why));
    assert_non_null(strstr(why, "the stream has not"));
}

static void pulse_is_not_judged_while_it_is_excused(void **state)
{
    (void)state;
    char why[128] = "";
    pulse_excuse(one, true);
    assert_true(all_beat_after_a_moment(false, true, why));
    pulse_excuse(one, false);
    assert_true(all_beat_after_a_moment(true, true, why));
    assert_false(all_beat_after_a_moment(false, true, why));
}

static void pulse_is_not_missed_when_its_thread_has_ended(void **state)
{
    (void)state;
    char why[128] = "";
    pulse_destroy(&one);
    assert_true(all_beat_after_a_moment(false, true, why) || strstr(why, "partition 7") == NULL);
    one = pulse_create("partition", 7);
}

static void pulse_sum_changes_with_every_beat_and_life(void **state)
{
    (void)state;
    uint64_t before = pulse_sum();
    assert_int_equal(pulse_sum(), before);
    pulse_beat(two);
    assert_true(pulse_sum() > before);
    before = pulse_sum();
    pulse_destroy(&two);
    assert_true(pulse_sum() > before);
    before = pulse_sum();
    two = pulse_create("the stream", -1);
    assert_true(pulse_sum() > before);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(pulse_tells_who_stands),
        TEST(pulse_is_not_judged_while_it_is_excused),
        TEST(pulse_is_not_missed_when_its_thread_has_ended),
        TEST(pulse_sum_changes_with_every_beat_and_life),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
