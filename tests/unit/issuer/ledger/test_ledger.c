/*
 * The ledger: every verdict, their order of precedence, and equal states live and replayed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "issuer/ledger/ledger.h"

#define NOW 1700000000000000

/* --- fixture --- */

static struct ledger *ledger;

static int make_ledger(void **state)
{
    (void)state;
    const uint8_t key[16] = {1, 2, 3};
    ledger = ledger_create(key);
    return 0;
}

static int drop_ledger(void **state)
{
    (void)state;
    ledger_destroy(&ledger);
    return 0;
}

/* --- helpers --- */

static struct coupon coupon_of(const char *id, uint32_t quantity, uint32_t limit)
{
    struct coupon coupon = {.quantity = quantity,
                            .per_user_limit = limit,
                            .starts_at_us = TIME_NONE,
                            .ends_at_us = TIME_NONE,
                            .redeem_until_us = TIME_NONE};
    strcpy(coupon.id, id);
    strcpy(coupon.title, "Title");
    return coupon;
}

static void add(const struct coupon *wanted)
{
    struct coupon result;
    assert_int_equal(ledger_decide_create(ledger, wanted, NOW, &result), VERDICT_COUPON_CREATED);
    ledger_apply_coupon(ledger, &result);
}

static void add_simple(const char *id, uint32_t quantity, uint32_t limit)
{
    struct coupon coupon = coupon_of(id, quantity, limit);
    add(&coupon);
}

static enum verdict change(const struct coupon *wanted, unsigned fields)
{
    struct coupon result;
    enum verdict verdict = ledger_decide_change(ledger, wanted, fields, NULL, NOW, &result);
    if (verdict == VERDICT_COUPON_CHANGED)
        ledger_apply_coupon(ledger, &result);
    return verdict;
}

static struct ledger_decision ask(enum issue_op op, const char *coupon, const char *user, int64_t now)
{
    struct ledger_command command = {.op = op,
                                     .coupon_id = coupon,
                                     .coupon_id_length = strlen(coupon),
                                     .user_id = user,
                                     .user_id_length = strlen(user)};
    ledger_prepare(ledger, &command, 1);
    struct ledger_decision decision;
    ledger_decide_issue(ledger, &command, now, &decision);
    if (decision.verdict == VERDICT_ISSUED)
        ledger_apply_issue(&command, &decision);
    return decision;
}

static enum verdict post(const char *coupon, const char *user)
{
    return ask(ISSUE_POST, coupon, user, NOW).verdict;
}

/* --- tests --- */

static void ledger_issues_in_sequence_until_sold_out(void **state)
{
    (void)state;
    add_simple("C", 3, 1);
    const char *users[] = {"a", "b", "c"};
    for (uint32_t i = 0; i < 3; i++) {
        struct ledger_decision decision = ask(ISSUE_POST, "C", users[i], NOW + i);
        assert_int_equal(decision.verdict, VERDICT_ISSUED);
        assert_int_equal(decision.issue.sequence, i + 1);
        assert_int_equal(decision.issue.nth, 1);
        assert_int_equal(decision.issue.issued_at_us, NOW + i);
    }
    assert_int_equal(post("C", "d"), VERDICT_SOLD_OUT);
    assert_int_equal(ledger_entry(ledger, "C", 1)->issued, 3);
}

static void ledger_refuses_a_second_issue_to_the_same_user(void **state)
{
    (void)state;
    add_simple("C", 3, 1);
    assert_int_equal(post("C", "a"), VERDICT_ISSUED);
    struct ledger_decision decision = ask(ISSUE_POST, "C", "a", NOW + 9);
    assert_int_equal(decision.verdict, VERDICT_ALREADY_ISSUED);
    assert_int_equal(decision.issue.sequence, 1);
    assert_int_equal(decision.issue.issued_at_us, NOW);
    assert_int_equal(ledger_entry(ledger, "C", 1)->issued, 1);
}

