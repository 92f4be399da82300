/* A turn of a partition, stepped by hand: frames in, a journal batch and replies out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "shared/disk.h"
#include "shared/wire/frame.h"
#include "tests/unit/issuer/turn/turn_fixture.h"
#include "tests/unit/shared/journal/journal_fixture.h"

/* --- tests --- */

static void turn_decides_all_frames_at_one_time_and_in_their_order(void **state)
{
    (void)state;
    create("C", 2, NOW_US);
    take_post("C", "a");
    take_post("C", "b");
    take_post("C", "a");
    take_post("C", "c");
    turn_decide(turn, NOW_US + 5, BOOT_US);
    const struct {
        enum verdict verdict;
        uint32_t sequence;
    } expected[] = {{VERDICT_ISSUED, 1}, {VERDICT_ISSUED, 2}, {VERDICT_ALREADY_ISSUED, 1}, {VERDICT_SOLD_OUT, 0}};
    for (size_t i = 0; i < 4; i++) {
        struct frame_issue_reply reply = issue_reply_of(i);
        assert_int_equal(reply.verdict, expected[i].verdict);
        assert_int_equal(reply.issue.sequence, expected[i].sequence);
        assert_int_equal(reply.now_us, NOW_US + 5);
        assert_int_equal(reply.tag, 7);
    }
}

static void turn_has_synced_what_it_decided_before_a_reply_can_leave(void **state)
{
    (void)state;
    create("C", 2, NOW_US);
    take_post("C", "a");
    assert_int_equal(journal_synced_seq(journal), 1);
    turn_decide(turn, NOW_US, BOOT_US);
    assert_int_equal(journal_written_seq(journal), 2);
    assert_int_equal(journal_synced_seq(journal), 2);
}

static void turn_writes_nothing_for_refusals(void **state)
{
    (void)state;
    create("C", 1, NOW_US);
    post("C", "a", NOW_US);
    assert_int_equal(post("C", "b", NOW_US).verdict, VERDICT_SOLD_OUT);
    assert_int_equal(post("D", "b", NOW_US).verdict, VERDICT_COUPON_NOT_FOUND);
    assert_int_equal(journal_written_seq(journal), 2);
}

static void give_a_window(const char *id, int64_t starts_at_us, int64_t ends_at_us, int64_t now_us)
{
    struct frame_coupon_request request = {
        .tag = 9, .op = COUPON_CHANGE, .wait_us = 1000, .fields = COUPON_FIELD_STARTS_AT | COUPON_FIELD_ENDS_AT};
    struct coupon coupon = {.title = "Title",
                            .quantity = 9,
                            .per_user_limit = 1,
                            .starts_at_us = starts_at_us,
                            .ends_at_us = ends_at_us,
                            .redeem_until_us = TIME_NONE};
    snprintf(coupon.id, sizeof coupon.id, "%s", id);
    frame_coupon_write(&request.coupon, &coupon);
    take(FRAME_COUPON_REQUESTS, &request, sizeof request, 1);
    turn_decide(turn, now_us, BOOT_US);
    struct frame_coupon_reply reply;
    frame_coupon_reply_next(reply_of(0, FRAME_COUPON_REPLIES, 1), &reply);
    assert_int_equal(reply.verdict, VERDICT_COUPON_CHANGED);
    turn_end(turn);
}

static void turn_never_lets_the_issues_of_a_coupon_go_back_in_time(void **state)
{
    (void)state;
    create("C", 3, NOW_US);
    create("D", 3, NOW_US);
    assert_int_equal(post("C", "a", NOW_US + 10).issue.issued_at_us, NOW_US + 10);
    assert_int_equal(post("C", "b", NOW_US - 1000000).issue.issued_at_us, NOW_US + 10);
    assert_int_equal(post("D", "b", NOW_US - 1000000).issue.issued_at_us, NOW_US - 1000000);
    start_again();
    assert_int_equal(post("C", "b", NOW_US - 1000000).issue.issued_at_us, NOW_US + 10);
    assert_int_equal(post("D", "b", NOW_US - 1000000).issue.issued_at_us, NOW_US - 1000000);
    assert_int_equal(post("C", "c", NOW_US - 1000000).issue.issued_at_us, NOW_US + 10);
}

