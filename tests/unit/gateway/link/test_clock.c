/* The lower bound on an issuer's clock. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gateway/link/clock.h"

static void clock_goes_on_from_the_last_frame_at_the_slowest_rate_that_may_be(void **state)
{
    (void)state;
    struct link_clock clock = {0};
    assert_false(link_clock_update(&clock, 7, 500000, 1000000));
    assert_int_equal(link_clock_least_us(&clock, 1000000), 500000);
    assert_int_equal(link_clock_least_us(&clock, 1001000), 500800);
    assert_int_equal(link_clock_least_us(&clock, 999000), 499000);
    assert_int_equal(link_clock_least_us(&clock, 0), 0);
}

static void clock_uses_a_frame_only_if_it_raises_the_bound(void **state)
{
    (void)state;
    struct link_clock clock = {0};
    link_clock_update(&clock, 7, 500000, 1000000);
    link_clock_update(&clock, 7, 500500, 1001000); /* long in transit */
    assert_int_equal(link_clock_least_us(&clock, 1001000), 500800);
    link_clock_update(&clock, 7, 501000, 1001000);
    assert_int_equal(link_clock_least_us(&clock, 1001000), 501000);
}

static void clock_detects_a_restart_of_the_issuer(void **state)
{
    (void)state;
    struct link_clock clock = {0};
    assert_false(link_clock_update(&clock, 7, 500000, 1000000));
    assert_true(link_clock_update(&clock, 8, 10, 1000100));
    assert_int_equal(clock.incarnation, 8);
    assert_int_equal(link_clock_least_us(&clock, 1000100), 10);
    assert_false(link_clock_update(&clock, 7, 600000, 1000200)); /* the previous incarnation's last frame */
    assert_int_equal(clock.incarnation, 8);
    assert_true(link_clock_update(&clock, 9, 20, 1000300));
}

/* Holds for all clock rates that chrony allows and for any transit time. */
static void deadline_has_passed_when_the_gateway_gives_up(void **state)
{
    (void)state;
    static const int64_t rates_ppm[] = {-83333, 0, 83333};
    const int64_t timeout_us = 2000000;
    for (size_t i = 0; i < 9; i++) {
        int64_t issuer_ppm = rates_ppm[i % 3], gateway_ppm = rates_ppm[i / 3];
        for (int64_t under_way_us = 0; under_way_us < 3000000; under_way_us += 100000) {
            struct link_clock clock = {0};
            int64_t received = under_way_us, asked = received + 700000; /* true time */
            int64_t received_us = received + received * gateway_ppm / 1000000,
                    asked_us = asked + asked * gateway_ppm / 1000000;
            link_clock_update(&clock, 7, 0, received_us);
            int64_t deadline_us = link_clock_least_us(&clock, asked_us) + link_clock_passes_us(timeout_us);
            int64_t given_up = asked + timeout_us * 1000000 / (1000000 + gateway_ppm);
            assert_true(given_up + given_up * issuer_ppm / 1000000 > deadline_us);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clock_goes_on_from_the_last_frame_at_the_slowest_rate_that_may_be),
        cmocka_unit_test(clock_uses_a_frame_only_if_it_raises_the_bound),
        cmocka_unit_test(clock_detects_a_restart_of_the_issuer),
        cmocka_unit_test(deadline_has_passed_when_the_gateway_gives_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