static void ledger_tells_a_holder_of_the_issue_whatever_the_state(void **state)
{
    (void)state;
    struct coupon coupon = coupon_of("C", 1, 5);
    coupon.ends_at_us = NOW + 100;
    add(&coupon);
    assert_int_equal(post("C", "a"), VERDICT_ISSUED);
    assert_int_equal(post("C", "a"), VERDICT_ALREADY_ISSUED); /* sold out, below the limit */
    coupon.quantity = 10;
    coupon.paused = true;
    assert_int_equal(change(&coupon, COUPON_FIELD_QUANTITY | COUPON_FIELD_PAUSED), VERDICT_COUPON_CHANGED);
    assert_int_equal(post("C", "a"), VERDICT_ALREADY_ISSUED);
    assert_int_equal(post("C", "b"), VERDICT_PAUSED);
    assert_int_equal(ask(ISSUE_POST, "C", "a", NOW + 100).verdict, VERDICT_ALREADY_ISSUED);
    assert_int_equal(ask(ISSUE_ENSURE, "C", "a", NOW + 100).verdict, VERDICT_ALREADY_ISSUED);
    assert_int_equal(ask(ISSUE_POST, "C", "b", NOW + 100).verdict, VERDICT_ENDED);
}

static void ledger_issues_up_to_the_limit_of_a_user(void **state)
{
    (void)state;
    add_simple("C", 10, 3);
    for (uint16_t nth = 1; nth <= 3; nth++) {
        struct ledger_decision decision = ask(ISSUE_POST, "C", "a", NOW);
        assert_int_equal(decision.verdict, VERDICT_ISSUED);
        assert_int_equal(decision.issue.nth, nth);
    }
    struct ledger_decision decision = ask(ISSUE_POST, "C", "a", NOW);
    assert_int_equal(decision.verdict, VERDICT_ALREADY_ISSUED);
    assert_int_equal(decision.issue.sequence, 3);
    assert_int_equal(ledger_entry(ledger, "C", 1)->issued, 3);
}

static void ledger_makes_sure_of_one_issue_only(void **state)
{
    (void)state;
    add_simple("C", 10, 3);
    assert_int_equal(ask(ISSUE_ENSURE, "C", "a", NOW).verdict, VERDICT_ISSUED);
    assert_int_equal(ask(ISSUE_ENSURE, "C", "a", NOW).verdict, VERDICT_ALREADY_ISSUED);
    assert_int_equal(ledger_entry(ledger, "C", 1)->issued, 1);
}

static void ledger_looks_up_without_issuing(void **state)
{
    (void)state;
    add_simple("C", 10, 1);
    assert_int_equal(ask(ISSUE_LOOKUP, "C", "a", NOW).verdict, VERDICT_NOT_ISSUED);
    assert_int_equal(post("C", "a"), VERDICT_ISSUED);
    struct ledger_decision decision = ask(ISSUE_LOOKUP, "C", "a", NOW);
    assert_int_equal(decision.verdict, VERDICT_FOUND);
    assert_int_equal(decision.issue.sequence, 1);
    assert_int_equal(ask(ISSUE_LOOKUP, "D", "a", NOW).verdict, VERDICT_COUPON_NOT_FOUND);
}

static void ledger_keeps_to_the_window(void **state)
{
    (void)state;
    struct coupon coupon = coupon_of("C", 10, 1);
    coupon.starts_at_us = NOW + 10;
    coupon.ends_at_us = NOW + 20;
    add(&coupon);
    struct ledger_decision early = ask(ISSUE_POST, "C", "a", NOW + 9);
    assert_int_equal(early.verdict, VERDICT_NOT_STARTED);
    assert_int_equal(early.issue.issued_at_us, NOW + 10);
    assert_int_equal(ask(ISSUE_POST, "C", "a", NOW + 10).verdict, VERDICT_ISSUED);
    assert_int_equal(ask(ISSUE_POST, "C", "b", NOW + 19).verdict, VERDICT_ISSUED);
    assert_int_equal(ask(ISSUE_POST, "C", "c", NOW + 20).verdict, VERDICT_ENDED);
    assert_int_equal(ledger_entry(ledger, "C", 1)->issued, 2);
}

static void ledger_knows_no_coupon_that_was_not_created(void **state)
{
    (void)state;
    assert_int_equal(post("C", "a"), VERDICT_COUPON_NOT_FOUND);
    struct coupon coupon = coupon_of("C", 1, 1);
    assert_int_equal(change(&coupon, COUPON_FIELD_QUANTITY), VERDICT_COUPON_NOT_FOUND);
}

