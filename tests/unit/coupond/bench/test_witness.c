#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "coupond/bench/witness.h"

/* --- fixture: ten users, a coupon of five, one a user --- */

static struct bench_witness witness;

static int set_up(void **state)
{
    (void)state;
    return bench_witness_init(&witness, 10, 5, 1) ? 0 : -1;
}

static int set_up_three_a_user(void **state)
{
    (void)state;
    return bench_witness_init(&witness, 10, 5, 3) ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    bench_witness_deinit(&witness);
    return 0;
}

/* --- helpers --- */

static void answer(uint64_t user, enum bench_outcome outcome, uint32_t sequence)
{
    bench_witness_answer(&witness, user, bench_witness_holds(&witness, user), outcome, sequence);
}

static struct bench_judgement judge_count(uint64_t issued, uint64_t unknown, uint64_t after, bool alone)
{
    struct bench_count count = {
        .after = after, .sequence_max = 5, .issued = issued, .unknown = unknown, .alone = alone};
    return bench_witness_judge(&witness, &count);
}

static uint64_t faults(enum bench_promise promise, uint64_t issued)
{
    struct bench_judgement judgement = judge_count(issued, 0, issued, true);
    assert_int_equal(judgement.kept, judgement.faults[promise] == 0);
    return judgement.faults[promise];
}

/* --- tests --- */

static void a_coupon_that_was_not_read_leaves_its_count_unchecked_and_nothing_else(void **state)
{
    (void)state;
    struct bench_count count = {.unread = true, .sequence_max = 5, .issued = 2, .alone = true};
    answer(1, BENCH_ISSUED, 1);
    struct bench_judgement judgement = bench_witness_judge(&witness, &count);
    assert_true(judgement.kept);
    assert_true(judgement.unchecked[BENCH_PROMISE_COUNTED]);
    assert_false(judgement.unchecked[BENCH_PROMISE_DISTINCT]);
    answer(2, BENCH_ISSUED, 1);
    judgement = bench_witness_judge(&witness, &count);
    assert_false(judgement.kept);
    assert_int_equal(judgement.faults[BENCH_PROMISE_DISTINCT], 1);
    assert_int_equal(judgement.faults[BENCH_PROMISE_COUNTED], 0);
}

static void witness_is_content_when_all_is_well(void **state)
{
    (void)state;
    for (uint32_t user = 0; user < 5; user++)
        answer(user, BENCH_ISSUED, user + 1);
    for (uint32_t user = 0; user < 5; user++)
        answer(user, BENCH_ALREADY_ISSUED, user + 1);
    for (uint32_t user = 5; user < 10; user++)
        answer(user, BENCH_SOLD_OUT, 0);
    assert_true(judge_count(5, 0, 5, true).kept);
}

static void witness_sees_a_sequence_given_to_two_users(void **state)
{
    (void)state;
    answer(0, BENCH_ISSUED, 1);
    assert_int_equal(faults(BENCH_PROMISE_DISTINCT, 1), 0);
    answer(1, BENCH_ISSUED, 1);
    assert_int_equal(faults(BENCH_PROMISE_DISTINCT, 2), 1);
}

static void witness_sees_a_sequence_that_another_user_already_had(void **state)
{
    (void)state;
    answer(0, BENCH_ALREADY_ISSUED, 1);
    answer(1, BENCH_ISSUED, 1);
    assert_int_equal(faults(BENCH_PROMISE_DISTINCT, 1), 1);
}

static void witness_sees_a_sequence_above_the_quantity(void **state)
{
    (void)state;
    answer(0, BENCH_ISSUED, 5);
    assert_int_equal(faults(BENCH_PROMISE_IN_RANGE, 1), 0);
    answer(1, BENCH_ISSUED, 6);
    answer(2, BENCH_ISSUED, UINT32_MAX);
    assert_int_equal(faults(BENCH_PROMISE_IN_RANGE, 3), 2);
}

static void witness_allows_sequences_of_a_quantity_that_was_raised(void **state)
{
    (void)state;
    answer(0, BENCH_ISSUED, 6);
    struct bench_count count = {.after = 1, .sequence_max = 7, .issued = 1, .alone = true};
    assert_true(bench_witness_judge(&witness, &count).kept);
}

static void witness_sees_a_second_issue_to_one_user(void **state)
{
    (void)state;
    answer(0, BENCH_ISSUED, 1);
    answer(0, BENCH_ISSUED, 1);
    assert_int_equal(faults(BENCH_PROMISE_ONE_ISSUE, 2), 1);
}

static void witness_sees_two_sequences_for_one_issue(void **state)
{
    (void)state;
    answer(0, BENCH_ISSUED, 1);
    answer(0, BENCH_ALREADY_ISSUED, 2);
    assert_int_equal(faults(BENCH_PROMISE_ONE_ISSUE, 1), 1);
}

static void witness_allows_as_many_issues_as_the_limit(void **state)
{
    (void)state;
    for (uint32_t nth = 1; nth <= 3; nth++)
        answer(0, BENCH_ISSUED, nth);
    answer(0, BENCH_ALREADY_ISSUED, 3);
    assert_int_equal(faults(BENCH_PROMISE_ONE_ISSUE, 3), 0);
    answer(0, BENCH_ISSUED, 4);
    assert_int_equal(faults(BENCH_PROMISE_ONE_ISSUE, 4), 1);
}

static void witness_sees_sold_out_to_a_holder(void **state)
{
    (void)state;
    answer(0, BENCH_SOLD_OUT, 0);
    answer(0, BENCH_ISSUED, 1);
    assert_int_equal(faults(BENCH_PROMISE_NEVER_DENIED, 1), 0);
    answer(0, BENCH_SOLD_OUT, 0);
    assert_int_equal(faults(BENCH_PROMISE_NEVER_DENIED, 1), 1);
}

