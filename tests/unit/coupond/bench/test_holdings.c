#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "coupond/bench/holdings.h"

/* --- fixture --- */

static struct bench_holdings holdings;

static int set_up(void **state)
{
    (void)state;
    bench_holdings_init(&holdings);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    bench_holdings_deinit(&holdings);
    return 0;
}

/* --- helpers --- */

static void put(uint32_t sequence, uint64_t reference)
{
    struct bench_holding holding = {.sequence = sequence, .reference = reference};
    bench_holdings_put(&holdings, &holding, 0);
}

/* The sequence, or 0 when there is none. */
static uint32_t take(enum bench_operation operation, bool repeated, uint64_t random)
{
    struct bench_holding holding;
    return bench_holdings_take(&holdings, operation, repeated, random, &holding) ? holding.sequence : 0;
}

/* --- tests --- */

static void holdings_without_an_issue_give_none(void **state)
{
    (void)state;
    for (enum bench_operation i = BENCH_OPERATION_ISSUE + 1; i < BENCH_OPERATION_COUNT; i++)
        assert_int_equal(take(i, true, UINT64_MAX), 0);
}

static void holdings_give_what_the_operation_can_be_applied_to(void **state)
{
    (void)state;
    put(1, 0);
    assert_int_equal(take(BENCH_OPERATION_UNDO, false, 0), 0);
    assert_int_equal(take(BENCH_OPERATION_REDEEM, true, 0), 1);
    put(2, 7);
    assert_int_equal(take(BENCH_OPERATION_REVOKE, false, 0), 0);
    assert_int_equal(take(BENCH_OPERATION_REDEEM, false, 0), 0);
    assert_int_equal(take(BENCH_OPERATION_REDEEM, true, 0), 2);
    put(3, 7);
    assert_int_equal(take(BENCH_OPERATION_UNDO, false, 0), 3);
}

static void holdings_give_an_issue_once(void **state)
{
    (void)state;
    put(1, 0);
    put(2, 0);
    uint32_t first = take(BENCH_OPERATION_LOOKUP, false, UINT64_MAX);
    uint32_t second = take(BENCH_OPERATION_LOOKUP, false, UINT64_MAX);
    assert_int_equal(first + second, 3);
    assert_int_equal(take(BENCH_OPERATION_LOOKUP, false, UINT64_MAX), 0);
}

static void holdings_are_read_in_either_state(void **state)
{
    (void)state;
    put(1, 0);
    put(2, 7);
    assert_int_equal(take(BENCH_OPERATION_WALLET, false, 1), 2);
    assert_int_equal(take(BENCH_OPERATION_WALLET, false, 0), 1);
}

static void holdings_are_bounded(void **state)
{
    (void)state;
    for (uint32_t sequence = 1; sequence <= BENCH_HOLDINGS_MAX + 10; sequence++)
        put(sequence, 0);
    assert_int_equal(holdings.issued.count, BENCH_HOLDINGS_MAX);
    assert_int_equal(holdings.issued.room, BENCH_HOLDINGS_MAX);
    assert_int_equal(take(BENCH_OPERATION_REDEEM, false, 0), BENCH_HOLDINGS_MAX + 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(holdings_without_an_issue_give_none, set_up, tear_down),
        cmocka_unit_test_setup_teardown(holdings_give_what_the_operation_can_be_applied_to, set_up, tear_down),
        cmocka_unit_test_setup_teardown(holdings_give_an_issue_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(holdings_are_read_in_either_state, set_up, tear_down),
        cmocka_unit_test_setup_teardown(holdings_are_bounded, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
