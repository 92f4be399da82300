/*
 * The revocation of all issues of a coupon, step by step.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "issuer/ledger/issue_list.h"
#include "issuer/ledger/sweep.h"
#include "tests/unit/issuer/ledger/ledger_fixture.h"

/* --- helpers --- */

/* Issues one each to user-1 … user-`count`. */
static void give(const char *coupon, unsigned count)
{
    char user[16];
    add_simple(coupon, 1000, 2);
    for (unsigned i = 1; i <= count; i++) {
        snprintf(user, sizeof user, "user-%u", i);
        assert_int_equal(post(coupon, user).issue.sequence, i);
    }
}

static enum issue_state state_of(const char *coupon, uint32_t sequence)
{
    return issue_state_of(issue_list_state(ledger_entry(ledger, coupon, strlen(coupon)), sequence));
}

static void finish(void)
{
    while (sweep_step(3))
        continue;
}

/* --- tests --- */

static void a_sweep_revokes_every_issue_that_is_not_redeemed(void **state)
{
    (void)state;
    give("C", 20);
    redeem("C", "user-3", "r", 0);
    redeem("C", "user-20", "r", 0);
    revoke("C", "user-5", 0, 0);
    sweep("C", RESTOCK);
    finish();
    for (uint32_t sequence = 1; sequence <= 20; sequence++)
        assert_int_equal(state_of("C", sequence), sequence == 3 || sequence == 20 ? ISSUE_REDEEMED : ISSUE_REVOKED);
    struct coupon coupon = coupon_now("C");
    assert_int_equal(coupon.returned, 17); /* not that of user-5 */
    assert_int_equal(coupon.redeemed, 2);
    assert_int_equal(ledger_entry(ledger, "C", 1)->revoked, 18);
    assert_null(ledger_entry(ledger, "C", 1)->sweep);
}

static void issues_made_after_it_began_stay(void **state)
{
    (void)state;
    give("C", 3);
    sweep("C", 0);
    assert_int_equal(post("C", "late").verdict, VERDICT_ISSUED);
    finish();
    assert_int_equal(state_of("C", 3), ISSUE_REVOKED);
    assert_int_equal(state_of("C", 4), ISSUE_ISSUED);
}

static void issues_are_redeemed_and_revoked_while_it_goes_on(void **state)
{
    (void)state;
    give("C", 6);
    sweep("C", AGAIN);
    assert_true(sweep_step(1));
    assert_int_equal(state_of("C", 1), ISSUE_REVOKED);
    assert_int_equal(redeem("C", "user-2", "r", 0).verdict, VERDICT_REDEEMED);
    assert_int_equal(revoke("C", "user-3", 0, 0).verdict, VERDICT_REVOKED);
    assert_int_equal(redeem("C", "user-1", "r", 0).verdict, VERDICT_ISSUE_REVOKED);
    assert_int_equal(post("C", "user-1").verdict, VERDICT_ISSUED);
    finish();
    assert_int_equal(state_of("C", 2), ISSUE_REDEEMED);
    assert_int_equal(ledger_entry(ledger, "C", 1)->forgiven, 4); /* 1, 4, 5, 6 */
}

static void sweeps_are_carried_out_one_after_the_other(void **state)
{
    (void)state;
    give("D", 2);
    give("C", 2);
    sweep("D", 0);
    sweep("C", 0);
    assert_ptr_equal(ledger_sweep_first(ledger)->coupon, ledger_entry(ledger, "D", 1));
    assert_true(sweep_step(1));
    assert_true(sweep_step(1));
    assert_ptr_equal(ledger_sweep_first(ledger)->coupon, ledger_entry(ledger, "C", 1));
    finish();
    assert_null(ledger_sweep_first(ledger));
    assert_int_equal(state_of("C", 2), ISSUE_REVOKED);
}

static void a_step_looks_at_no_more_issues_than_it_may(void **state)
{
    (void)state;
    struct ledger_change_decision decision;
    give("C", 10);
    for (unsigned i = 1; i <= 9; i++) {
        char user[16];
        snprintf(user, sizeof user, "user-%u", i);
        redeem("C", user, "r", 0);
    }
    sweep("C", 0);
    struct ledger_sweep *first = ledger_sweep_first(ledger);
    assert_int_equal(ledger_sweep_step(first, 9, &decision), 0);
    assert_int_equal(first->examined, 9);
    assert_int_equal(ledger_sweep_step(first, 9, &decision), 10);
    assert_int_equal(ledger_sweep_step(first, 9, &decision), 0);
    assert_int_equal(first->examined, 10);
}

static void a_sweep_that_was_interrupted_goes_on_after_the_replay(void **state)
{
    (void)state;
    struct ledger *again = another_ledger(), *before = ledger;
    give("C", 10);
    sweep("C", RESTOCK | AGAIN);
    for (unsigned i = 0; i < 4; i++)
        sweep_step(1);
    assert_null(replay_from(again, 0));
    ledger = again;
    assert_non_null(ledger_sweep_first(ledger));
    finish();
    ledger_destroy(&before);
    assert_int_equal(coupon_now("C").returned, 10);
    assert_null(ledger_check(ledger));
}

static const char *replay_sweep(const char *coupon, bool ended, uint32_t until)
{
    struct journal_record record = {.type = JOURNAL_SWEEP,
                                    .seq = 100,
                                    .coupon_id = coupon,
                                    .coupon_id_length = strlen(coupon),
                                    .sweep = {.ended = ended, .until = until}};
    return ledger_replay(ledger, &record);
}

static void a_sweep_that_contradicts_the_records_before_is_refused(void **state)
{
    (void)state;
    give("C", 3);
    assert_non_null(replay_sweep("D", false, 1));
    assert_non_null(replay_sweep("C", false, 4));
    assert_non_null(replay_sweep("C", true, 3));
    assert_null(replay_sweep("C", false, 3));
    assert_non_null(replay_sweep("C", false, 3));
    assert_null(replay_sweep("C", true, 3));
    assert_non_null(replay_sweep("C", true, 3));
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, ledger_setup, ledger_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_sweep_revokes_every_issue_that_is_not_redeemed),
        TEST(issues_made_after_it_began_stay),
        TEST(issues_are_redeemed_and_revoked_while_it_goes_on),
        TEST(sweeps_are_carried_out_one_after_the_other),
        TEST(a_step_looks_at_no_more_issues_than_it_may),
        TEST(a_sweep_that_was_interrupted_goes_on_after_the_replay),
        TEST(a_sweep_that_contradicts_the_records_before_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
