/* The issuer's actors over inproc: a gateway's frames in, verdicts out; the journal's stream out, acknowledgements in.
 */
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <czmq.h>

#include "issuer/issuer.h"
#include "shared/endpoint.h"
#include "shared/journal/format.h"
#include "shared/telemetry/metrics.h"
#include "shared/wire/frame.h"

/* --- fixture --- */

static char dir[64];
static unsigned run; /* makes the endpoints of each start unique */
static struct options options;
static struct issuer *issuer;
static zsock_t *gateway, *events, *acks;
static struct frame_header heard; /* the issuer's last one */

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *ftw)
{
    (void)status, (void)type, (void)ftw;
    return remove(path);
}

static void greet(void);

static void start(void)
{
    char endpoint[300];
    run++;
    snprintf(options.issuer_requests, sizeof options.issuer_requests, "inproc://requests%u", run);
    snprintf(options.issuer_events, sizeof options.issuer_events, "inproc://events%u", run);
    snprintf(options.issuer_acks, sizeof options.issuer_acks, "inproc://acks%u", run);
    struct error error;
    if (issuer_start(&options, &issuer, &error) != 0)
        fail_msg("%s", error.text);
    assert_true(endpoint_of_partition(options.issuer_requests, 0, endpoint, sizeof endpoint));
    gateway = zsock_new_dealer(endpoint);
    events = zsock_new(ZMQ_PULL);
    zsock_set_rcvhwm(events, 1);
    assert_int_equal(zsock_connect(events, "%s", options.issuer_events), 0);
    acks = zsock_new_push(options.issuer_acks);
    zsock_set_rcvtimeo(gateway, 10000);
    zsock_set_rcvtimeo(events, 10000);
    greet();
}

static void stop(void)
{
    zsock_destroy(&gateway);
    zsock_destroy(&events);
    zsock_destroy(&acks);
    issuer_stop(&issuer);
}

static int make_issuer(void **state)
{
    (void)state;
    strcpy(dir, "/tmp/coupond-issuer-XXXXXX");
    if (mkdtemp(dir) == NULL)
        return -1;
    options_init(&options);
    snprintf(options.issuer_journal_dir, sizeof options.issuer_journal_dir, "%s/journal", dir);
    options.issuer_http[0] = '\0';
    options.issuer_segment_mb = 2;
    options.issuer_check_store = 0;
    options.issuer_resend_ms = 20;
    start();
    return 0;
}

