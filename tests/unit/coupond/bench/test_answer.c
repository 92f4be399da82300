#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "coupond/bench/answer.h"

#define MEMBERS               "\"user_id\":\"u\",\"code\":\"7H2K9QX4T03N\",\"issued_at\":\"1970-01-01T00:00:05Z\""
#define ISSUE                 "{\"coupon_id\":\"A\",\"sequence\":3," MEMBERS ",\"state\":\"issued\"}"
#define REVOKED               "{\"coupon_id\":\"A\",\"sequence\":3," MEMBERS ",\"state\":\"revoked\"}"
#define REDEEMED              "{\"coupon_id\":\"A\",\"sequence\":3," MEMBERS REDEMPTION("bench-9")
#define ELSEWHERE             "{\"coupon_id\":\"A\",\"sequence\":3," MEMBERS REDEMPTION("other")
#define LATER                 "{\"coupon_id\":\"A\",\"sequence\":4," MEMBERS ",\"state\":\"issued\"}"
#define REDEMPTION(reference) ",\"state\":\"redeemed\",\"redemption\":{\"reference\":\"" reference "\"}}"
#define PROBLEM(code)         "{\"code\":\"" code "\"}"

/* --- helpers: an issue with sequence 3 from second 5; with a reference, it is redeemed --- */

static struct bench_answer answer;

static struct bench_request about(enum bench_operation operation, uint64_t redeemed)
{
    struct bench_request request = {.operation = operation, .reference = 9};
    if (operation != BENCH_OPERATION_ISSUE)
        request.holding = (struct bench_holding){
            .user = 7, .reference = redeemed, .issued_us = 5000000, .sequence = 3, .code = "7H2K9QX4T03N"};
    return request;
}

static enum bench_outcome ask(enum bench_operation operation, uint64_t redeemed, int status, const char *body)
{
    struct bench_request request = about(operation, redeemed);
    answer = bench_answer_read(&request, "A", status, body, strlen(body));
    return answer.outcome;
}

#define ISSUE_REQUEST(status, body)    ask(BENCH_OPERATION_ISSUE, 0, status, body)
#define REDEEM(redeemed, status, body) ask(BENCH_OPERATION_REDEEM, redeemed, status, body)
#define assert_broken(promise)         assert_int_equal(answer.broken, BENCH_PROMISE_##promise)
#define assert_nothing_broken()        assert_int_equal(answer.broken, BENCH_PROMISE_COUNT)

/* --- requests for an issue --- */

static void answer_to_a_new_issue_is_held(void **state)
{
    (void)state;
    assert_int_equal(ISSUE_REQUEST(201, ISSUE), BENCH_ISSUED);
    assert_int_equal(answer.sequence, 3);
    assert_true(answer.held);
    assert_int_equal(answer.holding.sequence, 3);
    assert_int_equal(answer.holding.issued_us, 5000000);
    assert_string_equal(answer.holding.code, "7H2K9QX4T03N");
    assert_int_equal(answer.holding.reference, 0);
}

static void answer_with_a_sequence_alone_is_issued_but_not_held(void **state)
{
    (void)state;
    assert_int_equal(ISSUE_REQUEST(201, "{\"sequence\":4000000000}"), BENCH_ISSUED);
    assert_true(answer.sequence == 4000000000u);
    assert_false(answer.held);
    assert_int_equal(ISSUE_REQUEST(201, "{\"sequence\":1,\"issued_at\":\"1970-01-01T00:00:05Z\",\"code\":\"7H\"}"),
                     BENCH_ISSUED);
    assert_false(answer.held);
}

static void answer_already_issued_has_the_sequence_of_its_issue(void **state)
{
    (void)state;
    assert_int_equal(ISSUE_REQUEST(409, "{\"code\":\"already_issued\",\"issue\":{\"sequence\":7}}"),
                     BENCH_ALREADY_ISSUED);
    assert_int_equal(answer.sequence, 7);
    assert_false(answer.held);
}

static void answer_has_the_outcome_of_its_code(void **state)
{
    (void)state;
    assert_int_equal(ISSUE_REQUEST(409, PROBLEM("sold_out")), BENCH_SOLD_OUT);
    assert_int_equal(ISSUE_REQUEST(409, PROBLEM("revoked")), BENCH_REVOKED);
    assert_int_equal(ISSUE_REQUEST(410, PROBLEM("ended")), BENCH_ENDED);
    assert_int_equal(ISSUE_REQUEST(503, PROBLEM("outcome_unknown")), BENCH_OUTCOME_UNKNOWN);
}

