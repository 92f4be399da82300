/*
 * Users of whom only the latest issues are known, because a snapshot of version 1 kept no others: nothing is answered
 * that an unknown issue could change.
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

/* What a snapshot of version 1 does not have. */
static void forget(const char *id)
{
    struct ledger_coupon *coupon = ledger_entry(ledger, id, strlen(id));
    for (uint32_t sequence = 1; sequence <= coupon->issued; sequence++) {
        sequence_map_set(ledger_coupon_map(coupon, COUPON_MAP_EARLIER), sequence, 0);
        sequence_map_set(ledger_coupon_map(coupon, COUPON_MAP_TIMES), sequence, 0);
    }
}

/* A coupon C with a limit of 5: sequences 1, 3 and 5 to a, 2 to b; then 1 and 3 are forgotten, and a gets 6. */
static void give(void)
{
    const char *users[] = {"a", "b", "a", "c", "a"};
    add_simple("C", 100, 5);
    for (unsigned i = 0; i < 5; i++, now_us += SECOND)
        assert_int_equal(post("C", users[i]).verdict, VERDICT_ISSUED);
    forget("C");
    assert_int_equal(post("C", "a").issue.nth, 4);
}

static void assert_told(struct ledger_decision decision, enum verdict verdict, uint32_t sequence, uint16_t nth)
{
    assert_string_equal(verdict_name(decision.verdict), verdict_name(verdict));
    assert_int_equal(decision.issue.sequence, sequence);
    assert_int_equal(decision.issue.nth, nth);
}

static void assert_change(struct ledger_change_decision decision, enum verdict verdict, uint32_t sequence)
{
    assert_string_equal(verdict_name(decision.verdict), verdict_name(verdict));
    assert_int_equal(decision.issue.sequence, sequence);
}

static struct ledger_change_decision show(const char *user, uint32_t sequence)
{
    struct ledger_change change = {.op = CHANGE_SHOW,
                                   .coupon_id = "C",
                                   .coupon_id_length = 1,
                                   .user_id = user,
                                   .user_id_length = strlen(user),
                                   .sequence = sequence};
    struct ledger_change_decision decision;
    ledger_decide_change_of(ledger, &change, now_us, &decision);
    return decision;
}

/* --- what is not known is refused for the time being --- */

static void an_nth_issue_that_is_not_known_is_not_told(void **state)
{
    (void)state;
    give();
    assert_told(put("C", "a", 4), VERDICT_ALREADY_ISSUED, 6, 4);
    assert_told(put("C", "a", 3), VERDICT_ALREADY_ISSUED, 5, 3);
    assert_told(put("C", "a", 2), VERDICT_OVERLOADED, 0, 0);
    assert_told(put("C", "a", 1), VERDICT_OVERLOADED, 0, 0);
    assert_told(put("C", "b", 1), VERDICT_ALREADY_ISSUED, 2, 1);
    assert_told(put("C", "a", 0), VERDICT_ALREADY_ISSUED, 6, 4);
    assert_told(get("C", "a"), VERDICT_FOUND, 6, 4);
    assert_told(put("C", "a", 6), VERDICT_NOT_ISSUED, 0, 0);
    assert_told(put("C", "a", 5), VERDICT_ISSUED, 7, 5);
    assert_told(post("C", "a"), VERDICT_ALREADY_ISSUED, 7, 5);
}

static void a_sequence_that_may_be_the_users_is_not_refused(void **state)
{
    (void)state;
    give();
    for (uint32_t sequence = 1; sequence <= 4; sequence++) {
        assert_change(redeem("C", "a", "r", sequence), VERDICT_OVERLOADED, 0);
        assert_change(undo("C", "a", "r", sequence), VERDICT_OVERLOADED, 0);
        assert_change(revoke("C", "a", sequence, 0), VERDICT_OVERLOADED, 0);
        assert_change(show("a", sequence), VERDICT_OVERLOADED, 0);
    }
    assert_change(show("a", 7), VERDICT_NOT_ISSUED, 0);
    assert_change(show("b", 1), VERDICT_NOT_ISSUED, 0);
    assert_change(show("b", 3), VERDICT_NOT_ISSUED, 0);
    assert_change(redeem("C", "a", "r", 5), VERDICT_REDEEMED, 5);
    assert_change(redeem("C", "a", "r", 6), VERDICT_REDEEMED, 6);
}

