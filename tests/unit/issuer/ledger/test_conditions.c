/* Decisions under a condition: a user is in one of the coupon's segments, an actor owns the coupon. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/issuer/ledger/ledger_fixture.h"

/* --- helpers --- */

#define STAFF "[\"staff\"]"
#define GUEST "[\"guest\",\"staff\"]"

static uint32_t hash_of(const char *segments)
{
    return coupon_segments_hash(segments, strlen(segments));
}

static void add_for(const char *id, uint32_t quantity, uint32_t limit, const char *segments)
{
    struct coupon coupon = coupon_of(id, quantity, limit);
    strcpy(coupon.segments, segments);
    strcpy(coupon.owner, "shop");
    add(&coupon);
}

static enum verdict set_segments(const char *id, const char *segments)
{
    struct coupon coupon = coupon_of(id, 1, 1);
    strcpy(coupon.segments, segments);
    return change_policy(&coupon, COUPON_FIELD_SEGMENTS);
}

static enum verdict set_paused(const char *id, bool paused)
{
    struct coupon coupon = coupon_of(id, 1, 1);
    coupon.paused = paused;
    return change_policy(&coupon, COUPON_FIELD_PAUSED);
}

static enum verdict post_checked(uint32_t segments, const char *coupon, const char *user)
{
    segments_checked = segments;
    return post(coupon, user).verdict;
}

/* --- tests: segments --- */

static void a_coupon_with_segments_is_issued_to_those_who_were_checked_against_them(void **state)
{
    (void)state;
    add_for("A", 9, 1, STAFF);
    assert_int_equal(post_checked(SEGMENTS_UNCHECKED, "A", "u"), VERDICT_NOT_ELIGIBLE);
    assert_int_equal(post_checked(hash_of(GUEST), "A", "u"), VERDICT_NOT_ELIGIBLE);
    assert_int_equal(post_checked(hash_of(STAFF), "A", "u"), VERDICT_ISSUED);
    assert_int_equal(post_checked(SEGMENTS_EXEMPT, "A", "service"), VERDICT_ISSUED);
    assert_int_equal(coupon_now("A").issued, 2);
}

static void without_segments_nobody_is_asked_for_them(void **state)
{
    (void)state;
    add_for("A", 9, 1, "");
    assert_int_equal(post_checked(SEGMENTS_UNCHECKED, "A", "u"), VERDICT_ISSUED);
    assert_int_equal(post_checked(hash_of(STAFF), "A", "v"), VERDICT_ISSUED);
    assert_int_equal(post_checked(SEGMENTS_EXEMPT, "A", "w"), VERDICT_ISSUED);
}

static void eligibility_is_judged_by_the_segments_of_the_moment(void **state)
{
    (void)state;
    add_for("A", 9, 1, STAFF);
    assert_int_equal(post_checked(hash_of(STAFF), "A", "u"), VERDICT_ISSUED);
    assert_int_equal(set_segments("A", GUEST), VERDICT_COUPON_CHANGED);
    assert_int_equal(post_checked(hash_of(STAFF), "A", "v"), VERDICT_NOT_ELIGIBLE);
    assert_int_equal(post_checked(hash_of(GUEST), "A", "v"), VERDICT_ISSUED);
    assert_int_equal(set_segments("A", ""), VERDICT_COUPON_CHANGED);
    assert_int_equal(post_checked(SEGMENTS_UNCHECKED, "A", "w"), VERDICT_ISSUED);
}

static void holders_are_told_before_they_are_asked_for_segments(void **state)
{
    (void)state;
    add_for("A", 2, 1, STAFF);
    assert_int_equal(post_checked(hash_of(STAFF), "A", "u"), VERDICT_ISSUED);
    assert_int_equal(post_checked(SEGMENTS_UNCHECKED, "A", "u"), VERDICT_ALREADY_ISSUED);
    assert_int_equal(put("A", "u", 0).verdict, VERDICT_ALREADY_ISSUED);
    assert_int_equal(put("A", "u", 1).verdict, VERDICT_ALREADY_ISSUED);
    assert_int_equal(get("A", "u").verdict, VERDICT_FOUND);
}

static void a_holder_who_may_have_another_one_is_asked_and_its_issue_told(void **state)
{
    (void)state;
    add_for("A", 9, 2, STAFF);
    assert_int_equal(post_checked(hash_of(STAFF), "A", "u"), VERDICT_ISSUED);
    segments_checked = SEGMENTS_UNCHECKED;
    struct ledger_decision decision = post("A", "u");
    assert_int_equal(decision.verdict, VERDICT_NOT_ELIGIBLE);
    assert_int_equal(decision.issue.sequence, 1);
    assert_int_equal(decision.issue.nth, 1);
    assert_int_equal(post_checked(SEGMENTS_UNCHECKED, "A", "v"), VERDICT_NOT_ELIGIBLE);
    assert_int_equal(post("A", "v").issue.sequence, 0);
    assert_int_equal(post_checked(hash_of(STAFF), "A", "u"), VERDICT_ISSUED);
    assert_int_equal(post_checked(SEGMENTS_UNCHECKED, "A", "u"), VERDICT_ALREADY_ISSUED);
}