static void ledger_creates_a_coupon_once(void **state)
{
    (void)state;
    add_simple("C", 5, 1);
    struct coupon again = coupon_of("C", 9, 1), result;
    assert_int_equal(ledger_decide_create(ledger, &again, NOW, &result), VERDICT_COUPON_EXISTS);
    assert_int_equal(result.quantity, 5);
}

static void ledger_lowers_the_quantity_to_what_is_issued_not_below(void **state)
{
    (void)state;
    add_simple("C", 5, 1);
    post("C", "a");
    post("C", "b");
    struct coupon wanted = coupon_of("C", 1, 1);
    assert_int_equal(change(&wanted, COUPON_FIELD_QUANTITY), VERDICT_QUANTITY_BELOW_ISSUED);
    assert_int_equal(ledger_entry(ledger, "C", 1)->quantity, 5);
    wanted.quantity = 2;
    assert_int_equal(change(&wanted, COUPON_FIELD_QUANTITY), VERDICT_COUPON_CHANGED);
    assert_int_equal(post("C", "c"), VERDICT_SOLD_OUT);
    wanted.quantity = 3;
    assert_int_equal(change(&wanted, COUPON_FIELD_QUANTITY), VERDICT_COUPON_CHANGED);
    assert_int_equal(ask(ISSUE_POST, "C", "c", NOW).issue.sequence, 3);
}

static void ledger_refuses_a_window_that_ends_before_it_begins(void **state)
{
    (void)state;
    struct coupon coupon = coupon_of("C", 5, 1);
    coupon.starts_at_us = NOW;
    add(&coupon);
    coupon.ends_at_us = NOW;
    assert_int_equal(change(&coupon, COUPON_FIELD_ENDS_AT), VERDICT_WINDOW_INVALID);
    coupon.ends_at_us = NOW + 1;
    assert_int_equal(change(&coupon, COUPON_FIELD_ENDS_AT), VERDICT_COUPON_CHANGED);
}

static void ledger_compares_the_version_with_the_one_wanted_or_ruled_out(void **state)
{
    (void)state;
    struct coupon wanted = {.id = "V",
                            .title = "t",
                            .quantity = 5,
                            .per_user_limit = 1,
                            .starts_at_us = TIME_NONE,
                            .ends_at_us = TIME_NONE,
                            .redeem_until_us = TIME_NONE,
                            .journal_seq = 7};
    ledger_apply_coupon(ledger, &wanted);
    assert_int_equal(change(&wanted, COUPON_FIELD_QUANTITY | COUPON_IF_VERSION), VERDICT_COUPON_CHANGED);
    assert_int_equal(change(&wanted, COUPON_FIELD_QUANTITY | COUPON_UNLESS_VERSION), VERDICT_STALE_VERSION);
    wanted.journal_seq = 6;
    assert_int_equal(change(&wanted, COUPON_FIELD_QUANTITY | COUPON_IF_VERSION), VERDICT_STALE_VERSION);
    assert_int_equal(change(&wanted, COUPON_FIELD_QUANTITY | COUPON_UNLESS_VERSION), VERDICT_COUPON_CHANGED);
}

static void ledger_changes_only_the_members_that_are_meant(void **state)
{
    (void)state;
    add_simple("C", 5, 2);
    struct coupon wanted = coupon_of("C", 9, 7);
    strcpy(wanted.title, "New");
    wanted.paused = true;
    assert_int_equal(change(&wanted, COUPON_FIELD_TITLE), VERDICT_COUPON_CHANGED);
    struct coupon coupon;
    ledger_coupon_read(ledger_entry(ledger, "C", 1), &coupon);
    assert_string_equal(coupon.title, "New");
    assert_int_equal(coupon.quantity, 5);
    assert_int_equal(coupon.per_user_limit, 2);
    assert_false(coupon.paused);
}

