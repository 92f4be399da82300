/*
 * Redeeming an issue, taking that back, revoking it: every verdict of ledger/change.h, and the issue that it is about.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "issuer/ledger/issue_list.h"
#include "tests/unit/issuer/ledger/ledger_fixture.h"

/* --- helpers --- */

static void assert_verdict(struct ledger_change_decision decision, enum verdict verdict, uint32_t sequence)
{
    assert_string_equal(verdict_name(decision.verdict), verdict_name(verdict));
    assert_int_equal(decision.issue.sequence, sequence);
}

/* A coupon "C" without bounds, of which `user` has this many issues, one each second. */
static void give(const char *user, unsigned count)
{
    if (ledger_entry(ledger, "C", 1) == NULL)
        add_simple("C", 1000, 100);
    for (unsigned i = 0; i < count; i++, now_us += SECOND)
        assert_int_equal(post("C", user).verdict, VERDICT_ISSUED);
}

static enum issue_state state_of(uint32_t sequence)
{
    return issue_state_of(issue_list_state(ledger_entry(ledger, "C", 1), sequence));
}

/* --- redeeming --- */

static void an_issue_is_redeemed_once_and_told_again_with_its_reference(void **state)
{
    (void)state;
    give("a", 1);
    struct ledger_change_decision decision = redeem("C", "a", "order-1", 0);
    assert_verdict(decision, VERDICT_REDEEMED, 1);
    assert_int_equal(decision.issue.nth, 1);
    assert_int_equal(decision.issue.issued_at_us, START_US);
    assert_int_equal(issue_state_of(decision.value), ISSUE_REDEEMED);
    assert_verdict(redeem("C", "a", "order-1", 0), VERDICT_REDEEMED_BEFORE, 1);
    assert_verdict(redeem("C", "a", "order-1", 1), VERDICT_REDEEMED_BEFORE, 1);
    assert_verdict(redeem("C", "a", "order-2", 0), VERDICT_ALREADY_REDEEMED, 1);
    assert_verdict(redeem("C", "a", "order-2", 1), VERDICT_ALREADY_REDEEMED, 1);
    assert_int_equal(coupon_now("C").redeemed, 1);
    assert_int_equal(get("C", "a").value, decision.value);
}

static void nothing_is_redeemed_undone_or_revoked_that_is_not_there(void **state)
{
    (void)state;
    assert_verdict(redeem("C", "a", "r", 0), VERDICT_COUPON_NOT_FOUND, 0);
    assert_verdict(undo("C", "a", "r", 0), VERDICT_COUPON_NOT_FOUND, 0);
    assert_verdict(revoke("C", "a", 0, 0), VERDICT_COUPON_NOT_FOUND, 0);
    give("a", 1);
    give("b", 1);
    uint32_t not_theirs[] = {2, 3, UINT32_MAX};
    for (unsigned i = 0; i < 3; i++) {
        assert_verdict(redeem("C", "a", "r", not_theirs[i]), VERDICT_NOT_ISSUED, 0);
        assert_verdict(undo("C", "a", "r", not_theirs[i]), VERDICT_NOT_ISSUED, 0);
        assert_verdict(revoke("C", "a", not_theirs[i], 0), VERDICT_NOT_ISSUED, 0);
    }
    assert_verdict(redeem("C", "c", "r", 0), VERDICT_NOT_ISSUED, 0);
    assert_verdict(undo("C", "c", "r", 0), VERDICT_NOT_ISSUED, 0);
    assert_verdict(revoke("C", "c", 0, 0), VERDICT_NOT_ISSUED, 0);
    assert_int_equal(journalled(), 3);
}

