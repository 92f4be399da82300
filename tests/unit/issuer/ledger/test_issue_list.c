/*
 * Several issues of one user: which of them POST, PUT and GET tell, what revoked ones count for, and the idempotency
 * keys of the latest.
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

static void assert_told(struct ledger_decision decision, enum verdict verdict, uint32_t sequence, uint16_t nth)
{
    assert_string_equal(verdict_name(decision.verdict), verdict_name(verdict));
    assert_int_equal(decision.issue.sequence, sequence);
    assert_int_equal(decision.issue.nth, nth);
}

static struct ledger_decision post_with(const char *coupon, const char *user, uint64_t key)
{
    return ask(ISSUE_POST, coupon, user, 0, key);
}

static void assert_revoked(struct ledger_change_decision decision)
{
    assert_int_equal(decision.verdict, VERDICT_REVOKED);
}

/* --- PUT of an nth issue --- */

static void an_nth_issue_is_made_once_and_only_after_the_one_before(void **state)
{
    (void)state;
    add_simple("C", 100, 3);
    assert_told(put("C", "a", 2), VERDICT_NOT_ISSUED, 0, 0);
    assert_told(put("C", "a", 1), VERDICT_ISSUED, 1, 1);
    assert_told(put("C", "a", 1), VERDICT_ALREADY_ISSUED, 1, 1);
    assert_told(put("C", "a", 3), VERDICT_NOT_ISSUED, 0, 0);
    assert_told(put("C", "b", 1), VERDICT_ISSUED, 2, 1);
    assert_told(put("C", "a", 2), VERDICT_ISSUED, 3, 2);
    assert_told(put("C", "a", 3), VERDICT_ISSUED, 4, 3);
    for (uint16_t nth = 4; nth < 8; nth++)
        assert_told(put("C", "a", nth), VERDICT_ALREADY_ISSUED, 4, 3); /* the limit: another issue than the named */
    assert_told(put("C", "a", 1), VERDICT_ALREADY_ISSUED, 1, 1);
    assert_told(put("C", "a", 2), VERDICT_ALREADY_ISSUED, 3, 2);
    assert_told(put("C", "a", 0), VERDICT_ALREADY_ISSUED, 4, 3);
    assert_int_equal(put("C", "a", 2).issue.issued_at_us, START_US);
}

static void an_nth_issue_is_refused_like_any_other(void **state)
{
    (void)state;
    add_simple("C", 2, 3);
    assert_told(put("D", "a", 1), VERDICT_COUPON_NOT_FOUND, 0, 0);
    assert_told(put("C", "a", 1), VERDICT_ISSUED, 1, 1);
    assert_told(put("C", "b", 1), VERDICT_ISSUED, 2, 1);
    assert_told(put("C", "c", 1), VERDICT_SOLD_OUT, 0, 0);
    assert_told(put("C", "a", 2), VERDICT_ALREADY_ISSUED, 1, 1); /* a holder is told the issue whatever the state */
    struct coupon coupon = coupon_of("C", 3, 3);
    coupon.paused = true;
    assert_int_equal(change_policy(&coupon, COUPON_FIELD_QUANTITY | COUPON_FIELD_PAUSED), VERDICT_COUPON_CHANGED);
    assert_told(put("C", "c", 1), VERDICT_PAUSED, 0, 0);
    assert_told(put("C", "a", 1), VERDICT_ALREADY_ISSUED, 1, 1);
}

/* --- revoked issues --- */

static void a_user_whose_only_issue_is_revoked_gets_no_other(void **state)
{
    (void)state;
    add_simple("C", 100, 1);
    post("C", "a");
    assert_revoked(revoke("C", "a", 0, RESTOCK));
    struct ledger_decision decision = post("C", "a");
    assert_told(decision, VERDICT_ISSUE_REVOKED, 1, 1);
    assert_int_equal(issue_state_of(decision.value), ISSUE_REVOKED);
    assert_told(put("C", "a", 0), VERDICT_ISSUE_REVOKED, 1, 1);
    assert_told(put("C", "a", 1), VERDICT_ALREADY_ISSUED, 1, 1); /* that one exists */
    assert_told(put("C", "a", 2), VERDICT_ISSUE_REVOKED, 1, 1);
    assert_told(put("C", "a", 3), VERDICT_ISSUE_REVOKED, 1, 1);
    decision = get("C", "a");
    assert_told(decision, VERDICT_FOUND, 1, 1);
    assert_int_equal(issue_state_of(decision.value), ISSUE_REVOKED);
    assert_int_equal(coupon_now("C").issued, 1);
}

