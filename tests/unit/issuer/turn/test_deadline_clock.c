/*
 * The clock for deadlines: it runs on, and catches up after it has stood still.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "issuer/turn/deadline_clock.h"

/* --- helpers --- */

static struct frame_header said(uint64_t incarnation, int64_t clock_us)
{
    return (struct frame_header){.incarnation = incarnation, .clock_us = clock_us};
}

static void update(struct deadline_clock *clock, uint64_t incarnation, int64_t clock_us)
{
    struct frame_header header = said(incarnation, clock_us);
    deadline_clock_update(clock, &header);
}

static int64_t age(const struct deadline_clock *clock, uint64_t incarnation, int64_t clock_us)
{
    struct frame_header header = said(incarnation, clock_us);
    return deadline_clock_age_us(clock, &header);
}

/* --- tests --- */

static void clock_tells_how_old_a_frame_is(void **state)
{
    (void)state;
    struct deadline_clock clock;
    deadline_clock_init(&clock, 7);
    deadline_clock_read(&clock, 1000);
    assert_int_equal(clock.now_us, 1000);
    assert_int_equal(age(&clock, 7, 400), 600);
    assert_int_equal(age(&clock, 7, 1400), -400);
}

static void clock_takes_a_frame_of_another_incarnation_for_older_than_anything(void **state)
{
    (void)state;
    struct deadline_clock clock;
    deadline_clock_init(&clock, 7);
    deadline_clock_read(&clock, 1000);
    assert_true(age(&clock, 8, 1000) == INT64_MAX);
    assert_true(age(&clock, 0, 1000) == INT64_MAX);
}

static void clock_that_stood_still_goes_on_from_what_gateways_know(void **state)
{
    (void)state;
    struct deadline_clock clock;
    deadline_clock_init(&clock, 7);
    update(&clock, 7, 900);
    deadline_clock_read(&clock, 1000);
    assert_int_equal(clock.now_us, 1000);
    update(&clock, 7, 5000);
    update(&clock, 7, 3000);
    deadline_clock_read(&clock, 1010);
    assert_int_equal(clock.now_us, 5000);
    deadline_clock_read(&clock, 1110);
    assert_int_equal(clock.now_us, 5100);
}

static void clock_does_not_listen_to_what_is_of_another_incarnation_or_cannot_be(void **state)
{
    (void)state;
    struct deadline_clock clock;
    deadline_clock_init(&clock, 7);
    update(&clock, 8, 5000);
    update(&clock, 7, FRAME_CLOCK_US_MAX);
    deadline_clock_read(&clock, 1000);
    assert_int_equal(clock.now_us, 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clock_tells_how_old_a_frame_is),
        cmocka_unit_test(clock_takes_a_frame_of_another_incarnation_for_older_than_anything),
        cmocka_unit_test(clock_that_stood_still_goes_on_from_what_gateways_know),
        cmocka_unit_test(clock_does_not_listen_to_what_is_of_another_incarnation_or_cannot_be),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