static void a_redemption_must_come_before_the_coupons_bound(void **state)
{
    (void)state;
    struct coupon coupon = coupon_of("C", 10, 2);
    coupon.redeem_until_us = START_US + 10 * SECOND;
    add(&coupon);
    give("a", 1);
    give("b", 1);
    now_us = coupon.redeem_until_us - 1;
    assert_verdict(redeem("C", "a", "r", 0), VERDICT_REDEEMED, 1);
    now_us++;
    assert_verdict(redeem("C", "b", "r", 0), VERDICT_ISSUE_EXPIRED, 2);
    assert_verdict(redeem("C", "b", "r", 2), VERDICT_ISSUE_EXPIRED, 2);
    assert_verdict(redeem("C", "a", "r", 0), VERDICT_REDEEMED_BEFORE, 1); /* was in time */
    assert_verdict(redeem("C", "a", "s", 0), VERDICT_ALREADY_REDEEMED, 1);
    assert_verdict(undo("C", "a", "r", 0), VERDICT_REDEMPTION_UNDONE, 1);
    assert_verdict(redeem("C", "a", "r", 0), VERDICT_ISSUE_EXPIRED, 1);
    assert_verdict(revoke("C", "b", 0, 0), VERDICT_REVOKED, 2);
    coupon.redeem_until_us++;
    assert_int_equal(change_policy(&coupon, COUPON_FIELD_REDEEM_UNTIL), VERDICT_COUPON_CHANGED);
    assert_verdict(redeem("C", "a", "r", 0), VERDICT_REDEEMED, 1);
}

static void a_redemption_must_come_within_the_span_from_its_issue_on(void **state)
{
    (void)state;
    struct coupon coupon = coupon_of("C", 10, 2);
    coupon.redeem_within_s = 10;
    add(&coupon);
    give("a", 1);
    give("b", 1);
    const struct ledger_coupon *entry = ledger_entry(ledger, "C", 1);
    assert_int_equal(ledger_redeemable_until_us(entry, START_US), START_US + 10 * SECOND);
    now_us = START_US + 10 * SECOND;
    assert_verdict(redeem("C", "a", "r", 0), VERDICT_ISSUE_EXPIRED, 1);
    now_us = START_US + 11 * SECOND - 1;
    assert_verdict(redeem("C", "b", "r", 0), VERDICT_REDEEMED, 2);
    coupon.redeem_within_s = REDEEM_WITHIN_MAX;
    assert_int_equal(change_policy(&coupon, COUPON_FIELD_REDEEM_WITHIN), VERDICT_COUPON_CHANGED);
    assert_true(ledger_redeemable_until_us(entry, ISSUER_TIME_US_MAX) > ISSUER_TIME_US_MAX);
    assert_verdict(redeem("C", "a", "r", 0), VERDICT_REDEEMED, 1);
}

static void the_oldest_issue_that_can_be_used_is_redeemed(void **state)
{
    (void)state;
    give("a", 3);
    assert_verdict(redeem("C", "a", "r1", 0), VERDICT_REDEEMED, 1);
    assert_verdict(redeem("C", "a", "r2", 0), VERDICT_REDEEMED, 2);
    assert_verdict(redeem("C", "a", "r1", 0), VERDICT_REDEEMED_BEFORE, 1); /* not the third */
    assert_verdict(redeem("C", "a", "r3", 0), VERDICT_REDEEMED, 3);
    assert_verdict(redeem("C", "a", "r2", 0), VERDICT_REDEEMED_BEFORE, 2);
    assert_verdict(redeem("C", "a", "r4", 0), VERDICT_ALREADY_REDEEMED, 3); /* the latest */
    assert_int_equal(coupon_now("C").redeemed, 3);
}

