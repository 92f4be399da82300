#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "issuer/recovery/recovery.h"
#include "shared/options/options.h"
#include "tests/unit/issuer/turn/turn_fixture.h"
#include "tests/unit/shared/journal/journal_fixture.h"

struct journal *journal;
struct ledger *ledger;
struct details *details;
struct metrics *metrics;
struct turn *turn;
int64_t dropped;
_Atomic bool memory_scarce_now;
int64_t boot_reads;

static int64_t read_boot_us(void)
{
    return BOOT_US + ++boot_reads;
}

void make_turn(void)
{
    struct turn_config config = {.journal = journal,
                                 .ledger = ledger,
                                 .details = details,
                                 .metrics = metrics,
                                 .requests_max = REQUESTS_MAX,
                                 .incarnation = INCARNATION,
                                 .boot_us = read_boot_us,
                                 .memory_scarce = &memory_scarce_now};
    turn = turn_create(&config);
}

int setup(void **state)
{
    if (journal_fixture_setup(state) != 0)
        return -1;
    journal = journal_fixture_open(0);
    ledger = ledger_create(journal_meta(journal)->fingerprint_key);
    details = details_create();
    metrics = metrics_create("issuer", 0);
    dropped = 0;
    memory_scarce_now = false;
    make_turn();
    return 0;
}

int teardown(void **state)
{
    turn_destroy(&turn);
    ledger_destroy(&ledger);
    details_destroy(&details);
    journal_close(&journal);
    return journal_fixture_teardown(state);
}

void start_again(void)
{
    start_again_with_segments_of(2u << 20);
}

void start_again_with_segments_of(size_t segment_bytes)
{
    turn_destroy(&turn);
    ledger_destroy(&ledger);
    details_destroy(&details);
    journal_close(&journal);
    struct journal_config config = {
        .dir = journal_fixture_dir, .partitions = 1, .segment_bytes = segment_bytes, .sync_interval_ms = SYNC_ALWAYS};
    struct error error;
    assert_int_equal(journal_open(&config, &journal, &error), 0);
    details = details_create();
    struct recovery_result recovered;
    assert_int_equal(recovery_run(journal, &ledger, details, &recovered, NULL, &error), 0);
    make_turn();
}

/* --- helpers --- */

void take_bytes(const void *bytes, size_t size, bool two_parts)
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

void take_of(uint64_t incarnation, int64_t clock_us, enum frame_kind kind, const void *records, size_t size,
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

void take(enum frame_kind kind, const void *records, size_t size, uint32_t count)
{
    take_of(INCARNATION, BOOT_US, kind, records, size, count);
}

struct frame_issue_request request_of(const char *coupon, const char *user, uint64_t tag)
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

void take_post(const char *coupon, const char *user)
{
    struct frame_issue_request request = request_of(coupon, user, 7);
    take(FRAME_ISSUE_REQUESTS, &request, sizeof request, 1);
}

void take_create(const char *id, uint32_t quantity)
{
    struct frame_coupon_request request = {.tag = 9, .op = COUPON_CREATE, .wait_us = 1000};
    struct coupon coupon = {.title = "Title",
                            .quantity = quantity,
                            .per_user_limit = 1,
                            .starts_at_us = TIME_NONE,
                            .ends_at_us = TIME_NONE,
                            .redeem_until_us = TIME_NONE};
    snprintf(coupon.id, sizeof coupon.id, "%s", id);
    frame_coupon_write(&request.coupon, &coupon);
    take(FRAME_COUPON_REQUESTS, &request, sizeof request, 1);
}

/* The records of the reply to a frame of the turn. */
const void *reply_of(size_t frame, enum frame_kind kind, uint32_t count)
{
    zmq_msg_t *gateway, *reply;
    turn_answer(turn, frame, &gateway, &reply);
    assert_int_equal(zmq_msg_size(gateway), 5);
    assert_memory_equal(zmq_msg_data(gateway), "gate1", 5);
    struct frame_header header;
    assert_int_equal(frame_check(zmq_msg_data(reply), zmq_msg_size(reply), &header), FRAME_OK);
    assert_int_equal(header.kind, kind);
    assert_int_equal(header.count, count);
    return frame_records(zmq_msg_data(reply));
}

struct frame_issue_reply issue_reply_of(size_t frame)
{
    struct frame_issue_reply reply;
    memcpy(&reply, reply_of(frame, FRAME_ISSUE_REPLIES, 1), sizeof reply);
    return reply;
}

void create(const char *id, uint32_t quantity, int64_t now_us)
{
    take_create(id, quantity);
    turn_decide(turn, now_us, BOOT_US);
    struct frame_coupon_reply reply;
    frame_coupon_reply_next(reply_of(0, FRAME_COUPON_REPLIES, 1), &reply);
    assert_int_equal(reply.verdict, VERDICT_COUPON_CREATED);
    turn_end(turn);
}

struct frame_issue_reply post(const char *coupon, const char *user, int64_t now_us)
{
    take_post(coupon, user);
    turn_decide(turn, now_us, BOOT_US);
    struct frame_issue_reply reply = issue_reply_of(0);
    turn_end(turn);
    return reply;
}

void assert_one_more_dropped(void)
{
    assert_int_equal(metrics_get(metrics, METRIC_ISSUER_FRAMES_DROPPED, METRIC_DROP_MALFORMED) +
                         metrics_get(metrics, METRIC_ISSUER_FRAMES_DROPPED, METRIC_DROP_MISDIRECTED),
                     ++dropped);
    assert_int_equal(turn_frames(turn), 0);
}
