/* A turn of a partition, stepped by hand: frames in, a journal batch and replies out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "issuer/recovery.h"
#include "issuer/turn.h"
#include "journal_fixture.h"
#include "shared/disk.h"
#include "shared/frame.h"
#include "shared/options.h"

#define REQUESTS_MAX 100
#define NOW_US       INT64_C(1763691900000000)
#define INCARNATION  UINT64_C(77)
#define BOOT_US      INT64_C(5000000)

/* --- fixture --- */

static struct journal *journal;
static struct ledger *ledger;
static struct metrics *metrics;
static struct turn *turn;
static int64_t dropped;

static void make_turn(void)
{
    struct turn_config config = {.journal = journal,
                                 .ledger = ledger,
                                 .metrics = metrics,
                                 .requests_max = REQUESTS_MAX,
                                 .incarnation = INCARNATION};
    turn = turn_create(&config);
}

static int setup(void **state)
{
    if (journal_fixture_setup(state) != 0)
        return -1;
    journal = journal_fixture_open(0);
    ledger = ledger_create(journal_meta(journal)->fingerprint_key);
    metrics = metrics_create("issuer", 0);
    dropped = 0;
    make_turn();
    return 0;
}

static int teardown(void **state)
{
    turn_destroy(&turn);
    ledger_destroy(&ledger);
    journal_close(&journal);
    return journal_fixture_teardown(state);
}

/* --- helpers --- */

static void take_bytes(const void *bytes, size_t size, bool two_parts)
{
    zmq_msg_t gateway, request;
    zmq_msg_init_size(&gateway, 5);
    memcpy(zmq_msg_data(&gateway), "gate1", 5);
    zmq_msg_init_size(&request, size);
    if (size > 0)
        memcpy(zmq_msg_data(&request), bytes, size);
    turn_take(turn, &gateway, &request, two_parts);
    assert_int_equal(zmq_msg_size(&gateway), 0);
    assert_int_equal(zmq_msg_size(&request), 0);
}

static void take_of(uint64_t incarnation, int64_t clock_us, enum frame_kind kind, const void *records, size_t size,
                    uint32_t count)
{
    unsigned char *frame = malloc(sizeof(struct frame_header) + size);
    frame_header_write((struct frame_header *)frame, kind, 0, 1, count);
    frame_header_set_clock(frame, incarnation, clock_us);
    if (size > 0)
        memcpy(frame + sizeof(struct frame_header), records, size);
    take_bytes(frame, sizeof(struct frame_header) + size, true);
    free(frame);
}

static void take(enum frame_kind kind, const void *records, size_t size, uint32_t count)
{
    take_of(INCARNATION, BOOT_US, kind, records, size, count);
}

static struct frame_issue_request request_of(const char *coupon, const char *user, uint64_t tag)
{
    struct frame_issue_request request = {.tag = tag,
                                          .op = ISSUE_POST,
                                          .wait_us = 1000,
                                          .coupon_id_length = (uint8_t)strlen(coupon),
                                          .user_id_length = (uint8_t)strlen(user)};
    memcpy(request.coupon_id, coupon, strlen(coupon));
    memcpy(request.user_id, user, strlen(user));
    return request;
}

static void take_post(const char *coupon, const char *user)
{
    struct frame_issue_request request = request_of(coupon, user, 7);
    take(FRAME_ISSUE_REQUESTS, &request, sizeof request, 1);
}

static void take_create(const char *id, uint32_t quantity)
{
    struct frame_coupon_request request = {.tag = 9, .op = COUPON_CREATE, .wait_us = 1000};
    struct coupon coupon = {.title = "Title",
                            .quantity = quantity,
                            .per_user_limit = 1,
                            .starts_at_us = TIME_NONE,
                            .ends_at_us = TIME_NONE};
    snprintf(coupon.id, sizeof coupon.id, "%s", id);
    frame_coupon_write(&request.coupon, &coupon);
    take(FRAME_COUPON_REQUESTS, &request, sizeof request, 1);
}

/* The records of the reply to a frame of the turn. */
static const void *reply_of(size_t frame, enum frame_kind kind, uint32_t count)
{
    zmq_msg_t *gateway, *reply;
    struct frame_header header;
    turn_answer(turn, frame, &gateway, &reply);
    assert_int_equal(zmq_msg_size(gateway), 5);
    assert_memory_equal(zmq_msg_data(gateway), "gate1", 5);
    assert_null(frame_check(zmq_msg_data(reply), zmq_msg_size(reply), &header));
    assert_int_equal(header.kind, kind);
    assert_int_equal(header.count, count);
    return frame_records(zmq_msg_data(reply));
}

static struct frame_issue_reply issue_reply_of(size_t frame)
{
    struct frame_issue_reply reply;
    memcpy(&reply, reply_of(frame, FRAME_ISSUE_REPLIES, 1), sizeof reply);
    return reply;
}