static void an_issue_that_cannot_be_used_is_passed_over(void **state)
{
    (void)state;
    struct coupon coupon = coupon_of("C", 100, 100);
    coupon.redeem_within_s = 10;
    add(&coupon);
    give("a", 5); /* at 0 to 4 seconds */
    assert_verdict(revoke("C", "a", 4, 0), VERDICT_REVOKED, 4);
    now_us = START_US + 12 * SECOND; /* 1 to 3 have expired */
    assert_verdict(redeem("C", "a", "r", 0), VERDICT_REDEEMED, 5);
    assert_verdict(redeem("C", "a", "s", 0), VERDICT_ALREADY_REDEEMED, 5);
    assert_verdict(undo("C", "a", "r", 5), VERDICT_REDEMPTION_UNDONE, 5);
    assert_verdict(revoke("C", "a", 5, 0), VERDICT_REVOKED, 5);
    assert_verdict(redeem("C", "a", "s", 0), VERDICT_ISSUE_EXPIRED, 3);
    for (uint32_t sequence = 1; sequence <= 3; sequence++)
        assert_verdict(revoke("C", "a", sequence, 0), VERDICT_REVOKED, sequence);
    assert_verdict(redeem("C", "a", "s", 0), VERDICT_ISSUE_REVOKED, 5);
    assert_verdict(redeem("C", "a", "s", 2), VERDICT_ISSUE_REVOKED, 2);
}

static void a_named_issue_is_redeemed_and_no_other(void **state)
{
    (void)state;
    give("a", 3);
    assert_verdict(redeem("C", "a", "r", 2), VERDICT_REDEEMED, 2);
    assert_verdict(redeem("C", "a", "s", 2), VERDICT_ALREADY_REDEEMED, 2);
    assert_verdict(redeem("C", "a", "s", 0), VERDICT_REDEEMED, 1);
    assert_verdict(redeem("C", "a", "t", 3), VERDICT_REDEEMED, 3);
    assert_int_equal(coupon_now("C").redeemed, 3);
}

static void references_of_two_users_or_coupons_have_nothing_to_do_with_each_other(void **state)
{
    (void)state;
    give("a", 1);
    give("b", 1);
    add_simple("D", 5, 1);
    assert_int_equal(post("D", "a").verdict, VERDICT_ISSUED);
    assert_verdict(redeem("C", "a", "r", 0), VERDICT_REDEEMED, 1);
    assert_verdict(redeem("C", "b", "r", 0), VERDICT_REDEEMED, 2);
    assert_verdict(redeem("D", "a", "r", 0), VERDICT_REDEEMED, 1);
    assert_verdict(undo("D", "a", "r", 0), VERDICT_REDEMPTION_UNDONE, 1);
    assert_int_equal(coupon_now("C").redeemed, 2);
}

static void redeeming_goes_on_while_a_coupon_is_paused_ended_or_archived(void **state)
{
    (void)state;
    give("a", 3);
    struct coupon coupon = coupon_of("C", 1000, 100);
    coupon.paused = true;
    assert_int_equal(change_policy(&coupon, COUPON_FIELD_PAUSED), VERDICT_COUPON_CHANGED);
    assert_verdict(redeem("C", "a", "r1", 0), VERDICT_REDEEMED, 1);
    coupon.ends_at_us = now_us;
    assert_int_equal(change_policy(&coupon, COUPON_FIELD_ENDS_AT), VERDICT_COUPON_CHANGED);
    assert_verdict(redeem("C", "a", "r2", 0), VERDICT_REDEEMED, 2);
    coupon.archived = true;
    assert_int_equal(change_policy(&coupon, COUPON_FIELD_ARCHIVED), VERDICT_COUPON_CHANGED);
    assert_verdict(redeem("C", "a", "r3", 0), VERDICT_REDEEMED, 3);
    assert_verdict(undo("C", "a", "r3", 0), VERDICT_REDEMPTION_UNDONE, 3);
    assert_verdict(revoke("C", "a", 0, 0), VERDICT_REVOKED, 3);
}

/* --- taking a redemption back --- */

