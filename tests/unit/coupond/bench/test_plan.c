#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "coupond/bench/plan.h"

static struct bench_plan plan_of(uint64_t requests, double duplicates, const char *users)
{
    struct bench_plan plan = {.requests = requests, .rate = 1000, .duplicates = duplicates};
    assert_true(bench_plan_users(&plan, users));
    return plan;
}

/* Counts requests for a user that no earlier request was for. */
static uint64_t count_new_users(const struct bench_plan *plan)
{
    unsigned char *seen = calloc(bench_plan_users_seen(plan), 1);
    uint64_t count = 0;
    for (uint64_t number = 0; number < plan->requests; number++) {
        uint64_t user = bench_plan_user(plan, number);
        assert_true(user < bench_plan_users_seen(plan));
        count += seen[user] == 0;
        seen[user] = 1;
    }
    free(seen);
    return count;
}

static void plan_gives_every_request_a_user_of_its_own(void **state)
{
    (void)state;
    struct bench_plan plan = plan_of(10000, 0.0, "u-");
    assert_int_equal(count_new_users(&plan), 10000);
}

static void plan_gives_the_chosen_share_to_earlier_users(void **state)
{
    (void)state;
    struct bench_plan plan = plan_of(100000, 0.3, "u-");
    assert_in_range(count_new_users(&plan), 69000, 71000);
}

static void plan_of_duplicates_only_asks_for_one_user(void **state)
{
    (void)state;
    struct bench_plan plan = plan_of(1000, 1.0, "u-");
    assert_int_equal(count_new_users(&plan), 1);
}

static void plan_begins_again_behind_the_last_user_of_a_range(void **state)
{
    (void)state;
    struct bench_plan plan = plan_of(250, 0.0, "101-200");
    char id[USER_ID_MAX + 1];
    assert_int_equal(plan.users, 100);
    assert_int_equal(count_new_users(&plan), 100);
    bench_plan_user_id(&plan, bench_plan_user(&plan, 0), id);
    assert_string_equal(id, "101");
    bench_plan_user_id(&plan, bench_plan_user(&plan, 100), id);
    assert_string_equal(id, "101");
    bench_plan_user_id(&plan, bench_plan_user(&plan, 199), id);
    assert_string_equal(id, "200");
}

static void plan_reads_a_range_behind_a_prefix(void **state)
{
    (void)state;
    struct bench_plan plan = plan_of(1, 0.0, "shop:7-9");
    char id[USER_ID_MAX + 1];
    assert_int_equal(bench_plan_user_id(&plan, 2, id), 6);
    assert_string_equal(id, "shop:9");
}

static void plan_parses_anything_but_a_range_as_a_prefix(void **state)
{
    (void)state;
    struct bench_plan plan = plan_of(1, 0.0, "run-2-");
    assert_string_equal(plan.prefix, "run-2-");
    plan = plan_of(1, 0.0, "9-3-");
    assert_string_equal(plan.prefix, "9-3-");
}

static void plan_refuses_a_range_that_is_none(void **state)
{
    (void)state;
    static const char *bad[] = {"5-1", "shop:5-1", "0-100000000", "1-99999999999999999999"};
    struct bench_plan plan = {0};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(bench_plan_users(&plan, bad[i]));
}

static void plan_refuses_users_out_of_the_alphabet(void **state)
{
    (void)state;
    static const char *bad[] = {"", "a b", "a/", "\xc3\xa9", "0123456789012345678901234567890123456789012345678"};
    struct bench_plan plan = {0};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(bench_plan_users(&plan, bad[i]));
}

static void plan_spreads_the_requests_evenly(void **state)
{
    (void)state;
    struct bench_plan plan = plan_of(10, 0.0, "u-");
    plan.rate = 3;
    assert_int_equal(bench_plan_due_us(&plan, 0), 0);
    assert_int_equal(bench_plan_due_us(&plan, 1), 333333);
    assert_int_equal(bench_plan_due_us(&plan, 3), 1000000);
    plan.rate = 1;
    assert_int_equal(bench_plan_due_us(&plan, 9999999), INT64_C(9999999000000));
}

static void plan_distributes_the_operations_by_their_shares(void **state)
{
    (void)state;
    struct bench_plan plan = plan_of(100000, 0.3, "u-");
    uint64_t count[BENCH_OPERATION_COUNT] = {0}, repeated = 0;
    assert_null(bench_mix_parse(&plan.mix, "issue=70,redeem=20,undo=10"));
    for (uint64_t number = 0; number < plan.requests; number++) {
        count[bench_plan_operation(&plan, number)]++;
        repeated += bench_plan_operation(&plan, number) == BENCH_OPERATION_REDEEM && bench_plan_repeats(&plan, number);
    }
    assert_in_range(count[BENCH_OPERATION_ISSUE], 69000, 71000);
    assert_in_range(count[BENCH_OPERATION_UNDO], 9500, 10500);
    assert_in_range(repeated, 5500, 6500);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plan_gives_every_request_a_user_of_its_own),
        cmocka_unit_test(plan_gives_the_chosen_share_to_earlier_users),
        cmocka_unit_test(plan_of_duplicates_only_asks_for_one_user),
        cmocka_unit_test(plan_begins_again_behind_the_last_user_of_a_range),
        cmocka_unit_test(plan_reads_a_range_behind_a_prefix),
        cmocka_unit_test(plan_parses_anything_but_a_range_as_a_prefix),
        cmocka_unit_test(plan_refuses_a_range_that_is_none),
        cmocka_unit_test(plan_refuses_users_out_of_the_alphabet),
        cmocka_unit_test(plan_spreads_the_requests_evenly),
        cmocka_unit_test(plan_distributes_the_operations_by_their_shares),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
