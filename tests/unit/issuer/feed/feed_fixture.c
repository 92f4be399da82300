#include "tests/unit/issuer/feed/feed_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "shared/journal/dir.h"
#include "shared/telemetry/metrics.h"
#include "tests/unit/shared/journal/journal_fixture.h"

struct journal *journal_of_test;
struct feed *feed_of_test;

void feed_fixture_open(int64_t gather_us)
{
    struct feed_config config = {.rows_max = ROWS_MAX, .in_flight_max = 3, .resend_us = RESEND, .gather_us = gather_us};
    feed_of_test = feed_create(&config);
    struct error error;
    if (feed_add(feed_of_test, journal_of_test, journal_fixture_dir, &error) != 0)
        fail_msg("%s", error.text);
}

void feed_fixture_open_usual(void)
{
    feed_fixture_open(0);
}

int feed_fixture_setup(void **state)
{
    if (journal_fixture_setup(state) != 0)
        return -1;
    journal_of_test = journal_fixture_open(0);
    feed_fixture_open_usual();
    return 0;
}

int feed_fixture_teardown(void **state)
{
    feed_destroy(&feed_of_test);
    journal_close(&journal_of_test);
    return journal_fixture_teardown(state);
}

/* --- helpers --- */

/* A journal without worker threads. */
void feed_fixture_reopen_by_hand(int64_t sync_ms)
{
    feed_destroy(&feed_of_test);
    journal_close(&journal_of_test);
    journal_of_test = journal_fixture_open_by_hand(sync_ms);
    feed_fixture_open_usual();
}

void feed_fixture_append_coupon(void)
{
    struct coupon coupon = {.id = "C1", .title = "T", .quantity = 9, .per_user_limit = 1};
    coupon.starts_at_us = coupon.ends_at_us = coupon.redeem_until_us = TIME_NONE;
    assert_true(journal_reserve(journal_of_test, journal_bytes_max(0, 0, 1)));
    journal_begin(journal_of_test, 1000);
    journal_append_coupon(journal_of_test, &coupon, NULL);
    journal_commit(journal_of_test);
}

/* Sends what is due at `now_us`, like the stream; false when nothing is. */
bool feed_fixture_send_one(int64_t now_us, struct frame_events *events)
{
    feed_read_ahead(feed_of_test, now_us);
    struct feed_frame frame;
    if (!feed_due(feed_of_test, now_us, &frame))
        return false;
    struct frame_header header;
    assert_int_equal(frame_check(zmq_msg_data(frame.message), zmq_msg_size(frame.message), &header), FRAME_OK);
    assert_int_equal(header.kind, FRAME_EVENTS);
    memcpy(events, frame_records(zmq_msg_data(frame.message)), sizeof *events);
    assert_int_equal(header.count, events->last_seq - events->first_seq + 1);
    feed_sent(feed_of_test, &frame, now_us);
    return true;
}

struct frame_events feed_fixture_expect_sent(int64_t now_us, uint64_t first_seq, uint64_t last_seq)
{
    struct frame_events events = {0};
    assert_true(feed_fixture_send_one(now_us, &events));
    assert_int_equal(events.first_seq, first_seq);
    assert_int_equal(events.last_seq, last_seq);
    return events;
}

void feed_fixture_expect_nothing(int64_t now_us)
{
    struct frame_events events;
    assert_false(feed_fixture_send_one(now_us, &events));
}

void feed_fixture_answer(enum frame_kind kind, uint64_t first_seq, uint64_t last_seq)
{
    feed_fixture_answer_of(FEED_FIXTURE_STORE, kind, first_seq, last_seq, 0);
}

void feed_fixture_answer_of(uint8_t store_byte, enum frame_kind kind, uint64_t first_seq, uint64_t last_seq,
                            int64_t now_us)
{
    unsigned char frame[sizeof(struct frame_header) + sizeof(struct frame_ack)];
    struct frame_ack ack = {.first_seq = first_seq, .last_seq = last_seq};
    memcpy(ack.journal_id, journal_meta(journal_of_test)->journal_id, sizeof ack.journal_id);
    memset(ack.store_id, store_byte, sizeof ack.store_id);
    frame_header_write((struct frame_header *)frame, kind, 0, 1, 1);
    memcpy(frame + sizeof(struct frame_header), &ack, sizeof ack);
    feed_on_answer(feed_of_test, frame, sizeof frame, now_us);
}

void feed_fixture_acknowledge(uint64_t first_seq, uint64_t last_seq)
{
    feed_fixture_answer(FRAME_ACK, first_seq, last_seq);
}

void feed_fixture_tell_behind(uint64_t stored_seq)
{
    feed_fixture_answer(FRAME_BEHIND, stored_seq + 1, stored_seq);
}

uint64_t feed_fixture_acked_on_disk(void)
{
    return journal_acked_read(journal_fixture_dir, journal_meta(journal_of_test)->journal_id, NULL);
}

/* The sum of a metric over all blocks. */
int64_t feed_fixture_metric_of(const char *name)
{
    size_t length;
    char *text = metrics_render(&length), *line = text, key[128];
    int64_t sum = 0;
    snprintf(key, sizeof key, "\n%s", name);
    while ((line = strstr(line, key)) != NULL) {
        line++;
        sum += strtoll(strchr(line, ' '), NULL, 10);
    }
    free(text);
    return sum;
}

/* Writes, sends and acknowledges `batches` batches of one record each. */
void feed_fixture_persist(unsigned batches)
{
    for (unsigned i = 0; i < batches; i++) {
        uint64_t seq = journal_written_seq(journal_of_test) + 1;
        journal_fixture_append(journal_of_test, 1);
        feed_fixture_expect_sent(0, seq, seq);
        feed_fixture_acknowledge(seq, seq);
    }
}