static void turn_judges_windows_by_the_time_that_it_is_given_whatever_was_decided_before(void **state)
{
    (void)state;
    int64_t day_us = INT64_C(86400000000);
    create("C", 9, NOW_US);
    create("D", 9, NOW_US);
    give_a_window("C", TIME_NONE, NOW_US + 60, NOW_US + day_us);
    give_a_window("D", NOW_US + 60, TIME_NONE, NOW_US + day_us);
    assert_int_equal(post("C", "a", NOW_US + day_us).verdict, VERDICT_ENDED);
    assert_int_equal(post("D", "a", NOW_US + day_us).verdict, VERDICT_ISSUED);
    assert_int_equal(post("C", "b", NOW_US + 10).verdict, VERDICT_ISSUED);
    assert_int_equal(post("D", "b", NOW_US + 10).verdict, VERDICT_NOT_STARTED);
    start_again();
    assert_int_equal(post("C", "c", NOW_US + 20).verdict, VERDICT_ISSUED);
    assert_int_equal(post("D", "c", NOW_US + 20).verdict, VERDICT_NOT_STARTED);
    assert_int_equal(post("D", "d", NOW_US + 70).issue.issued_at_us, NOW_US + day_us);
}

static void turn_ends_with_a_frame_of_coupon_requests(void **state)
{
    (void)state;
    take_post("C", "a");
    assert_true(turn_takes_more(turn));
    take_create("C", 1);
    assert_false(turn_takes_more(turn));
    turn_decide(turn, NOW_US, BOOT_US);
    assert_int_equal(issue_reply_of(0).verdict, VERDICT_COUPON_NOT_FOUND);
    turn_end(turn);
    assert_true(turn_takes_more(turn));
    assert_int_equal(post("C", "a", NOW_US).verdict, VERDICT_ISSUED);
}

static void turn_takes_the_frame_that_crosses_its_bound_whole(void **state)
{
    (void)state;
    static struct frame_issue_request requests[REQUESTS_MAX];
    char user[16];
    create("C", 2 * REQUESTS_MAX, NOW_US);
    take_post("C", "first");
    for (unsigned i = 0; i < REQUESTS_MAX; i++) {
        snprintf(user, sizeof user, "u%u", i);
        requests[i] = request_of("C", user, i);
    }
    take(FRAME_ISSUE_REQUESTS, requests, sizeof requests, REQUESTS_MAX);
    assert_false(turn_takes_more(turn));
    turn_decide(turn, NOW_US, BOOT_US);
    const struct frame_issue_reply *replies = reply_of(1, FRAME_ISSUE_REPLIES, REQUESTS_MAX);
    for (unsigned i = 0; i < REQUESTS_MAX; i++) {
        struct frame_issue_reply reply;
        memcpy(&reply, &replies[i], sizeof reply);
        assert_int_equal(reply.tag, i);
        assert_int_equal(reply.issue.sequence, i + 2);
    }
}

static void turn_answers_a_ping(void **state)
{
    (void)state;
    take(FRAME_PING, NULL, 0, 0);
    turn_decide(turn, NOW_US, BOOT_US);
    struct frame_pong pong;
    memcpy(&pong, reply_of(0, FRAME_PONG, 1), sizeof pong);
    assert_int_equal(pong.journal_seq, 0);
    assert_int_equal(pong.now_us, NOW_US);
    assert_int_equal(journal_written_seq(journal), 0);
    turn_end(turn);
    create("C", 9, NOW_US);
    take(FRAME_PING, NULL, 0, 0);
    take_post("C", "a");
    turn_decide(turn, NOW_US + 1, BOOT_US);
    memcpy(&pong, reply_of(0, FRAME_PONG, 1), sizeof pong);
    assert_int_equal(pong.journal_seq, 2); /* with all decisions of its turn */
}

static void take_timed(const struct frame_issue_request *request)
{
    unsigned char bytes[sizeof(struct frame_header) + sizeof *request];
    frame_header_write((struct frame_header *)bytes, FRAME_ISSUE_REQUESTS, 0, 1, 1);
    frame_header_set_clock(bytes, INCARNATION, BOOT_US);
    frame_header_set_flags(bytes, FRAME_TIMED);
    memcpy(bytes + sizeof(struct frame_header), request, sizeof *request);
    take_bytes(bytes, sizeof bytes, true);
}

