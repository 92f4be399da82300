/*
 * Users of whom only the latest issues are known, because a snapshot of version 1 kept no others: nothing is answered
 * that an unknown issue could change, and the others are added one after the other.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "issuer/ledger/earlier.h"
#include "issuer/ledger/issue_list.h"
#include "shared/store/erased.h"
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

/* --- what is not known is added --- */

static struct ledger_coupon *coupon_c(void)
{
    return ledger_entry(ledger, "C", 1);
}

/* The issue of this sequence of a, b, a, c, a; a second passes from one to the next. */
static enum ledger_earlier add_issue(const char *user, uint32_t sequence, uint16_t nth)
{
    struct fingerprint fingerprint;
    struct user_issue issue = {sequence, nth, START_US + (int64_t)(sequence - 1) * SECOND};
    ledger_user_fingerprint(ledger, user, strlen(user), (uint8_t *)&fingerprint);
    bool wanted = ledger_earlier_is_wanted(coupon_c(), fingerprint, &issue);
    enum ledger_earlier result = ledger_earlier_add(coupon_c(), fingerprint, &issue);
    assert_true(wanted || result != LEDGER_EARLIER_ADDED);
    return result;
}

static void assert_all_known(void)
{
    struct user_issue issue = put("C", "a", 1).issue;
    assert_int_equal(ledger_earlier_missing_all(ledger), 0);
    assert_int_equal(issue.sequence, 1);
    assert_int_equal(issue.issued_at_us, START_US);
    assert_told(put("C", "a", 2), VERDICT_ALREADY_ISSUED, 3, 2);
    assert_change(show("a", 4), VERDICT_NOT_ISSUED, 0);
    assert_change(revoke("C", "a", 3, 0), VERDICT_REVOKED, 3);
    assert_change(redeem("C", "a", "r1", 0), VERDICT_REDEEMED, 1);
    assert_change(redeem("C", "a", "r2", 0), VERDICT_REDEEMED, 5);
    assert_change(redeem("C", "a", "r3", 0), VERDICT_REDEEMED, 6);
    assert_change(redeem("C", "a", "r4", 0), VERDICT_ALREADY_REDEEMED, 6);
}

static void issues_are_added_from_the_latest_to_the_first(void **state)
{
    (void)state;
    give();
    add_simple("B", 10, 2);
    post("B", "a");
    post("B", "a");
    size_t at = 0;
    assert_int_equal(ledger_earlier_missing(coupon_c()), 2);
    assert_int_equal(ledger_earlier_missing_all(ledger), 2);
    assert_ptr_equal(ledger_earlier_next(ledger, &at), coupon_c());
    assert_null(ledger_earlier_next(ledger, &at));
    assert_int_equal(add_issue("a", 6, 4), LEDGER_EARLIER_KNOWN);
    assert_int_equal(add_issue("a", 5, 3), LEDGER_EARLIER_KNOWN);
    assert_int_equal(add_issue("c", 4, 1), LEDGER_EARLIER_KNOWN);
    assert_int_equal(add_issue("a", 1, 1), LEDGER_EARLIER_APART);
    assert_int_equal(add_issue("a", 3, 2), LEDGER_EARLIER_ADDED);
    assert_told(put("C", "a", 2), VERDICT_ALREADY_ISSUED, 3, 2);
    assert_told(put("C", "a", 1), VERDICT_OVERLOADED, 0, 0);
    assert_int_equal(ledger_earlier_missing(coupon_c()), 1);
    assert_int_equal(add_issue("b", 2, 1), LEDGER_EARLIER_KNOWN);
    assert_int_equal(add_issue("a", 1, 1), LEDGER_EARLIER_ADDED);
    assert_int_equal(add_issue("a", 1, 1), LEDGER_EARLIER_KNOWN);
    at = 0;
    assert_null(ledger_earlier_next(ledger, &at));
    assert_all_known();
}

static void an_erased_user_has_the_same_issues(void **state)
{
    (void)state;
    uint8_t fingerprint[16];
    char erased[ERASED_ID_LENGTH + 1];
    give();
    ledger_user_fingerprint(ledger, "a", 1, fingerprint);
    store_erased_id(fingerprint, erased);
    assert_int_equal(add_issue(erased, 3, 2), LEDGER_EARLIER_ADDED);
    assert_int_equal(add_issue(erased, 1, 1), LEDGER_EARLIER_ADDED);
    assert_all_known();
}

static void issues_that_contradict_the_ledger_are_not_added(void **state)
{
    (void)state;
    give();
    assert_int_equal(add_issue("x", 3, 1), LEDGER_EARLIER_CONTRADICTS); /* holds none */
    assert_int_equal(add_issue("a", 7, 5), LEDGER_EARLIER_CONTRADICTS); /* has four */
    assert_int_equal(add_issue("a", 7, 4), LEDGER_EARLIER_CONTRADICTS); /* the fourth has another sequence */
    assert_int_equal(add_issue("a", 4, 3), LEDGER_EARLIER_CONTRADICTS); /* so has the third */
    assert_int_equal(add_issue("a", 5, 2), LEDGER_EARLIER_CONTRADICTS); /* that is the third */
    assert_int_equal(add_issue("a", 6, 2), LEDGER_EARLIER_CONTRADICTS); /* after the third */
    assert_int_equal(add_issue("a", 3, 0), LEDGER_EARLIER_CONTRADICTS);
    assert_int_equal(add_issue("a", 0, 2), LEDGER_EARLIER_CONTRADICTS);
    struct fingerprint user;
    struct user_issue late = {3, 2, START_US + 5 * SECOND};
    ledger_user_fingerprint(ledger, "a", 1, (uint8_t *)&user);
    assert_int_equal(ledger_earlier_add(coupon_c(), user, &late), LEDGER_EARLIER_CONTRADICTS); /* after the third */
    assert_int_equal(ledger_earlier_missing(coupon_c()), 2);
    assert_int_equal(add_issue("a", 3, 2), LEDGER_EARLIER_ADDED);
    assert_int_equal(add_issue("a", 1, 1), LEDGER_EARLIER_ADDED);
    assert_all_known();
}

/* Otherwise one issue would be in two lists. */
static void an_issue_of_another_user_is_not_added(void **state)
{
    (void)state;
    add_simple("C", 100, 3);
    const char *users[] = {"a", "b", "a", "b", "a", "b"};
    for (unsigned i = 0; i < 6; i++, now_us += SECOND)
        post("C", users[i]);
    forget("C");
    assert_int_equal(ledger_earlier_missing(coupon_c()), 4);
    assert_int_equal(add_issue("b", 4, 2), LEDGER_EARLIER_ADDED);
    assert_int_equal(add_issue("a", 4, 2), LEDGER_EARLIER_CONTRADICTS);
    assert_int_equal(add_issue("a", 3, 2), LEDGER_EARLIER_ADDED);
    assert_int_equal(add_issue("b", 3, 1), LEDGER_EARLIER_CONTRADICTS);
    assert_int_equal(add_issue("b", 2, 1), LEDGER_EARLIER_ADDED);
    assert_int_equal(add_issue("a", 1, 1), LEDGER_EARLIER_ADDED);
    assert_int_equal(ledger_earlier_missing_all(ledger), 0);
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
        TEST(issues_are_added_from_the_latest_to_the_first),
        TEST(an_erased_user_has_the_same_issues),
        TEST(issues_that_contradict_the_ledger_are_not_added),
        TEST(an_issue_of_another_user_is_not_added),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