static void a_user_who_may_get_another_is_like_one_without(void **state)
{
    (void)state;
    add_simple("C", 100, 1);
    post("C", "a");
    assert_revoked(revoke("C", "a", 0, AGAIN));
    assert_told(put("C", "a", 3), VERDICT_NOT_ISSUED, 0, 0);
    assert_told(put("C", "a", 1), VERDICT_ALREADY_ISSUED, 1, 1);
    assert_told(post("C", "a"), VERDICT_ISSUED, 2, 2);
    assert_told(post("C", "a"), VERDICT_ALREADY_ISSUED, 2, 2);
    assert_revoked(revoke("C", "a", 0, AGAIN));
    assert_told(put("C", "a", 0), VERDICT_ISSUED, 3, 3);
    assert_told(put("C", "a", 0), VERDICT_ALREADY_ISSUED, 3, 3);
    assert_revoked(revoke("C", "a", 0, AGAIN));
    assert_told(put("C", "a", 4), VERDICT_ISSUED, 4, 4);
    assert_told(put("C", "a", 5), VERDICT_ALREADY_ISSUED, 4, 4);
    assert_revoked(revoke("C", "a", 0, 0)); /* the last one counts */
    assert_told(post("C", "a"), VERDICT_ISSUE_REVOKED, 4, 4);
    assert_int_equal(ledger_entry(ledger, "C", 1)->forgiven, 3);
}

static void another_one_is_refused_to_whoever_may_get_it_like_to_others(void **state)
{
    (void)state;
    add_simple("C", 1, 1);
    post("C", "a");
    assert_revoked(revoke("C", "a", 0, AGAIN)); /* and nothing went back to the stock */
    assert_told(post("C", "a"), VERDICT_SOLD_OUT, 0, 0);
    assert_told(put("C", "a", 2), VERDICT_SOLD_OUT, 0, 0);
    assert_told(get("C", "a"), VERDICT_FOUND, 1, 1);
}

static void a_holder_is_told_the_latest_issue_that_is_not_revoked(void **state)
{
    (void)state;
    add_simple("C", 100, 3);
    for (unsigned i = 0; i < 3; i++)
        post("C", "a");
    assert_revoked(revoke("C", "a", 3, 0));
    assert_told(post("C", "a"), VERDICT_ALREADY_ISSUED, 2, 2);
    assert_told(put("C", "a", 0), VERDICT_ALREADY_ISSUED, 2, 2);
    assert_told(put("C", "a", 3), VERDICT_ALREADY_ISSUED, 3, 3);
    assert_told(get("C", "a"), VERDICT_FOUND, 3, 3);
    assert_revoked(revoke("C", "a", 1, AGAIN));
    assert_told(put("C", "a", 0), VERDICT_ALREADY_ISSUED, 2, 2); /* has one: gets no other unasked */
    assert_told(post("C", "a"), VERDICT_ISSUED, 4, 4);
    assert_told(post("C", "a"), VERDICT_ALREADY_ISSUED, 4, 4);
}

static void a_returned_piece_goes_to_another_user_with_a_new_sequence(void **state)
{
    (void)state;
    add_simple("C", 2, 1);
    post("C", "a");
    post("C", "b");
    assert_told(post("C", "c"), VERDICT_SOLD_OUT, 0, 0);
    assert_revoked(revoke("C", "a", 0, 0));
    assert_told(post("C", "c"), VERDICT_SOLD_OUT, 0, 0); /* lost */
    assert_revoked(revoke("C", "b", 0, RESTOCK));
    struct coupon coupon = coupon_now("C");
    assert_int_equal(coupon.returned, 1);
    assert_int_equal(coupon_remaining(&coupon), 1);
    assert_int_equal(coupon_state(&coupon, now_us), COUPON_OPEN);
    assert_told(post("C", "c"), VERDICT_ISSUED, 3, 1);
    assert_told(post("C", "d"), VERDICT_SOLD_OUT, 0, 0);
    coupon = coupon_now("C");
    assert_int_equal(coupon_remaining(&coupon), 0);
    assert_int_equal(coupon_state(&coupon, now_us), COUPON_SOLD_OUT);
    assert_null(ledger_check(ledger));
}