static int drop_issuer(void **state)
{
    (void)state;
    stop();
    return nftw(dir, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

/* --- helpers --- */

static void send_frame(enum frame_kind kind, const void *records, size_t size, uint32_t count)
{
    unsigned char *frame = malloc(sizeof(struct frame_header) + size);
    frame_header_write((struct frame_header *)frame, kind, 0, 1, count);
    frame_header_set_clock(frame, heard.incarnation, heard.clock_us);
    if (size > 0)
        memcpy(frame + sizeof(struct frame_header), records, size);
    zmq_send(zsock_resolve(gateway), frame, sizeof(struct frame_header) + size, 0);
    free(frame);
}

/* Receives one frame of `kind`; returns its number of records. */
static uint32_t receive_frame(enum frame_kind kind, void *records, size_t size)
{
    static unsigned char frame[1 << 20];
    int length = zmq_recv(zsock_resolve(gateway), frame, sizeof frame, 0);
    assert_true(length >= 0);
    assert_int_equal(frame_check(frame, (size_t)length, &heard), FRAME_OK);
    assert_int_equal(heard.kind, kind);
    assert_true((size_t)length - sizeof heard <= size);
    if (size > 0)
        memcpy(records, frame_records(frame), (size_t)length - sizeof heard);
    return heard.count;
}

/* Receives at most `room` coupon replies; returns their number. */
static uint32_t receive_coupons(struct frame_coupon_reply *replies, uint32_t room)
{
    static unsigned char records[1 << 20];
    uint32_t count = receive_frame(FRAME_COUPON_REPLIES, records, sizeof records);
    const unsigned char *record = records;
    assert_true(count <= room);
    for (uint32_t i = 0; i < count; i++)
        record += frame_coupon_reply_next(record, &replies[i]);
    return count;
}

/* Learns the issuer's clock. */
static void greet(void)
{
    heard = (struct frame_header){.incarnation = 0};
    struct frame_pong pong;
    send_frame(FRAME_PING, NULL, 0, 0);
    assert_int_equal(receive_frame(FRAME_PONG, &pong, sizeof pong), 1);
}

static struct frame_issue_request request_of(enum issue_op op, const char *coupon, const char *user, uint64_t tag)
{
    struct frame_issue_request request = {.tag = tag,
                                          .op = (uint8_t)op,
                                          .wait_us = UINT32_MAX,
                                          .coupon_id_length = (uint8_t)strlen(coupon),
                                          .user_id_length = (uint8_t)strlen(user)};
    memcpy(request.coupon_id, coupon, strlen(coupon));
    memcpy(request.user_id, user, strlen(user));
    return request;
}

static struct frame_issue_reply post(const char *coupon, const char *user)
{
    struct frame_issue_request request = request_of(ISSUE_POST, coupon, user, 77);
    send_frame(FRAME_ISSUE_REQUESTS, &request, sizeof request, 1);
    struct frame_issue_reply reply;
    assert_int_equal(receive_frame(FRAME_ISSUE_REPLIES, &reply, sizeof reply), 1);
    assert_int_equal(reply.tag, 77);
    return reply;
}

static enum verdict ask_coupon(enum coupon_op op, const char *id, uint32_t quantity, struct coupon *result)
{
    struct frame_coupon_request request = {
        .tag = 5, .op = (uint8_t)op, .fields = COUPON_FIELD_QUANTITY, .wait_us = UINT32_MAX};
    struct coupon coupon = {.quantity = quantity,
                            .per_user_limit = 1,
                            .starts_at_us = TIME_NONE,
                            .ends_at_us = TIME_NONE,
                            .redeem_until_us = TIME_NONE};
    strcpy(coupon.id, id);
    strcpy(coupon.title, "Title");
    frame_coupon_write(&request.coupon, &coupon);
    send_frame(FRAME_COUPON_REQUESTS, &request, sizeof request, 1);
    struct frame_coupon_reply reply;
    assert_int_equal(receive_coupons(&reply, 1), 1);
    assert_int_equal(reply.tag, 5);
    if (result != NULL)
        assert_true(frame_coupon_read(&reply.coupon, result));
    return (enum verdict)reply.verdict;
}

static void create(const char *id, uint32_t quantity)
{
    assert_int_equal(ask_coupon(COUPON_CREATE, id, quantity, NULL), VERDICT_COUPON_CREATED);
}

struct batch {
    struct frame_header header;
    struct frame_events events;
    unsigned char bytes[1 << 16];
};

static void receive_batch(struct batch *batch)
{
    static unsigned char frame[1 << 20];
    int length = zmq_recv(zsock_resolve(events), frame, sizeof frame, 0);
    assert_true(length > 0);
    assert_int_equal(frame_check(frame, (size_t)length, &batch->header), FRAME_OK);
    assert_int_equal(batch->header.kind, FRAME_EVENTS);
    memcpy(&batch->events, frame_records(frame), sizeof batch->events);
    size_t fixed = sizeof batch->header + sizeof batch->events;
    assert_true((size_t)length - fixed <= sizeof batch->bytes);
    memcpy(batch->bytes, frame + fixed, (size_t)length - fixed);
    assert_int_equal(batch->header.count, batch->events.last_seq - batch->events.first_seq + 1);
}

static void acknowledge(const struct batch *batch)
{
    unsigned char frame[sizeof(struct frame_header) + sizeof(struct frame_ack)];
    struct frame_ack ack = {.first_seq = batch->events.first_seq, .last_seq = batch->events.last_seq};
    memcpy(ack.journal_id, batch->events.journal_id, sizeof ack.journal_id);
    memset(ack.store_id, 0x51, sizeof ack.store_id);
    frame_header_write((struct frame_header *)frame, FRAME_ACK, 0, 1, 1);
    memcpy(frame + sizeof(struct frame_header), &ack, sizeof ack);
    zmq_send(zsock_resolve(acks), frame, sizeof frame, 0);
}

/* Takes and acknowledges everything up to record `seq`, in order, except for repetitions. */
static void persist_until(uint64_t seq)
{
    static struct batch batch;
    uint64_t persisted = 0;
    while (persisted < seq) {
        receive_batch(&batch);
        if (persisted > 0)
            assert_true(batch.events.first_seq <= persisted + 1);
        persisted = batch.events.last_seq > persisted ? batch.events.last_seq : persisted;
        acknowledge(&batch);
    }
}

static int64_t dropped_frames(void)
{
    size_t length;
    char *text = metrics_render(&length);
    char *line = text;
    int64_t sum = 0;
    while ((line = strstr(line, "\ncoupond_issuer_frames_dropped_total")) != NULL) {
        line++;
        sum += strtoll(strchr(line, ' '), NULL, 10);
    }
    free(text);
    return sum;
}

/* --- tests --- */

static void issuer_issues_in_sequence_and_refuses_the_rest(void **state)
{
    (void)state;
    create("C", 2);
    struct frame_issue_reply first = post("C", "a"), again = post("C", "a");
    assert_int_equal(first.verdict, VERDICT_ISSUED);
    assert_int_equal(first.issue.sequence, 1);
    assert_int_equal(again.verdict, VERDICT_ALREADY_ISSUED);
    assert_int_equal(again.issue.sequence, 1);
    assert_int_equal(again.issue.issued_at_us, first.issue.issued_at_us);
    assert_int_equal(post("C", "b").issue.sequence, 2);
    assert_int_equal(post("C", "c").verdict, VERDICT_SOLD_OUT);
    assert_int_equal(post("D", "a").verdict, VERDICT_COUPON_NOT_FOUND);
}

static void issuer_answers_a_frame_record_by_record_in_order(void **state)
{
    (void)state;
    create("C", 1000);
    static struct frame_issue_request requests[1500];
    static struct frame_issue_reply replies[1500];
    char user[16];
    for (unsigned i = 0; i < 1500; i++) {
        snprintf(user, sizeof user, "u%u", i);
        requests[i] = request_of(ISSUE_POST, "C", user, i);
    }
    send_frame(FRAME_ISSUE_REQUESTS, requests, sizeof requests, 1500);
    assert_int_equal(receive_frame(FRAME_ISSUE_REPLIES, replies, sizeof replies), 1500);
    for (unsigned i = 0; i < 1500; i++) {
        assert_int_equal(replies[i].tag, i);
        assert_int_equal(replies[i].verdict, i < 1000 ? VERDICT_ISSUED : VERDICT_SOLD_OUT);
        assert_int_equal(replies[i].issue.sequence, i < 1000 ? i + 1 : 0);
    }
}

static void issuer_remembers_everything_after_a_restart(void **state)
{
    (void)state;
    create("C", 2);
    struct frame_issue_reply issued = post("C", "a");
    struct frame_header before = heard;
    stop();
    start();
    assert_true(heard.incarnation != before.incarnation);
    heard.incarnation = before.incarnation;
    assert_int_equal(post("C", "b").verdict, VERDICT_LATE); /* addressed to the previous incarnation */
    struct frame_issue_reply again = post("C", "a");
    assert_int_equal(again.verdict, VERDICT_ALREADY_ISSUED);
    assert_int_equal(again.issue.sequence, 1);
    assert_int_equal(again.issue.issued_at_us, issued.issue.issued_at_us);
    assert_int_equal(post("C", "b").issue.sequence, 2);
    assert_int_equal(post("C", "c").verdict, VERDICT_SOLD_OUT);
    struct coupon coupon;
    assert_int_equal(ask_coupon(COUPON_GET, "C", 1, &coupon), VERDICT_FOUND);
    assert_int_equal(coupon.issued, 2);
    assert_string_equal(coupon.title, "Title");
}

static void issuer_changes_a_coupon(void **state)
{
    (void)state;
    create("C", 2);
    struct coupon coupon;
    assert_int_equal(ask_coupon(COUPON_CREATE, "C", 5, &coupon), VERDICT_COUPON_EXISTS);
    assert_int_equal(ask_coupon(COUPON_CHANGE, "C", 5, &coupon), VERDICT_COUPON_CHANGED);
    assert_int_equal(coupon.quantity, 5);
    assert_int_equal(coupon.journal_seq, 2);
    assert_int_equal(ask_coupon(COUPON_CHANGE, "D", 5, NULL), VERDICT_COUPON_NOT_FOUND);
    assert_int_equal(ask_coupon(COUPON_GET, "D", 5, NULL), VERDICT_COUPON_NOT_FOUND);
}

static void issuer_lists_coupons_by_id(void **state)
{
    (void)state;
    static struct frame_coupon_reply replies[10];
    create("B", 1);
    create("A", 1);
    create("C", 1);
    struct frame_coupon_request request = {.tag = 1, .op = COUPON_LIST, .wait_us = UINT32_MAX};
    request.coupon.quantity = 2;
    send_frame(FRAME_COUPON_REQUESTS, &request, sizeof request, 1);
    assert_int_equal(receive_coupons(replies, 10), 2);
    assert_memory_equal(replies[0].coupon.id, "A", 2);
    assert_int_equal(replies[0].remaining, 1);
    assert_memory_equal(replies[1].coupon.id, "B", 2);
    assert_int_equal(replies[1].remaining, 0);
    request.coupon.id[0] = 'C';
    request.coupon.id_length = 1;
    send_frame(FRAME_COUPON_REQUESTS, &request, sizeof request, 1);
    assert_int_equal(receive_coupons(replies, 10), 1);
    assert_int_equal(replies[0].verdict, VERDICT_NONE);
}

static void issuer_answers_a_ping(void **state)
{
    (void)state;
    struct frame_pong pong;
    send_frame(FRAME_PING, NULL, 0, 0);
    assert_int_equal(receive_frame(FRAME_PONG, &pong, sizeof pong), 1);
}

static void issuer_counts_and_drops_garbage(void **state)
{
    (void)state;
    void *socket = zsock_resolve(gateway);
    int64_t before = dropped_frames();
    struct frame_issue_request bad_user = request_of(ISSUE_POST, "C", "a b", 1);
    struct frame_issue_request bad_op = request_of(9, "C", "a", 1);
    struct frame_issue_request long_id = request_of(ISSUE_POST, "C", "a", 1);
    long_id.coupon_id_length = 255;
    struct frame_header foreign = {.magic = FRAME_MAGIC, .version = FRAME_VERSION, .kind = FRAME_PING, .partitions = 8};
    struct frame_pong pong = {.now_us = 1};
    zmq_send(socket, "garbage", 7, 0);
    zmq_send(socket, "", 0, 0);
    zmq_send(socket, &foreign, sizeof foreign, 0);
    zmq_send(socket, "two", 3, ZMQ_SNDMORE);
    zmq_send(socket, "parts", 5, 0);
    send_frame(FRAME_ISSUE_REQUESTS, &bad_user, sizeof bad_user, 1);
    send_frame(FRAME_ISSUE_REQUESTS, &bad_op, sizeof bad_op, 1);
    send_frame(FRAME_ISSUE_REQUESTS, &long_id, sizeof long_id, 1);
    send_frame(FRAME_ISSUE_REQUESTS, &bad_user, sizeof bad_user - 1, 1);
    send_frame(FRAME_ISSUE_REQUESTS, &bad_user, sizeof bad_user, 70000);
    send_frame(FRAME_PONG, &pong, sizeof pong, 1);
    create("C", 1);
    assert_int_equal(post("C", "a").verdict, VERDICT_ISSUED);
    assert_int_equal(dropped_frames() - before, 10);
}

static void stream_carries_every_record_in_order(void **state)
{
    (void)state;
    static struct batch batch;
    create("C", 100);
    receive_batch(&batch);
    assert_int_equal(batch.events.first_seq, 1);
    assert_int_equal(batch.events.last_seq, 1);
    struct journal_batch_reader reader;
    struct journal_record record;
    journal_batch_reader_init(&reader, batch.bytes);
    assert_true(journal_batch_reader_next(&reader, &record));
    assert_int_equal(record.type, JOURNAL_COUPON);
    acknowledge(&batch);
    for (unsigned i = 0; i < 50; i++) {
        char user[16];
        snprintf(user, sizeof user, "u%u", i);
        post("C", user);
    }
    persist_until(51);
}

static void stream_holds_everything_back_until_a_coupon_is_persisted(void **state)
{
    (void)state;
    static struct batch batch;
    create("C", 100);
    for (unsigned i = 0; i < 3; i++) { /* the same batch again and again */
        receive_batch(&batch);
        assert_int_equal(batch.events.first_seq, 1);
        assert_int_equal(batch.events.last_seq, 1);
        if (i == 0)
            post("C", "a");
    }
    acknowledge(&batch);
    do
        receive_batch(&batch);
    while (batch.events.first_seq == 1);
    assert_int_equal(batch.events.first_seq, 2);
    assert_int_equal(batch.events.acked_seq, 1);
}

static void stream_goes_on_after_a_restart_where_the_store_is(void **state)
{
    (void)state;
    static struct batch batch;
    create("C", 100);
    post("C", "a");
    persist_until(2);
    stop();
    start();
    post("C", "b");
    receive_batch(&batch);
    assert_int_equal(batch.events.first_seq, 3);
    assert_int_equal(batch.events.acked_seq, 2);
    acknowledge(&batch);
}

static void stream_counts_and_drops_garbage(void **state)
{
    (void)state;
    static struct batch batch, foreign;
    int64_t before = dropped_frames();
    create("C", 100);
    receive_batch(&batch);
    zmq_send(zsock_resolve(acks), "garbage", 7, 0);
    foreign = batch;
    foreign.events.journal_id[0] ^= 1;
    acknowledge(&foreign);
    acknowledge(&batch);
    post("C", "a");
    persist_until(2);
    assert_int_equal(dropped_frames() - before, 2);
}

static void issuer_refuses_a_journal_that_is_in_use(void **state)
{
    (void)state;
    struct options other = options;
    struct issuer *second;
    struct error error;
    strcpy(other.issuer_requests, "inproc://other-requests");
    strcpy(other.issuer_events, "inproc://other-events");
    strcpy(other.issuer_acks, "inproc://other-acks");
    assert_int_equal(issuer_start(&other, &second, &error), -1);
    assert_non_null(strstr(error.text, "in use"));
}

static void issuer_refuses_an_endpoint_that_is_taken(void **state)
{
    (void)state;
    struct options other = options;
    struct issuer *second;
    struct error error;
    snprintf(other.issuer_journal_dir, sizeof other.issuer_journal_dir, "%s/other", dir);
    assert_int_equal(issuer_start(&other, &second, &error), -1);
    assert_non_null(strstr(error.text, "cannot listen on"));
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, make_issuer, drop_issuer)

int main(void)
{
    zsys_init();
    zsys_handler_set(NULL);
    const struct CMUnitTest tests[] = {
        TEST(issuer_issues_in_sequence_and_refuses_the_rest),
        TEST(issuer_answers_a_frame_record_by_record_in_order),
        TEST(issuer_remembers_everything_after_a_restart),
        TEST(issuer_changes_a_coupon),
        TEST(issuer_lists_coupons_by_id),
        TEST(issuer_answers_a_ping),
        TEST(issuer_counts_and_drops_garbage),
        TEST(stream_carries_every_record_in_order),
        TEST(stream_holds_everything_back_until_a_coupon_is_persisted),
        TEST(stream_goes_on_after_a_restart_where_the_store_is),
        TEST(stream_counts_and_drops_garbage),
        TEST(issuer_refuses_a_journal_that_is_in_use),
        TEST(issuer_refuses_an_endpoint_that_is_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
