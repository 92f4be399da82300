/*
 * A feed on a journal in its own folder, and the steps that tests make with both.
 */
#ifndef COUPOND_TEST_FEED_FIXTURE_H
#define COUPOND_TEST_FEED_FIXTURE_H

#include <stdbool.h>
#include <stdint.h>

#include "issuer/feed/feed.h"
#include "shared/wire/frame.h"

#define ROWS_MAX 10   /* in a frame */
#define RESEND   1000 /* microseconds */

extern struct journal *journal_of_test;
extern struct feed *feed_of_test;

void feed_fixture_open(int64_t gather_us);
void feed_fixture_open_usual(void);
int feed_fixture_setup(void **state);
int feed_fixture_teardown(void **state);
/* A journal without worker threads. */
void feed_fixture_reopen_by_hand(int64_t sync_ms);
void feed_fixture_append_coupon(void);
/* Sends what is due at `now_us`, like the stream; false when nothing is. */
bool feed_fixture_send_one(int64_t now_us, struct frame_events *events);
struct frame_events feed_fixture_expect_sent(int64_t now_us, uint64_t first_seq, uint64_t last_seq);
void feed_fixture_expect_nothing(int64_t now_us);
void feed_fixture_answer(enum frame_kind kind, uint64_t first_seq, uint64_t last_seq);
/* The same for a store whose id repeats this byte. */
#define FEED_FIXTURE_STORE 0x51
void feed_fixture_answer_of(uint8_t store_byte, enum frame_kind kind, uint64_t first_seq, uint64_t last_seq,
                            int64_t now_us);
void feed_fixture_acknowledge(uint64_t first_seq, uint64_t last_seq);
void feed_fixture_tell_behind(uint64_t stored_seq);
uint64_t feed_fixture_acked_on_disk(void);
/* The sum of a metric over all blocks. */
int64_t feed_fixture_metric_of(const char *name);
/* Writes, sends and acknowledges `batches` batches of one record each. */
void feed_fixture_persist(unsigned batches);

#endif