static void a_redemption_is_taken_back_with_its_reference_only(void **state)
{
    (void)state;
    give("a", 1);
    assert_verdict(undo("C", "a", "r", 0), VERDICT_NOT_REDEEMED, 1);
    assert_verdict(redeem("C", "a", "r", 0), VERDICT_REDEEMED, 1);
    struct ledger_change_decision other = undo("C", "a", "s", 0);
    assert_verdict(other, VERDICT_REFERENCE_MISMATCH, 1);
    assert_int_equal(issue_state_of(other.value), ISSUE_REDEEMED);
    assert_verdict(undo("C", "a", "s", 1), VERDICT_REFERENCE_MISMATCH, 1);
    struct ledger_change_decision undone = undo("C", "a", "r", 0);
    assert_verdict(undone, VERDICT_REDEMPTION_UNDONE, 1);
    assert_int_equal(issue_state_of(undone.value), ISSUE_ISSUED);
    assert_verdict(undo("C", "a", "r", 0), VERDICT_NOT_REDEEMED, 1);
    assert_int_equal(coupon_now("C").redeemed, 0);
    assert_verdict(redeem("C", "a", "s", 0), VERDICT_REDEEMED, 1);
    assert_int_equal(coupon_now("C").redeemed, 1);
}

static void the_reference_finds_the_redemption_to_take_back(void **state)
{
    (void)state;
    give("a", 3);
    redeem("C", "a", "r1", 0);
    redeem("C", "a", "r2", 0);
    assert_verdict(undo("C", "a", "r1", 2), VERDICT_REFERENCE_MISMATCH, 2);
    assert_verdict(undo("C", "a", "r3", 0), VERDICT_NOT_REDEEMED, 3); /* it may have been undone before */
    assert_verdict(undo("C", "a", "r1", 3), VERDICT_NOT_REDEEMED, 3);
    redeem("C", "a", "r4", 0);
    assert_verdict(undo("C", "a", "r3", 0), VERDICT_REFERENCE_MISMATCH, 3); /* the latest */
    assert_verdict(undo("C", "a", "r4", 0), VERDICT_REDEMPTION_UNDONE, 3);
    assert_verdict(undo("C", "a", "r1", 0), VERDICT_REDEMPTION_UNDONE, 1);
    assert_verdict(undo("C", "a", "r2", 2), VERDICT_REDEMPTION_UNDONE, 2);
    assert_verdict(undo("C", "a", "r2", 0), VERDICT_NOT_REDEEMED, 3);
    assert_int_equal(coupon_now("C").redeemed, 0);
}

static void there_is_nothing_to_take_back_of_a_revoked_issue(void **state)
{
    (void)state;
    give("a", 1);
    revoke("C", "a", 0, 0);
    struct ledger_change_decision decision = undo("C", "a", "r", 0);
    assert_verdict(decision, VERDICT_NOT_REDEEMED, 1);
    assert_int_equal(issue_state_of(decision.value), ISSUE_REVOKED);
}

/* --- revoking --- */

static void the_latest_issue_is_revoked_or_the_named_one(void **state)
{
    (void)state;
    give("a", 3);
    struct ledger_change_decision decision = revoke("C", "a", 0, 0);
    assert_verdict(decision, VERDICT_REVOKED, 3);
    assert_int_equal(issue_state_of(decision.value), ISSUE_REVOKED);
    assert_verdict(revoke("C", "a", 0, RESTOCK | AGAIN), VERDICT_REVOKED_BEFORE, 3); /* as it is */
    assert_verdict(revoke("C", "a", 1, 0), VERDICT_REVOKED, 1);
    assert_verdict(revoke("C", "a", 1, 0), VERDICT_REVOKED_BEFORE, 1);
    assert_int_equal(state_of(1), ISSUE_REVOKED);
    assert_int_equal(state_of(2), ISSUE_ISSUED);
    assert_int_equal(state_of(3), ISSUE_REVOKED);
    assert_int_equal(coupon_now("C").returned, 0);
    assert_int_equal(coupon_now("C").issued, 3);
}