/* One that is not known may be the oldest, or the one that was redeemed with this reference. */
static void without_a_sequence_only_a_repeated_redemption_is_answered(void **state)
{
    (void)state;
    give();
    assert_change(redeem("C", "a", "r", 0), VERDICT_OVERLOADED, 0);
    assert_change(undo("C", "a", "r", 0), VERDICT_OVERLOADED, 0);
    assert_change(redeem("C", "a", "r", 5), VERDICT_REDEEMED, 5);
    assert_change(redeem("C", "a", "r", 0), VERDICT_REDEEMED_BEFORE, 5);
    assert_change(redeem("C", "a", "s", 0), VERDICT_OVERLOADED, 0);
    assert_change(undo("C", "a", "s", 0), VERDICT_OVERLOADED, 0);
    assert_change(undo("C", "a", "s", 5), VERDICT_REFERENCE_MISMATCH, 5);
    assert_change(undo("C", "a", "r", 0), VERDICT_REDEMPTION_UNDONE, 5);
    assert_change(redeem("C", "b", "r", 0), VERDICT_REDEEMED, 2);
    assert_change(revoke("C", "a", 0, 0), VERDICT_REVOKED, 6); /* always the latest */
}

static void revoked_issues_count_only_when_all_are_known(void **state)
{
    (void)state;
    give();
    assert_change(revoke("C", "a", 6, 0), VERDICT_REVOKED, 6);
    assert_told(put("C", "a", 0), VERDICT_ALREADY_ISSUED, 5, 3);
    assert_change(revoke("C", "a", 5, 0), VERDICT_REVOKED, 5);
    assert_told(put("C", "a", 0), VERDICT_OVERLOADED, 0, 0); /* 1 or 3 may be live */
    assert_told(post("C", "a"), VERDICT_ISSUED, 7, 5);       /* the limit allows it, whatever they are */
    assert_told(put("C", "a", 0), VERDICT_ALREADY_ISSUED, 7, 5);
    assert_told(post("C", "a"), VERDICT_ALREADY_ISSUED, 7, 5);
    sweep("C", AGAIN);
    while (sweep_step(100))
        continue;
    assert_told(put("C", "a", 0), VERDICT_OVERLOADED, 0, 0);
    assert_told(post("C", "a"), VERDICT_ISSUED, 8, 6); /* in place of 7 */
    assert_told(post("C", "a"), VERDICT_OVERLOADED, 0, 0);
    assert_told(put("C", "a", 0), VERDICT_ALREADY_ISSUED, 8, 6);
    assert_told(put("C", "b", 0), VERDICT_ISSUED, 9, 2);
}

static void a_closed_coupon_hides_no_issue_that_may_be_live(void **state)
{
    (void)state;
    give();
    assert_change(revoke("C", "a", 5, 0), VERDICT_REVOKED, 5);
    assert_change(revoke("C", "a", 6, 0), VERDICT_REVOKED, 6);
    struct coupon coupon = coupon_of("C", 100, 5);
    coupon.paused = true;
    assert_int_equal(change_policy(&coupon, COUPON_FIELD_PAUSED), VERDICT_COUPON_CHANGED);
    assert_told(post("C", "a"), VERDICT_OVERLOADED, 0, 0);
    assert_told(put("C", "a", 5), VERDICT_OVERLOADED, 0, 0);
    assert_told(post("C", "z"), VERDICT_PAUSED, 0, 0);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, ledger_setup, ledger_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_nth_issue_that_is_not_known_is_not_told),
        TEST(a_sequence_that_may_be_the_users_is_not_refused),
        TEST(without_a_sequence_only_a_repeated_redemption_is_answered),
        TEST(revoked_issues_count_only_when_all_are_known),
        TEST(a_closed_coupon_hides_no_issue_that_may_be_live),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
