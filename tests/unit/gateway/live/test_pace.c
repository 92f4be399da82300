/* How often a thread asks and writes for its watchers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/live/pace.h"

static void few_watchers_have_an_event_every_quarter_of_a_second(void **state)
{
    (void)state;
    assert_int_equal(live_pace_interval_us(0, 0), LIVE_INTERVAL_US);
    assert_int_equal(live_pace_interval_us(1, 1), LIVE_INTERVAL_US);
    assert_int_equal(live_pace_interval_us(2000, 1), LIVE_INTERVAL_US);
}

static void more_watchers_have_events_less_often(void **state)
{
    (void)state;
    assert_int_equal(live_pace_interval_us(10000, 1), 1250000);
    assert_true(live_pace_interval_us(2001, 1) > LIVE_INTERVAL_US);
}

static void writes_and_questions_stay_within_their_budgets(void **state)
{
    (void)state;
    for (unsigned watchers = 1; watchers <= 1000000; watchers = watchers * 3 + 1) {
        for (unsigned coupons = 1; coupons <= 1024; coupons *= 2) {
            int64_t us = live_pace_interval_us(watchers, coupons);
            assert_true(watchers * INT64_C(1000000) <= (us + 1) * LIVE_WRITES_PER_S);
            assert_true(coupons * INT64_C(1000000) <= (us + 1) * LIVE_QUESTIONS_PER_S);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(few_watchers_have_an_event_every_quarter_of_a_second),
        cmocka_unit_test(more_watchers_have_events_less_often),
        cmocka_unit_test(writes_and_questions_stay_within_their_budgets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