static void segments_come_after_the_window_and_before_the_stock(void **state)
{
    struct coupon coupon = coupon_of("A", 1, 1);
    (void)state;
    strcpy(coupon.segments, STAFF);
    coupon.starts_at_us = START_US + SECOND;
    coupon.ends_at_us = START_US + 9 * SECOND;
    add(&coupon);
    assert_int_equal(post("A", "u").verdict, VERDICT_NOT_STARTED);
    now_us = coupon.starts_at_us;
    assert_int_equal(post("A", "u").verdict, VERDICT_NOT_ELIGIBLE);
    assert_int_equal(set_paused("A", true), VERDICT_COUPON_CHANGED);
    assert_int_equal(post("A", "u").verdict, VERDICT_PAUSED);
    assert_int_equal(set_paused("A", false), VERDICT_COUPON_CHANGED);
    assert_int_equal(post_checked(hash_of(STAFF), "A", "u"), VERDICT_ISSUED);
    assert_int_equal(post_checked(hash_of(STAFF), "A", "v"), VERDICT_SOLD_OUT);
    assert_int_equal(post_checked(SEGMENTS_UNCHECKED, "A", "v"), VERDICT_NOT_ELIGIBLE);
    now_us = coupon.ends_at_us;
    assert_int_equal(post("A", "v").verdict, VERDICT_ENDED);
}

static void a_user_whose_issue_was_revoked_is_told_so_before_segments(void **state)
{
    (void)state;
    add_for("A", 9, 1, STAFF);
    assert_int_equal(post_checked(hash_of(STAFF), "A", "u"), VERDICT_ISSUED);
    assert_int_equal(revoke("A", "u", 0, 0).verdict, VERDICT_REVOKED);
    assert_int_equal(post_checked(SEGMENTS_UNCHECKED, "A", "u"), VERDICT_ISSUE_REVOKED);
}

static void segments_survive_a_replay(void **state)
{
    static const char *const users[] = {"u"};
    struct ledger *other = another_ledger();
    (void)state;
    add_for("A", 9, 1, STAFF);
    assert_int_equal(post_checked(hash_of(STAFF), "A", "u"), VERDICT_ISSUED);
    assert_int_equal(set_segments("A", GUEST), VERDICT_COUPON_CHANGED);
    assert_null(replay_from(other, 0));
    assert_same(ledger, other, users, 1);
    assert_int_equal(ledger_entry(other, "A", 1)->segments, hash_of(GUEST));
    ledger_destroy(&other);
}

static void the_hash_of_segments_is_neither_of_the_two_special_values(void **state)
{
    (void)state;
    assert_int_equal(hash_of(""), SEGMENTS_UNCHECKED);
    for (unsigned i = 0; i < 100000; i++) {
        char text[32];
        snprintf(text, sizeof text, "[\"%u\"]", i);
        assert_true(hash_of(text) != SEGMENTS_UNCHECKED && hash_of(text) != SEGMENTS_EXEMPT);
    }
    assert_int_not_equal(hash_of(STAFF), hash_of(GUEST));
}

/* --- tests: owners --- */

static void a_change_may_require_the_owner_of_the_coupon(void **state)
{
    static const struct ledger_owner shop = {"shop", 4}, rival = {"shop2", 5}, part = {"sho", 3};
    (void)state;
    add_for("A", 9, 1, "");
    owner_required = &rival;
    assert_int_equal(set_paused("A", true), VERDICT_FORBIDDEN);
    assert_int_equal(set_paused("B", true), VERDICT_COUPON_NOT_FOUND);
    owner_required = &part;
    assert_int_equal(set_paused("A", true), VERDICT_FORBIDDEN);
    assert_false(coupon_now("A").paused);
    owner_required = &shop;
    assert_int_equal(set_paused("A", true), VERDICT_COUPON_CHANGED);
    assert_true(coupon_now("A").paused);
}

static void a_revocation_may_require_the_owner_of_the_coupon(void **state)
{
    static const struct ledger_owner shop = {"shop", 4}, rival = {"rival", 5};
    (void)state;
    add_for("A", 9, 1, "");
    assert_int_equal(post("A", "u").verdict, VERDICT_ISSUED);
    owner_required = &rival;
    assert_int_equal(revoke("A", "u", 0, 0).verdict, VERDICT_FORBIDDEN);
    assert_int_equal(revoke("A", "nobody", 0, 0).verdict, VERDICT_FORBIDDEN);
    assert_int_equal(revoke("B", "u", 0, 0).verdict, VERDICT_COUPON_NOT_FOUND);
    owner_required = &shop;
    assert_int_equal(revoke("A", "u", 0, 0).verdict, VERDICT_REVOKED);
}

static void a_condition_follows_the_coupon_to_its_new_owner(void **state)
{
    static const struct ledger_owner shop = {"shop", 4}, other = {"other", 5};
    struct coupon given = coupon_of("A", 1, 1);
    (void)state;
    add_for("A", 9, 1, "");
    strcpy(given.owner, "other");
    assert_int_equal(change_policy(&given, COUPON_FIELD_OWNER), VERDICT_COUPON_CHANGED);
    owner_required = &shop;
    assert_int_equal(set_paused("A", true), VERDICT_FORBIDDEN);
    owner_required = &other;
    assert_int_equal(set_paused("A", true), VERDICT_COUPON_CHANGED);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, ledger_setup, ledger_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_coupon_with_segments_is_issued_to_those_who_were_checked_against_them),
        TEST(without_segments_nobody_is_asked_for_them),
        TEST(eligibility_is_judged_by_the_segments_of_the_moment),
        TEST(holders_are_told_before_they_are_asked_for_segments),
        TEST(a_holder_who_may_have_another_one_is_asked_and_its_issue_told),
        TEST(segments_come_after_the_window_and_before_the_stock),
        TEST(a_user_whose_issue_was_revoked_is_told_so_before_segments),
        TEST(segments_survive_a_replay),
        TEST(the_hash_of_segments_is_neither_of_the_two_special_values),
        TEST(a_change_may_require_the_owner_of_the_coupon),
        TEST(a_revocation_may_require_the_owner_of_the_coupon),
        TEST(a_condition_follows_the_coupon_to_its_new_owner),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