static struct frame_times times_of(size_t frame)
{
    struct frame_header header;
    struct frame_times times;
    zmq_msg_t *gateway, *reply;
    turn_answer(turn, frame, &gateway, &reply);
    assert_int_equal(frame_check(zmq_msg_data(reply), zmq_msg_size(reply), &header), FRAME_OK);
    assert_int_equal(header.clock_us, BOOT_US);
    assert_true(frame_times_read(zmq_msg_data(reply), zmq_msg_size(reply), &times));
    return times;
}

static void a_frame_that_asks_for_it_is_told_when_its_turn_decided(void **state)
{
    struct frame_issue_request request = request_of("C", "a", 1);
    (void)state;
    create("C", 9, NOW_US);
    boot_reads = 0;
    take_timed(&request);
    take_post("C", "b"); /* does not ask */
    turn_decide(turn, NOW_US, BOOT_US);
    struct frame_times times = times_of(0);
    assert_int_equal(times.decided_us, BOOT_US + 1);
    assert_int_equal(times.synced_us, BOOT_US + 2);
    assert_int_equal(times.journal_seq, 3);
    assert_int_equal(issue_reply_of(1).verdict, VERDICT_ISSUED);
    turn_end(turn);
    assert_int_equal(boot_reads, 2);
    post("C", "c", NOW_US);
    assert_int_equal(boot_reads, 2); /* a turn without such a frame reads no clock */
}

static void turn_counts_and_drops_what_it_does_not_understand(void **state)
{
    (void)state;
    struct frame_issue_request request = request_of("C", "a", 1);
    struct frame_header other = {.magic = FRAME_MAGIC, .version = FRAME_VERSION, .kind = FRAME_PING, .partitions = 2};
    take_bytes("garbage", 7, true);
    assert_one_more_dropped();
    take_bytes(NULL, 0, false);
    assert_one_more_dropped();
    take_bytes(&other, sizeof other, true);
    assert_one_more_dropped();
    other.partitions = 1;
    take_bytes(&other, sizeof other, false);
    assert_one_more_dropped();
    request.user_id[0] = ' ';
    take(FRAME_ISSUE_REQUESTS, &request, sizeof request, 1);
    assert_one_more_dropped();
    take(FRAME_PONG, &(struct frame_pong){.now_us = 1}, sizeof(struct frame_pong), 1);
    assert_one_more_dropped();
    assert_int_equal(metrics_get(metrics, METRIC_ISSUER_FRAMES_DROPPED, METRIC_DROP_MISDIRECTED), 1);
}

static void turn_forgets_what_it_took_of_a_frame_that_is_malformed_at_its_end(void **state)
{
    (void)state;
    struct frame_issue_request requests[2] = {request_of("C", "a", 1), request_of("C", "b", 2)};
    create("C", 5, NOW_US);
    requests[1].op = 99;
    take(FRAME_ISSUE_REQUESTS, requests, sizeof requests, 2);
    assert_one_more_dropped();
    assert_int_equal(post("C", "c", NOW_US).issue.sequence, 1);
}

static void turn_counts_verdicts_requests_and_bytes(void **state)
{
    (void)state;
    create("C", 1, NOW_US);
    int64_t batches = metrics_get(metrics, METRIC_ISSUER_BATCH, 0);
    int64_t bytes = metrics_get(metrics, METRIC_ISSUER_JOURNAL_BYTES, 0);
    post("C", "a", NOW_US);
    post("C", "b", NOW_US);
    assert_int_equal(metrics_get(metrics, METRIC_ISSUER_VERDICTS, VERDICT_ISSUED), 1);
    assert_int_equal(metrics_get(metrics, METRIC_ISSUER_VERDICTS, VERDICT_SOLD_OUT), 1);
    assert_int_equal(metrics_get(metrics, METRIC_ISSUER_BATCH, 0), batches + 2);
    assert_true(metrics_get(metrics, METRIC_ISSUER_JOURNAL_BYTES, 0) > bytes);
    assert_int_equal(metrics_get(metrics, METRIC_ISSUER_JOURNAL_SEQ, 0), 2);
    assert_int_equal(metrics_get(metrics, METRIC_ISSUER_COUPONS, 0), 1);
}

static void turn_that_is_destroyed_forgets_what_it_took(void **state)
{
    (void)state;
    create("C", 1, NOW_US);
    take_post("C", "a");
    turn_destroy(&turn);
    make_turn();
    assert_int_equal(journal_written_seq(journal), 1);
    assert_int_equal(post("C", "b", NOW_US).issue.sequence, 1);
}