static void sequences_are_never_used_again(void **state)
{
    (void)state;
    add_simple("C", 1, 1);
    for (uint32_t sequence = 1; sequence <= 3000; sequence++) {
        assert_told(post("C", "a"), VERDICT_ISSUED, sequence, (uint16_t)sequence);
        assert_revoked(revoke("C", "a", 0, RESTOCK | AGAIN));
    }
    struct coupon coupon = coupon_now("C");
    assert_int_equal(coupon.issued, 3000);
    assert_int_equal(coupon.returned, 3000);
    assert_int_equal(coupon_remaining(&coupon), 1);
    assert_null(ledger_check(ledger));
}

static void a_user_has_at_most_4095_issues_of_a_coupon(void **state)
{
    (void)state;
    add_simple("C", 1, 1);
    for (unsigned i = 0; i < NTH_MAX; i++) {
        assert_int_equal(post("C", "a").verdict, VERDICT_ISSUED);
        assert_revoked(revoke("C", "a", 0, RESTOCK | AGAIN));
    }
    assert_told(post("C", "a"), VERDICT_ISSUE_REVOKED, NTH_MAX, NTH_MAX);
    assert_told(put("C", "a", 0), VERDICT_ISSUE_REVOKED, NTH_MAX, NTH_MAX);
    assert_told(put("C", "a", NTH_MAX), VERDICT_ALREADY_ISSUED, NTH_MAX, NTH_MAX);
    assert_told(put("C", "a", 1), VERDICT_ALREADY_ISSUED, 1, 1);
    assert_told(post("C", "b"), VERDICT_ISSUED, NTH_MAX + 1, 1);
}

static void the_quantity_may_be_lowered_to_what_is_in_force(void **state)
{
    (void)state;
    add_simple("C", 5, 1);
    const char *users[] = {"a", "b", "c"};
    for (unsigned i = 0; i < 3; i++)
        post("C", users[i]);
    assert_revoked(revoke("C", "a", 0, RESTOCK));
    struct coupon coupon = coupon_of("C", 1, 1);
    assert_int_equal(change_policy(&coupon, COUPON_FIELD_QUANTITY), VERDICT_QUANTITY_BELOW_ISSUED);
    coupon.quantity = 2;
    assert_int_equal(change_policy(&coupon, COUPON_FIELD_QUANTITY), VERDICT_COUPON_CHANGED);
    assert_told(post("C", "d"), VERDICT_SOLD_OUT, 0, 0);
    assert_null(ledger_check(ledger));
}

/* --- idempotency keys --- */

static void a_repeated_key_is_answered_with_the_issue_that_it_made(void **state)
{
    (void)state;
    add_simple("C", 100, 5);
    add_simple("D", 100, 5);
    assert_told(post_with("C", "a", 7), VERDICT_ISSUED, 1, 1);
    assert_told(post_with("C", "a", 7), VERDICT_REPLAYED, 1, 1);
    assert_told(post_with("C", "a", 8), VERDICT_ISSUED, 2, 2);
    assert_told(post_with("C", "a", 7), VERDICT_REPLAYED, 1, 1);
    assert_told(post_with("C", "a", 8), VERDICT_REPLAYED, 2, 2);
    assert_told(post_with("C", "b", 7), VERDICT_ISSUED, 3, 1); /* another user, another coupon */
    assert_told(post_with("D", "a", 7), VERDICT_ISSUED, 1, 1);
    assert_told(post("C", "a"), VERDICT_ISSUED, 4, 3);
    assert_told(post("C", "a"), VERDICT_ISSUED, 5, 4); /* without a key there is nothing to repeat */
    assert_told(ask(ISSUE_ENSURE, "C", "a", 0, 7), VERDICT_ALREADY_ISSUED, 5, 4);
}