static void answer_that_is_invalid_is_other(void **state)
{
    (void)state;
    static const struct {
        int status;
        const char *body;
    } bad[] = {
        {201, ""},
        {201, "<html>"},
        {201, "{}"},
        {201, "{\"sequence\":0}"},
        {201, "{\"sequence\":4294967296}"},
        {201, "{\"sequence\":\"1\"}"},
        {409, "{\"code\":\"already_issued\"}"},
        {409, "{\"code\":\"issued\",\"sequence\":1}"},
        {409, "{\"code\":\"done\"}"},
        {409, "{\"code\":\"timed_out\"}"},
        {409, "[1]"},
        {200, "{\"code\":\"sold_out\"}"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(ISSUE_REQUEST(bad[i].status, bad[i].body), BENCH_OTHER);
}

/* --- changes --- */

static void redemption_is_held_with_its_reference(void **state)
{
    (void)state;
    assert_int_equal(REDEEM(0, 201, REDEEMED), BENCH_DONE);
    assert_true(answer.held);
    assert_int_equal(answer.holding.reference, 9);
    assert_nothing_broken();
}

static void redemption_of_a_redeemed_issue_must_be_refused(void **state)
{
    (void)state;
    assert_int_equal(REDEEM(2, 409, PROBLEM("already_redeemed")), BENCH_ALREADY_REDEEMED);
    assert_nothing_broken();
    assert_true(answer.held);
    assert_int_equal(answer.holding.reference, 2);
    REDEEM(2, 201, REDEEMED);
    assert_broken(REDEEMED_ONCE);
    assert_false(answer.held);
}

static void redemption_must_not_be_refused_without_a_reason(void **state)
{
    (void)state;
    static const char *const codes[] = {PROBLEM("already_redeemed"), PROBLEM("revoked"), PROBLEM("not_issued"),
                                        PROBLEM("coupon_not_found"), PROBLEM("reference_mismatch")};
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        REDEEM(0, 409, codes[i]);
        assert_broken(NOT_REFUSED);
    }
    assert_int_equal(REDEEM(0, 410, PROBLEM("issue_expired")), BENCH_ISSUE_EXPIRED);
    assert_nothing_broken();
}

static void change_with_another_state_than_requested_is_other(void **state)
{
    (void)state;
    assert_int_equal(REDEEM(0, 201, ISSUE), BENCH_OTHER);
    assert_int_equal(REDEEM(0, 201, ELSEWHERE), BENCH_OTHER);
    assert_int_equal(REDEEM(0, 201, LATER), BENCH_OTHER);
    assert_int_equal(ask(BENCH_OPERATION_UNDO, 9, 200, REDEEMED), BENCH_OTHER);
    assert_int_equal(ask(BENCH_OPERATION_REVOKE, 0, 200, ISSUE), BENCH_OTHER);
    assert_false(answer.held);
}

static void undo_makes_the_issue_redeemable_again(void **state)
{
    (void)state;
    assert_int_equal(ask(BENCH_OPERATION_UNDO, 9, 200, ISSUE), BENCH_DONE);
    assert_true(answer.held);
    assert_int_equal(answer.holding.reference, 0);
    ask(BENCH_OPERATION_UNDO, 9, 409, PROBLEM("reference_mismatch"));
    assert_broken(NOT_REFUSED);
}

static void revoked_issue_is_not_held(void **state)
{
    (void)state;
    assert_int_equal(ask(BENCH_OPERATION_REVOKE, 0, 200, REVOKED), BENCH_DONE);
    assert_false(answer.held);
    assert_nothing_broken();
    ask(BENCH_OPERATION_REVOKE, 0, 409, PROBLEM("already_redeemed"));
    assert_broken(NOT_REFUSED);
}

static void change_without_a_decision_leaves_the_issue_as_it_was(void **state)
{
    (void)state;
    assert_int_equal(REDEEM(0, 503, PROBLEM("overloaded")), BENCH_OVERLOADED);
    assert_true(answer.held);
    assert_int_equal(answer.holding.reference, 0);
    assert_int_equal(ask(BENCH_OPERATION_REVOKE, 0, 401, PROBLEM("unauthorized")), BENCH_UNAUTHORIZED);
    assert_true(answer.held);
    assert_nothing_broken();
}

static void change_whose_outcome_is_unknown_gives_the_issue_up(void **state)
{
    (void)state;
    struct bench_request request = about(BENCH_OPERATION_UNDO, 9);
    assert_int_equal(REDEEM(0, 503, PROBLEM("outcome_unknown")), BENCH_OUTCOME_UNKNOWN);
    assert_false(answer.held);
    assert_nothing_broken();
    answer = bench_answer_missing(&request, BENCH_TIMED_OUT);
    assert_false(answer.held);
    assert_nothing_broken();
}

/* --- reads --- */

static void lookup_shows_the_state_of_the_latest_answer(void **state)
{
    (void)state;
    assert_int_equal(ask(BENCH_OPERATION_LOOKUP, 0, 200, ISSUE), BENCH_DONE);
    assert_true(answer.held);
    ask(BENCH_OPERATION_CODE, 9, 200, REDEEMED);
    assert_nothing_broken();
    ask(BENCH_OPERATION_LOOKUP, 9, 200, ISSUE);
    assert_broken(STATE_SHOWN);
    ask(BENCH_OPERATION_LOOKUP, 9, 200, ELSEWHERE);
    assert_broken(STATE_SHOWN);
    ask(BENCH_OPERATION_CODE, 0, 200, REVOKED);
    assert_broken(STATE_SHOWN);
    ask(BENCH_OPERATION_LOOKUP, 0, 404, PROBLEM("not_issued"));
    assert_broken(STATE_SHOWN);
}

static void lookup_may_show_a_later_issue_of_the_user_but_a_code_may_not(void **state)
{
    (void)state;
    ask(BENCH_OPERATION_LOOKUP, 9, 200, LATER);
    assert_nothing_broken();
    ask(BENCH_OPERATION_CODE, 0, 200, LATER);
    assert_broken(STATE_SHOWN);
}

static void read_without_an_answer_keeps_the_issue(void **state)
{
    (void)state;
    struct bench_request request = about(BENCH_OPERATION_WALLET, 0);
    answer = bench_answer_missing(&request, BENCH_CONNECTION_ERROR);
    assert_true(answer.held);
    assert_int_equal(ask(BENCH_OPERATION_CODE, 0, 503, PROBLEM("store_unavailable")), BENCH_STORE_UNAVAILABLE);
    assert_true(answer.held);
    assert_nothing_broken();
}

#define WALLET(as_of, issues, next)                                                                                    \
    ask(BENCH_OPERATION_WALLET, 0, 200, "{\"as_of\":" as_of ",\"issues\":[" issues "],\"next_cursor\":" next "}")
#define BEFORE "\"1970-01-01T00:00:05Z\""
#define AFTER  "\"1970-01-01T00:00:05.000001Z\""

static void wallet_must_have_the_issue_once_as_of_is_later(void **state)
{
    (void)state;
    assert_int_equal(WALLET(AFTER, LATER "," ISSUE, "null"), BENCH_DONE);
    assert_nothing_broken();
    assert_int_equal(WALLET(AFTER, LATER, "null"), BENCH_DONE);
    assert_broken(LISTED);
    WALLET(AFTER, "{\"coupon_id\":\"B\",\"sequence\":3}", "null");
    assert_broken(LISTED);
}

static void wallet_may_lack_the_issue_before_that_or_have_it_on_another_page(void **state)
{
    (void)state;
    WALLET(BEFORE, "", "null");
    assert_nothing_broken();
    WALLET("null", "", "null");
    assert_nothing_broken();
    WALLET(AFTER, LATER, "\"more\"");
    assert_nothing_broken();
    assert_int_equal(ask(BENCH_OPERATION_WALLET, 0, 200, "{}"), BENCH_OTHER);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answer_to_a_new_issue_is_held),
        cmocka_unit_test(answer_with_a_sequence_alone_is_issued_but_not_held),
        cmocka_unit_test(answer_already_issued_has_the_sequence_of_its_issue),
        cmocka_unit_test(answer_has_the_outcome_of_its_code),
        cmocka_unit_test(answer_that_is_invalid_is_other),
        cmocka_unit_test(redemption_is_held_with_its_reference),
        cmocka_unit_test(redemption_of_a_redeemed_issue_must_be_refused),
        cmocka_unit_test(redemption_must_not_be_refused_without_a_reason),
        cmocka_unit_test(change_with_another_state_than_requested_is_other),
        cmocka_unit_test(undo_makes_the_issue_redeemable_again),
        cmocka_unit_test(revoked_issue_is_not_held),
        cmocka_unit_test(change_without_a_decision_leaves_the_issue_as_it_was),
        cmocka_unit_test(change_whose_outcome_is_unknown_gives_the_issue_up),
        cmocka_unit_test(lookup_shows_the_state_of_the_latest_answer),
        cmocka_unit_test(lookup_may_show_a_later_issue_of_the_user_but_a_code_may_not),
        cmocka_unit_test(read_without_an_answer_keeps_the_issue),
        cmocka_unit_test(wallet_must_have_the_issue_once_as_of_is_later),
        cmocka_unit_test(wallet_may_lack_the_issue_before_that_or_have_it_on_another_page),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