static void a_listing_counts_as_found_by_what_it_found(void **state)
{
    (void)state;
    struct frame_coupon_request list = {.tag = 4, .op = COUPON_LIST, .wait_us = 9, .coupon = {.quantity = 5}};
    create("C", 9, NOW_US);
    for (unsigned found = 1; found <= 2; found++) {
        take(FRAME_COUPON_REQUESTS, &list, sizeof list, 1);
        turn_decide(turn, NOW_US, BOOT_US);
        turn_end(turn);
        assert_int_equal(metrics_get(metrics, METRIC_ISSUER_VERDICTS, VERDICT_FOUND), 1);
        assert_int_equal(metrics_get(metrics, METRIC_ISSUER_VERDICTS, VERDICT_NONE), found - 1);
        list.filter = COUPON_FILTER_STATE;
        list.state = COUPON_ENDED;
    }
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

static enum verdict created(const char *id)
{
    take_create(id, 9);
    turn_decide(turn, NOW_US, BOOT_US);
    struct frame_coupon_reply reply;
    frame_coupon_reply_next(reply_of(0, FRAME_COUPON_REPLIES, 1), &reply);
    turn_end(turn);
    return (enum verdict)reply.verdict;
}

static enum verdict retitled(const char *id)
{
    struct frame_coupon_request request = {
        .tag = 9, .op = COUPON_CHANGE, .fields = COUPON_FIELD_TITLE, .wait_us = 1000};
    struct coupon coupon = {
        .title = "Other", .starts_at_us = TIME_NONE, .ends_at_us = TIME_NONE, .redeem_until_us = TIME_NONE};
    snprintf(coupon.id, sizeof coupon.id, "%s", id);
    frame_coupon_write(&request.coupon, &coupon);
    take(FRAME_COUPON_REQUESTS, &request, sizeof request, 1);
    turn_decide(turn, NOW_US, BOOT_US);
    struct frame_coupon_reply reply;
    frame_coupon_reply_next(reply_of(0, FRAME_COUPON_REPLIES, 1), &reply);
    turn_end(turn);
    return (enum verdict)reply.verdict;
}

static void turn_refuses_who_takes_memory_while_it_is_scarce_and_answers_all_others(void **state)
{
    (void)state;
    create("C", 2, NOW_US);
    assert_int_equal(post("C", "a", NOW_US).verdict, VERDICT_ISSUED);
    memory_scarce_now = true;
    assert_int_equal(post("C", "b", NOW_US).verdict, VERDICT_OVERLOADED);
    assert_int_equal(created("D"), VERDICT_OVERLOADED);
    assert_int_equal(post("C", "a", NOW_US).verdict, VERDICT_ALREADY_ISSUED);
    assert_int_equal(post("D", "a", NOW_US).verdict, VERDICT_COUPON_NOT_FOUND);
    assert_int_equal(retitled("C"), VERDICT_COUPON_CHANGED);
    memory_scarce_now = false;
    assert_int_equal(post("C", "b", NOW_US).issue.sequence, 2);
    assert_int_equal(created("D"), VERDICT_COUPON_CREATED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(turn_decides_all_frames_at_one_time_and_in_their_order),
        TEST(turn_has_synced_what_it_decided_before_a_reply_can_leave),
        TEST(turn_writes_nothing_for_refusals),
        TEST(turn_never_lets_the_issues_of_a_coupon_go_back_in_time),
        TEST(turn_judges_windows_by_the_time_that_it_is_given_whatever_was_decided_before),
        TEST(turn_ends_with_a_frame_of_coupon_requests),
        TEST(turn_takes_the_frame_that_crosses_its_bound_whole),
        TEST(turn_answers_a_ping),
        TEST(turn_refuses_who_takes_memory_while_it_is_scarce_and_answers_all_others),
        TEST(a_frame_that_asks_for_it_is_told_when_its_turn_decided),
        TEST(turn_counts_and_drops_what_it_does_not_understand),
        TEST(turn_forgets_what_it_took_of_a_frame_that_is_malformed_at_its_end),
        TEST(turn_counts_verdicts_requests_and_bytes),
        TEST(turn_that_is_destroyed_forgets_what_it_took),
        TEST(a_listing_counts_as_found_by_what_it_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