static void ledger_lists_coupons_in_the_order_of_their_ids(void **state)
{
    (void)state;
    char id[16];
    for (unsigned i = 0; i < 500; i++) {
        snprintf(id, sizeof id, "C%03u", i * 7 % 500);
        add_simple(id, 1, 1);
    }
    const struct ledger_coupon *page[200];
    char after[16] = "";
    unsigned seen = 0;
    for (size_t count; (count = ledger_list(ledger, after, 200, page)) > 0;) {
        for (size_t i = 0; i < count; i++, seen++) {
            snprintf(id, sizeof id, "C%03u", seen);
            assert_string_equal(page[i]->id, id);
        }
        strcpy(after, page[count - 1]->id);
    }
    assert_int_equal(seen, 500);
    for (unsigned i = 0; i < 500; i++) {
        int length = snprintf(id, sizeof id, "C%03u", i);
        assert_string_equal(ledger_entry(ledger, id, (size_t)length)->id, id);
    }
}

static struct journal_record issue_record(const char *coupon, const char *user, uint32_t sequence, uint16_t nth)
{
    return (struct journal_record){.type = JOURNAL_ISSUE,
                                   .seq = sequence + 1,
                                   .time_us = NOW,
                                   .coupon_id = coupon,
                                   .coupon_id_length = strlen(coupon),
                                   .issue = {user, strlen(user), sequence, nth}};
}

static struct journal_record coupon_record(const char *id, uint32_t quantity, uint32_t limit)
{
    return (struct journal_record){.type = JOURNAL_COUPON,
                                   .seq = 1,
                                   .time_us = NOW,
                                   .coupon_id = id,
                                   .coupon_id_length = strlen(id),
                                   .coupon = {.number = 1,
                                              .quantity = quantity,
                                              .per_user_limit = limit,
                                              .starts_at_us = TIME_NONE,
                                              .ends_at_us = TIME_NONE,
                                              .redeem_until_us = TIME_NONE,
                                              .created_at_us = NOW,
                                              .texts = {"T", "", "", "", "", ""},
                                              .text_lengths = {1}}};
}

static const char *replay(struct journal_record record)
{
    return ledger_replay(ledger, &record);
}

static void ledger_goes_on_where_the_replay_ended(void **state)
{
    (void)state;
    assert_null(replay(coupon_record("C", 3, 2)));
    assert_null(replay(issue_record("C", "a", 1, 1)));
    assert_null(replay(issue_record("C", "a", 2, 2)));
    assert_int_equal(post("C", "a"), VERDICT_ALREADY_ISSUED);
    assert_int_equal(ask(ISSUE_POST, "C", "b", NOW).issue.sequence, 3);
    assert_int_equal(post("C", "c"), VERDICT_SOLD_OUT);
}

static void replay_names_what_contradicts_the_promises(void **state)
{
    (void)state;
    assert_non_null(replay(issue_record("C", "a", 1, 1)));
    assert_null(replay(coupon_record("C", 2, 1)));
    assert_non_null(replay(issue_record("C", "a", 2, 1)));
    assert_null(replay(issue_record("C", "a", 1, 1)));
    assert_non_null(replay(issue_record("C", "a", 2, 2)));
    assert_non_null(replay(issue_record("C", "b", 1, 1)));
    assert_null(replay(issue_record("C", "b", 2, 1)));
    assert_non_null(replay(issue_record("C", "c", 3, 1)));
    assert_non_null(replay(coupon_record("C", 1, 1)));
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, make_ledger, drop_ledger)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(ledger_issues_in_sequence_until_sold_out),
        TEST(ledger_refuses_a_second_issue_to_the_same_user),
        TEST(ledger_tells_a_holder_of_the_issue_whatever_the_state),
        TEST(ledger_issues_up_to_the_limit_of_a_user),
        TEST(ledger_makes_sure_of_one_issue_only),
        TEST(ledger_looks_up_without_issuing),
        TEST(ledger_keeps_to_the_window),
        TEST(ledger_knows_no_coupon_that_was_not_created),
        TEST(ledger_creates_a_coupon_once),
        TEST(ledger_lowers_the_quantity_to_what_is_issued_not_below),
        TEST(ledger_refuses_a_window_that_ends_before_it_begins),
        TEST(ledger_changes_only_the_members_that_are_meant),
        TEST(ledger_compares_the_version_with_the_one_wanted_or_ruled_out),
        TEST(ledger_lists_coupons_in_the_order_of_their_ids),
        TEST(ledger_goes_on_where_the_replay_ended),
        TEST(replay_names_what_contradicts_the_promises),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