static void create(const char *id, uint32_t quantity, int64_t now_us)
{
    struct frame_coupon_reply reply;
    take_create(id, quantity);
    turn_decide(turn, now_us, BOOT_US);
    memcpy(&reply, reply_of(0, FRAME_COUPON_REPLIES, 1), sizeof reply);
    assert_int_equal(reply.verdict, VERDICT_COUPON_CREATED);
    turn_end(turn);
}

static struct frame_issue_reply post(const char *coupon, const char *user, int64_t now_us)
{
    take_post(coupon, user);
    turn_decide(turn, now_us, BOOT_US);
    struct frame_issue_reply reply = issue_reply_of(0);
    turn_end(turn);
    return reply;
}

static void assert_one_more_dropped(void)
{
    assert_int_equal(metrics_get(metrics, METRIC_ISSUER_FRAMES_DROPPED, METRIC_DROP_MALFORMED) +
                         metrics_get(metrics, METRIC_ISSUER_FRAMES_DROPPED, METRIC_DROP_MISDIRECTED),
                     ++dropped);
    assert_int_equal(turn_frames(turn), 0);
}

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
        assert_int_equal(reply.sequence, expected[i].sequence);
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
    struct coupon coupon = {
        .title = "Title", .quantity = 9, .per_user_limit = 1, .starts_at_us = starts_at_us, .ends_at_us = ends_at_us};
    snprintf(coupon.id, sizeof coupon.id, "%s", id);
    frame_coupon_write(&request.coupon, &coupon);
    take(FRAME_COUPON_REQUESTS, &request, sizeof request, 1);
    turn_decide(turn, now_us, BOOT_US);
    struct frame_coupon_reply reply;
    memcpy(&reply, reply_of(0, FRAME_COUPON_REPLIES, 1), sizeof reply);
    assert_int_equal(reply.verdict, VERDICT_COUPON_CHANGED);
    turn_end(turn);
}

/* Replays what is journalled into a new ledger and a new turn. */
static void start_again(void)
{
    struct recovery_result recovered;
    struct error error;
    turn_destroy(&turn);
    ledger_destroy(&ledger);
    journal_close(&journal);
    struct journal_config config = {
        .dir = journal_fixture_dir, .partitions = 1, .segment_bytes = 2u << 20, .sync_interval_ms = SYNC_ALWAYS};
    assert_int_equal(journal_open(&journal, &config, &error), 0);
    assert_int_equal(recovery_run(journal, &ledger, &recovered, &error), 0);
    make_turn();
}

static void turn_never_lets_the_issues_of_a_coupon_go_back_in_time(void **state)
{
    (void)state;
    create("C", 3, NOW_US);
    create("D", 3, NOW_US);
    assert_int_equal(post("C", "a", NOW_US + 10).issued_at_us, NOW_US + 10);
    assert_int_equal(post("C", "b", NOW_US - 1000000).issued_at_us, NOW_US + 10);
    assert_int_equal(post("D", "b", NOW_US - 1000000).issued_at_us, NOW_US - 1000000);
    start_again();
    assert_int_equal(post("C", "b", NOW_US - 1000000).issued_at_us, NOW_US + 10);
    assert_int_equal(post("D", "b", NOW_US - 1000000).issued_at_us, NOW_US - 1000000);
    assert_int_equal(post("C", "c", NOW_US - 1000000).issued_at_us, NOW_US + 10);
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
    assert_int_equal(post("D", "d", NOW_US + 70).issued_at_us, NOW_US + day_us);
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
        assert_int_equal(reply.sequence, i + 2);
    }
}

static void turn_answers_a_ping(void **state)
{
    (void)state;
    take(FRAME_PING, NULL, 0, 0);
    turn_decide(turn, NOW_US, BOOT_US);
    reply_of(0, FRAME_PONG, 0);
    assert_int_equal(journal_written_seq(journal), 0);
}

/* Decides what was taken when the clock of deadlines shows `boot_us`; the verdict of the first frame's only request. */
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
    take_post("C", "a"); /* no holder is told so, either */
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
    assert_int_equal(replies[2].sequence, 2);
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
        memcpy(&reply, replies + i * sizeof reply, sizeof reply);
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
    assert_null(frame_check(zmq_msg_data(reply), zmq_msg_size(reply), &header));
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
    take(FRAME_PONG, NULL, 0, 0);
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
    assert_int_equal(post("C", "c", NOW_US).sequence, 1);
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
    assert_int_equal(post("C", "b", NOW_US).sequence, 1);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

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
        TEST(turn_decides_nothing_after_its_deadline),
        TEST(turn_judges_each_request_of_a_frame_by_its_own_deadline),
        TEST(turn_decides_nothing_that_another_incarnation_was_asked_for),
        TEST(turn_makes_and_changes_no_coupon_after_the_deadline),
        TEST(turn_tells_its_incarnation_and_its_clock),
        TEST(turn_hears_from_gateways_that_its_clock_has_stood_still),
        TEST(turn_counts_and_drops_what_it_does_not_understand),
        TEST(turn_forgets_what_it_took_of_a_frame_that_is_malformed_at_its_end),
        TEST(turn_counts_verdicts_requests_and_bytes),
        TEST(turn_that_is_destroyed_forgets_what_it_took),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