static void witness_sees_an_issue_that_the_coupon_does_not_count(void **state)
{
    (void)state;
    assert_int_equal(judge_count(3, 0, 2, false).faults[BENCH_PROMISE_COUNTED], 1);
    assert_true(judge_count(3, 0, 3, false).kept);
}

static void witness_allows_issues_with_lost_answers(void **state)
{
    (void)state;
    assert_true(judge_count(3, 1, 4, true).kept);
    assert_int_equal(judge_count(3, 1, 5, true).faults[BENCH_PROMISE_COUNTED], 1);
}

static void witness_takes_more_issues_for_others_when_it_is_not_alone(void **state)
{
    (void)state;
    assert_true(judge_count(3, 0, 5, false).kept);
    assert_true(judge_count(3, 0, 5, false).others);
    assert_false(judge_count(3, 0, 3, false).others);
}

static void witness_sees_a_coupon_issued_beyond_its_quantity(void **state)
{
    (void)state;
    assert_int_equal(judge_count(3, 0, 6, false).faults[BENCH_PROMISE_COUNTED], 1);
}

static struct bench_judgement judge_redemptions(struct bench_redemptions redemptions, bool alone)
{
    struct bench_count count = {.sequence_max = 5, .alone = alone, .mixed = true, .redemptions = redemptions};
    return bench_witness_judge(&witness, &count);
}

static void witness_sees_a_redeemed_count_that_the_answers_do_not_allow(void **state)
{
    (void)state;
    struct bench_redemptions count = {.before = 1, .after = 3, .redeemed = 3, .undone = 1};
    assert_true(judge_redemptions(count, true).kept);
    count.after = 2;
    assert_int_equal(judge_redemptions(count, true).faults[BENCH_PROMISE_REDEEMED_COUNTED], 1);
    count.after = 5;
    assert_int_equal(judge_redemptions(count, true).faults[BENCH_PROMISE_REDEEMED_COUNTED], 2);
}

static void witness_allows_redemptions_and_undoes_with_lost_answers(void **state)
{
    (void)state;
    struct bench_redemptions count = {.redeemed = 3, .redeemed_unknown = 2, .undone = 1, .undone_unknown = 1};
    for (count.after = 1; count.after <= 4; count.after++)
        assert_true(judge_redemptions(count, true).kept);
    assert_false(judge_redemptions(count, true).kept);
    count.after = 0;
    assert_false(judge_redemptions(count, true).kept);
}

static void witness_does_not_check_the_redeemed_count_when_it_is_not_alone(void **state)
{
    (void)state;
    struct bench_judgement judgement = judge_redemptions((struct bench_redemptions){.after = 3}, false);
    assert_true(judgement.kept);
    assert_true(judgement.unchecked[BENCH_PROMISE_REDEEMED_COUNTED]);
    assert_false(judgement.unchecked[BENCH_PROMISE_REDEEMED_ONCE]);
}

static void witness_counts_answers_that_break_a_promise(void **state)
{
    (void)state;
    bench_witness_break(&witness, BENCH_PROMISE_REDEEMED_ONCE);
    bench_witness_break(&witness, BENCH_PROMISE_REDEEMED_ONCE);
    bench_witness_break(&witness, BENCH_PROMISE_LISTED);
    struct bench_judgement judgement = judge_redemptions((struct bench_redemptions){0}, true);
    assert_false(judgement.kept);
    assert_int_equal(judgement.faults[BENCH_PROMISE_REDEEMED_ONCE], 2);
    assert_int_equal(judgement.faults[BENCH_PROMISE_LISTED], 1);
    assert_int_equal(judgement.faults[BENCH_PROMISE_STATE_SHOWN], 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_coupon_that_was_not_read_leaves_its_count_unchecked_and_nothing_else, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(witness_is_content_when_all_is_well, set_up, tear_down),
        cmocka_unit_test_setup_teardown(witness_sees_a_sequence_given_to_two_users, set_up, tear_down),
        cmocka_unit_test_setup_teardown(witness_sees_a_sequence_that_another_user_already_had, set_up, tear_down),
        cmocka_unit_test_setup_teardown(witness_sees_a_sequence_above_the_quantity, set_up, tear_down),
        cmocka_unit_test_setup_teardown(witness_allows_sequences_of_a_quantity_that_was_raised, set_up, tear_down),
        cmocka_unit_test_setup_teardown(witness_sees_a_second_issue_to_one_user, set_up, tear_down),
        cmocka_unit_test_setup_teardown(witness_sees_two_sequences_for_one_issue, set_up, tear_down),
        cmocka_unit_test_setup_teardown(witness_allows_as_many_issues_as_the_limit, set_up_three_a_user, tear_down),
        cmocka_unit_test_setup_teardown(witness_sees_sold_out_to_a_holder, set_up, tear_down),
        cmocka_unit_test_setup_teardown(witness_sees_an_issue_that_the_coupon_does_not_count, set_up, tear_down),
        cmocka_unit_test_setup_teardown(witness_allows_issues_with_lost_answers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(witness_takes_more_issues_for_others_when_it_is_not_alone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(witness_sees_a_coupon_issued_beyond_its_quantity, set_up, tear_down),
        cmocka_unit_test_setup_teardown(witness_sees_a_redeemed_count_that_the_answers_do_not_allow, set_up, tear_down),
        cmocka_unit_test_setup_teardown(witness_allows_redemptions_and_undoes_with_lost_answers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(witness_does_not_check_the_redeemed_count_when_it_is_not_alone, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(witness_counts_answers_that_break_a_promise, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
