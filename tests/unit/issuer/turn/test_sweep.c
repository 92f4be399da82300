/* The revocation of all issues of a coupon, in steps beside other requests. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "issuer/ledger/sweep.h"
#include "issuer/turn/sweep.h"
#include "tests/unit/issuer/turn/change_fixture.h"
#include "tests/unit/issuer/turn/turn_fixture.h"

/* --- helpers --- */

static void give(unsigned count)
{
    char user[16];
    create("C", 5000, NOW_US);
    for (unsigned i = 0; i < count; i++) {
        snprintf(user, sizeof user, "u%u", i);
        assert_int_equal(post("C", user, NOW_US).verdict, VERDICT_ISSUED);
    }
}

static struct frame_change_reply ask(enum change_op op, const char *coupon)
{
    struct frame_change_request request = change_request(op, coupon, NULL, NULL);
    request.flags = op == CHANGE_SWEEP ? CHANGE_RESTOCK : 0;
    request.reason_length = op == CHANGE_SWEEP ? 3 : 0;
    memcpy(request.reason, "why", request.reason_length);
    return change(&request, NOW_US);
}

static struct frame_change_reply sweep_otherwise(const char *coupon, const char *reason, unsigned flags)
{
    struct frame_change_request request = change_request(CHANGE_SWEEP, coupon, NULL, NULL);
    request.flags = (uint8_t)flags;
    request.reason_length = (uint8_t)strlen(reason);
    memcpy(request.reason, reason, request.reason_length);
    return change(&request, NOW_US);
}

/* A turn without frames. */
static void step(void)
{
    turn_decide(turn, NOW_US, BOOT_US);
    turn_end(turn);
}

static uint32_t revoked(void)
{
    return ledger_entry(ledger, "C", 1)->revoked;
}

/* --- tests --- */

static void a_sweep_goes_on_step_by_step_until_its_end(void **state)
{
    (void)state;
    give(600);
    assert_int_equal(redeem("C", "u7", "r", NOW_US).verdict, VERDICT_REDEEMED);
    assert_false(turn_sweeps(turn));
    struct frame_change_reply reply = ask(CHANGE_SWEEP, "C");
    assert_int_equal(reply.verdict, VERDICT_SWEEPING);
    assert_int_equal(reply.progress.until, 600);
    assert_int_equal(revoked(), 0); /* room was reserved for its record only */
    assert_true(turn_sweeps(turn));
    step();
    assert_in_range(revoked(), 1, SWEEP_RECORDS_MAX);
    reply = ask(CHANGE_SWEPT, "C"); /* a step as well */
    assert_int_equal(reply.verdict, VERDICT_SWEEPING);
    assert_in_range(reply.progress.examined, 1, 599);
    assert_int_equal(ask(CHANGE_SWEEP, "C").verdict, VERDICT_SWEEPING); /* the same one */
    while (turn_sweeps(turn))
        step();
    reply = ask(CHANGE_SWEPT, "C");
    assert_int_equal(reply.verdict, VERDICT_SWEPT);
    assert_int_equal(reply.progress.revoked, 599);
    assert_int_equal(metrics_get(metrics, METRIC_ISSUER_VERDICTS, VERDICT_REVOKED), 599);
    reply = show("C", "u599", 600);
    assert_int_equal(reply.issue.state, ISSUE_REVOKED);
    assert_memory_equal(reply.details.reason, "why", 4);
    assert_int_equal(reply.details.flags, CHANGE_RESTOCK);
    assert_int_equal(reply.details.actor_length, 6);
    assert_int_equal(redeem("C", "u7", "r", NOW_US).verdict, VERDICT_REDEEMED_BEFORE);
    start_again();
    assert_false(turn_sweeps(turn));
    assert_int_equal(revoked(), 599);
    assert_int_equal(ledger_entry(ledger, "C", 1)->returned, 599);
}

static void a_sweep_on_other_terms_waits_for_the_end_of_the_first(void **state)
{
    (void)state;
    give(600);
    ask(CHANGE_SWEEP, "C");
    assert_int_equal(sweep_otherwise("C", "why", CHANGE_AGAIN).verdict, VERDICT_OVERLOADED);
    assert_int_equal(sweep_otherwise("C", "why not", CHANGE_RESTOCK).verdict, VERDICT_OVERLOADED);
    while (turn_sweeps(turn))
        step();
    assert_int_equal(sweep_otherwise("C", "why not", CHANGE_AGAIN).verdict, VERDICT_SWEEPING);
}

static void other_requests_are_decided_beside_it(void **state)
{
    (void)state;
    give(600);
    ask(CHANGE_SWEEP, "C");
    assert_int_equal(redeem("C", "u599", "r", NOW_US).verdict, VERDICT_REDEEMED);
    assert_int_equal(post("C", "late", NOW_US).verdict, VERDICT_ISSUED);
    assert_int_equal(ask(CHANGE_SWEEP, "C").verdict, VERDICT_OVERLOADED); /* it would not cover the late issue */
    while (turn_sweeps(turn))
        step();
    assert_int_equal(revoked(), 599);
    assert_int_equal(redeem("C", "late", "r", NOW_US).verdict, VERDICT_REDEEMED);
}

static void a_sweep_goes_on_after_a_restart(void **state)
{
    (void)state;
    give(600);
    ask(CHANGE_SWEEP, "C");
    step();
    start_again();
    assert_true(turn_sweeps(turn));
    assert_in_range(revoked(), 1, 599);
    while (turn_sweeps(turn))
        step();
    assert_int_equal(revoked(), 600);
    start_again();
    assert_false(turn_sweeps(turn));
    assert_int_equal(ask(CHANGE_SWEPT, "C").progress.revoked, 600);
}

static void a_sweep_of_nothing_is_over_at_once(void **state)
{
    (void)state;
    create("C", 5, NOW_US);
    uint64_t seq = journal_written_seq(journal);
    assert_int_equal(ask(CHANGE_SWEEP, "C").verdict, VERDICT_SWEPT);
    assert_int_equal(ask(CHANGE_SWEPT, "C").verdict, VERDICT_SWEPT);
    assert_int_equal(ask(CHANGE_SWEEP, "D").verdict, VERDICT_COUPON_NOT_FOUND);
    assert_int_equal(ask(CHANGE_SWEPT, "D").verdict, VERDICT_COUPON_NOT_FOUND);
    assert_int_equal(journal_written_seq(journal), seq);
    assert_false(turn_sweeps(turn));
}

/* Otherwise the partition would try without a pause. */
static void a_sweep_without_memory_waits_for_the_next_frame(void **state)
{
    (void)state;
    give(600);
    ask(CHANGE_SWEEP, "C");
    memory_scarce_now = true;
    step();
    assert_int_equal(revoked(), 0);
    assert_false(turn_sweeps(turn));
    memory_scarce_now = false;
    take(FRAME_PING, NULL, 0, 0);
    step();
    assert_true(revoked() > 0);
    assert_true(turn_sweeps(turn));
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_sweep_goes_on_step_by_step_until_its_end), TEST(a_sweep_on_other_terms_waits_for_the_end_of_the_first),
        TEST(other_requests_are_decided_beside_it),       TEST(a_sweep_goes_on_after_a_restart),
        TEST(a_sweep_of_nothing_is_over_at_once),         TEST(a_sweep_without_memory_waits_for_the_next_frame),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
