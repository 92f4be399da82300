/*
 * Deadlines of a turn: requests that are late, or addressed to another incarnation, are not decided.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/issuer/turn/turn_fixture.h"

/* Decides the taken frames when the deadline clock shows `boot_us`; returns the verdict of the first frame's only
 * request. */
static enum verdict decided_at(int64_t boot_us)
{
    turn_decide(turn, NOW_US, boot_us);
    enum verdict verdict = (enum verdict)issue_reply_of(0).verdict;
    turn_end(turn);
    return verdict;
}

static void turn_decides_nothing_after_its_deadline(void **state)
{
    (void)state;
    create("C", 9, NOW_US);
    take_post("C", "a");
    assert_int_equal(decided_at(BOOT_US + 999), VERDICT_ISSUED);
    take_post("C", "b");
    assert_int_equal(decided_at(BOOT_US + 1000), VERDICT_LATE);
    take_post("C", "a"); /* not even for a holder */
    assert_int_equal(decided_at(BOOT_US + 1000), VERDICT_LATE);
    assert_int_equal(journal_written_seq(journal), 2);
    assert_int_equal(metrics_get(metrics, METRIC_ISSUER_VERDICTS, VERDICT_LATE), 2);
}

static void turn_judges_each_request_of_a_frame_by_its_own_deadline(void **state)
{
    (void)state;
    struct frame_issue_request requests[3] = {request_of("C", "a", 1), request_of("C", "b", 2),
                                              request_of("C", "c", 3)};
    create("C", 9, NOW_US);
    requests[1].wait_us = 10;
    take(FRAME_ISSUE_REQUESTS, requests, sizeof requests, 3);
    turn_decide(turn, NOW_US, BOOT_US + 10);
    const struct frame_issue_reply *replies = reply_of(0, FRAME_ISSUE_REPLIES, 3);
    assert_int_equal(replies[0].verdict, VERDICT_ISSUED);
    assert_int_equal(replies[1].verdict, VERDICT_LATE);
    assert_int_equal(replies[1].tag, 2);
    assert_int_equal(replies[2].verdict, VERDICT_ISSUED);
    assert_int_equal(replies[2].issue.sequence, 2);
}

static void turn_decides_nothing_that_another_incarnation_was_asked_for(void **state)
{
    (void)state;
    struct frame_issue_request request = request_of("C", "a", 1);
    create("C", 9, NOW_US);
    take_of(INCARNATION + 1, BOOT_US, FRAME_ISSUE_REQUESTS, &request, sizeof request, 1);
    assert_int_equal(decided_at(BOOT_US), VERDICT_LATE);
    assert_int_equal(journal_written_seq(journal), 1);
}

static void turn_makes_and_changes_no_coupon_after_the_deadline(void **state)
{
    (void)state;
    struct frame_coupon_request change = {.tag = 3, .op = COUPON_CHANGE, .fields = COUPON_FIELD_PAUSED, .wait_us = 9};
    struct frame_coupon_request list = {.tag = 4, .op = COUPON_LIST, .wait_us = 9, .coupon = {.quantity = 5}};
    struct frame_coupon_request requests[2];
    struct frame_coupon_reply reply;
    create("C", 9, NOW_US);
    change.coupon.paused = 1;
    change.coupon.id_length = 1;
    change.coupon.id[0] = 'C';
    requests[0] = change;
    requests[1] = list;
    take(FRAME_COUPON_REQUESTS, requests, sizeof requests, 2);
    turn_decide(turn, NOW_US, BOOT_US + 9);
    const char *replies = reply_of(0, FRAME_COUPON_REPLIES, 2);
    for (unsigned i = 0; i < 2; i++) {
        replies += frame_coupon_reply_next(replies, &reply);
        assert_int_equal(reply.tag, requests[i].tag);
        assert_int_equal(reply.verdict, VERDICT_LATE);
        assert_int_equal(reply.remaining, 0);
    }
    turn_end(turn);
    assert_false(ledger_entry(ledger, "C", 1)->paused);
    take_create("D", 1);
    turn_decide(turn, NOW_US, BOOT_US + 1000);
    turn_end(turn);
    assert_null(ledger_entry(ledger, "D", 1));
}

static void turn_tells_its_incarnation_and_its_clock(void **state)
{
    (void)state;
    zmq_msg_t *gateway, *reply;
    struct frame_header header;
    take_of(0, 0, FRAME_PING, NULL, 0, 0);
    turn_decide(turn, NOW_US, BOOT_US + 5);
    turn_answer(turn, 0, &gateway, &reply);
    assert_int_equal(frame_check(zmq_msg_data(reply), zmq_msg_size(reply), &header), FRAME_OK);
    assert_int_equal(header.incarnation, INCARNATION);
    assert_int_equal(header.clock_us, BOOT_US + 5);
}

/* A virtual machine was paused, and its clocks with it. */
static void turn_hears_from_gateways_that_its_clock_has_stood_still(void **state)
{
    (void)state;
    create("C", 9, NOW_US);
    take_post("C", "a");
    take_of(INCARNATION, BOOT_US + 3600000000, FRAME_PING, NULL, 0, 0);
    assert_int_equal(decided_at(BOOT_US + 5), VERDICT_LATE);
    take_post("C", "a");
    assert_int_equal(decided_at(BOOT_US + 6), VERDICT_LATE);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(turn_decides_nothing_after_its_deadline),
        TEST(turn_judges_each_request_of_a_frame_by_its_own_deadline),
        TEST(turn_decides_nothing_that_another_incarnation_was_asked_for),
        TEST(turn_makes_and_changes_no_coupon_after_the_deadline),
        TEST(turn_tells_its_incarnation_and_its_clock),
        TEST(turn_hears_from_gateways_that_its_clock_has_stood_still),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
