#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "persister/retry.h"

#define RANDOM_LOWEST  0u
#define RANDOM_HIGHEST UINT32_MAX

static void waits_double_from_the_minimum_up_to_the_maximum(void **state)
{
    (void)state;
    struct retry retry;
    retry_init(&retry, 50, 500);
    const int64_t wanted[] = {50, 100, 200, 400, 500, 500, 500};
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
        assert_int_equal(retry_next_ms(&retry, RANDOM_LOWEST), wanted[i]);
}

static void jitter_takes_away_up_to_a_half(void **state)
{
    (void)state;
    struct retry retry;
    retry_init(&retry, 1000, 1000);
    assert_int_equal(retry_next_ms(&retry, RANDOM_LOWEST), 1000);
    assert_int_equal(retry_next_ms(&retry, UINT32_C(1) << 31), 750);
    assert_int_equal(retry_next_ms(&retry, RANDOM_HIGHEST), 501);
}

static void a_success_begins_at_the_minimum_again(void **state)
{
    (void)state;
    struct retry retry;
    retry_init(&retry, 50, 5000);
    for (int i = 0; i < 5; i++)
        retry_next_ms(&retry, RANDOM_LOWEST);
    retry_reset(&retry);
    assert_int_equal(retry_next_ms(&retry, RANDOM_LOWEST), 50);
}

static void a_fault_that_will_not_pass_waits_longest_at_once(void **state)
{
    (void)state;
    struct retry retry;
    retry_init(&retry, 50, 5000);
    assert_int_equal(retry_longest_ms(&retry), 5000);
    assert_int_equal(retry_next_ms(&retry, RANDOM_LOWEST), 5000);
}

static void waits_are_never_zero_and_never_overflow(void **state)
{
    (void)state;
    struct retry retry;
    retry_init(&retry, 1, 3600000);
    for (int i = 0; i < 200; i++) {
        int64_t wait = retry_next_ms(&retry, RANDOM_HIGHEST);
        assert_in_range(wait, 1, 3600000);
    }
}

static void a_maximum_below_the_minimum_counts_as_the_minimum(void **state)
{
    (void)state;
    struct retry retry;
    retry_init(&retry, 100, 10);
    assert_int_equal(retry_next_ms(&retry, RANDOM_LOWEST), 100);
    assert_int_equal(retry_next_ms(&retry, RANDOM_LOWEST), 100);
    assert_int_equal(retry_longest_ms(&retry), 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(waits_double_from_the_minimum_up_to_the_maximum),
        cmocka_unit_test(jitter_takes_away_up_to_a_half),
        cmocka_unit_test(a_success_begins_at_the_minimum_again),
        cmocka_unit_test(a_fault_that_will_not_pass_waits_longest_at_once),
        cmocka_unit_test(waits_are_never_zero_and_never_overflow),
        cmocka_unit_test(a_maximum_below_the_minimum_counts_as_the_minimum),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