static void keys_of_any_value_are_told_apart(void **state)
{
    (void)state;
    uint64_t keys[] = {1, 2, UINT64_MAX, UINT64_C(1) << 53, UINT64_C(1) << 63};
    add_simple("C", 100, 5);
    for (unsigned i = 0; i < 4; i++)
        assert_told(post_with("C", "a", keys[i]), VERDICT_ISSUED, i + 1, (uint16_t)(i + 1));
    for (unsigned i = 0; i < 4; i++)
        assert_told(post_with("C", "a", keys[i]), VERDICT_REPLAYED, i + 1, (uint16_t)(i + 1));
    /* the ledger keeps 54 bits; of all keys without any of them it keeps the same */
    assert_int_equal(post_with("C", "b", keys[4]).verdict, VERDICT_ISSUED);
    assert_int_equal(post_with("C", "b", keys[4]).verdict, VERDICT_REPLAYED);
}

static void the_keys_of_the_latest_eight_issues_are_remembered(void **state)
{
    (void)state;
    add_simple("C", 100, 100);
    for (uint64_t key = 1; key <= IDEMPOTENT_ISSUES; key++)
        post_with("C", "a", key);
    for (uint64_t key = 1; key <= IDEMPOTENT_ISSUES; key++)
        assert_told(post_with("C", "a", key), VERDICT_REPLAYED, (uint32_t)key, (uint16_t)key);
    assert_told(post("C", "a"), VERDICT_ISSUED, 9, 9); /* one without a key counts as well */
    assert_told(post_with("C", "a", 2), VERDICT_REPLAYED, 2, 2);
    assert_told(post_with("C", "a", 1), VERDICT_ISSUED, 10, 10);
    assert_told(post_with("C", "a", 1), VERDICT_REPLAYED, 10, 10);
    assert_told(post_with("C", "a", 2), VERDICT_ISSUED, 11, 11);
}

static void a_key_is_answered_whatever_has_become_of_issue_and_coupon(void **state)
{
    (void)state;
    add_simple("C", 1, 1);
    post_with("C", "a", 7);
    assert_told(post_with("C", "a", 7), VERDICT_REPLAYED, 1, 1); /* sold out */
    struct coupon coupon = coupon_of("C", 1, 1);
    coupon.paused = true;
    coupon.ends_at_us = now_us;
    assert_int_equal(change_policy(&coupon, COUPON_FIELD_PAUSED | COUPON_FIELD_ENDS_AT), VERDICT_COUPON_CHANGED);
    assert_told(post_with("C", "a", 7), VERDICT_REPLAYED, 1, 1);
    redeem("C", "a", "r", 0);
    assert_int_equal(issue_state_of(post_with("C", "a", 7).value), ISSUE_REDEEMED);
    undo("C", "a", "r", 0);
    assert_revoked(revoke("C", "a", 0, AGAIN));
    struct ledger_decision decision = post_with("C", "a", 7);
    assert_told(decision, VERDICT_REPLAYED, 1, 1);
    assert_int_equal(issue_state_of(decision.value), ISSUE_REVOKED);
    assert_told(post_with("C", "a", 8), VERDICT_ENDED, 0, 0);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, ledger_setup, ledger_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_nth_issue_is_made_once_and_only_after_the_one_before),
        TEST(an_nth_issue_is_refused_like_any_other),
        TEST(a_user_whose_only_issue_is_revoked_gets_no_other),
        TEST(a_user_who_may_get_another_is_like_one_without),
        TEST(another_one_is_refused_to_whoever_may_get_it_like_to_others),
        TEST(a_holder_is_told_the_latest_issue_that_is_not_revoked),
        TEST(a_returned_piece_goes_to_another_user_with_a_new_sequence),
        TEST(sequences_are_never_used_again),
        TEST(a_user_has_at_most_4095_issues_of_a_coupon),
        TEST(the_quantity_may_be_lowered_to_what_is_in_force),
        TEST(a_repeated_key_is_answered_with_the_issue_that_it_made),
        TEST(keys_of_any_value_are_told_apart),
        TEST(the_keys_of_the_latest_eight_issues_are_remembered),
        TEST(a_key_is_answered_whatever_has_become_of_issue_and_coupon),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