static void a_redeemed_issue_is_not_revoked_and_a_revoked_one_not_redeemed(void **state)
{
    (void)state;
    give("a", 2);
    redeem("C", "a", "r", 2);
    assert_verdict(revoke("C", "a", 0, RESTOCK | AGAIN), VERDICT_ALREADY_REDEEMED, 2);
    assert_verdict(revoke("C", "a", 2, 0), VERDICT_ALREADY_REDEEMED, 2);
    assert_verdict(revoke("C", "a", 1, 0), VERDICT_REVOKED, 1);
    assert_verdict(redeem("C", "a", "r", 1), VERDICT_ISSUE_REVOKED, 1);
    assert_verdict(redeem("C", "a", "s", 0), VERDICT_ALREADY_REDEEMED, 2);
    undo("C", "a", "r", 0);
    assert_verdict(revoke("C", "a", 2, 0), VERDICT_REVOKED, 2);
    assert_int_equal(coupon_now("C").redeemed, 0);
}

static void a_decision_changes_nothing_until_it_is_applied(void **state)
{
    (void)state;
    give("a", 1);
    struct ledger_change change = {.op = CHANGE_REVOKE,
                                   .coupon_id = "C",
                                   .coupon_id_length = 1,
                                   .user_id = "a",
                                   .user_id_length = 1,
                                   .restock = true};
    struct ledger_change_decision decision;
    for (unsigned i = 0; i < 2; i++) {
        ledger_decide_change_of(ledger, &change, now_us, &decision);
        assert_verdict(decision, VERDICT_REVOKED, 1);
        assert_int_equal(coupon_now("C").returned, 0);
        assert_int_equal(state_of(1), ISSUE_ISSUED);
    }
    ledger_apply_change(&decision);
    assert_int_equal(coupon_now("C").returned, 1);
}

/* --- codes --- */

static void an_issue_is_found_by_the_number_of_its_coupon(void **state)
{
    (void)state;
    uint64_t value;
    give("a", 2);
    add_simple("D", 5, 1);
    assert_int_equal(coupon_now("C").number, 1);
    assert_int_equal(coupon_now("D").number, 2);
    assert_ptr_equal(ledger_find_issue(ledger, 1, 2, &value), ledger_entry(ledger, "C", 1));
    assert_int_equal(value, 0);
    redeem("C", "a", "r", 2);
    assert_non_null(ledger_find_issue(ledger, 1, 2, &value));
    assert_int_equal(issue_state_of(value), ISSUE_REDEEMED);
    assert_null(ledger_find_issue(ledger, 1, 0, &value));
    assert_null(ledger_find_issue(ledger, 1, 3, &value));
    assert_null(ledger_find_issue(ledger, 2, 1, &value));
    assert_null(ledger_find_issue(ledger, 0, 1, &value));
    assert_null(ledger_find_issue(ledger, 3, 1, &value));
    assert_null(ledger_find_issue(ledger, UINT32_MAX, 1, &value));
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, ledger_setup, ledger_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_issue_is_redeemed_once_and_told_again_with_its_reference),
        TEST(nothing_is_redeemed_undone_or_revoked_that_is_not_there),
        TEST(a_redemption_must_come_before_the_coupons_bound),
        TEST(a_redemption_must_come_within_the_span_from_its_issue_on),
        TEST(the_oldest_issue_that_can_be_used_is_redeemed),
        TEST(an_issue_that_cannot_be_used_is_passed_over),
        TEST(a_named_issue_is_redeemed_and_no_other),
        TEST(references_of_two_users_or_coupons_have_nothing_to_do_with_each_other),
        TEST(redeeming_goes_on_while_a_coupon_is_paused_ended_or_archived),
        TEST(a_redemption_is_taken_back_with_its_reference_only),
        TEST(the_reference_finds_the_redemption_to_take_back),
        TEST(there_is_nothing_to_take_back_of_a_revoked_issue),
        TEST(the_latest_issue_is_revoked_or_the_named_one),
        TEST(a_redeemed_issue_is_not_revoked_and_a_revoked_one_not_redeemed),
        TEST(a_decision_changes_nothing_until_it_is_applied),
        TEST(an_issue_is_found_by_the_number_of_its_coupon),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
