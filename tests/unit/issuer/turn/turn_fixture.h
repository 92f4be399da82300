/*
 * Shared by tests of a turn: a turn on its own journal, and the frames to step it with.
 */
#ifndef COUPOND_TURN_FIXTURE_H
#define COUPOND_TURN_FIXTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "issuer/turn/turn.h"
#include "shared/wire/frame.h"

#define REQUESTS_MAX 100
#define NOW_US       INT64_C(1763691900000000)
#define INCARNATION  UINT64_C(77)
#define BOOT_US      INT64_C(5000000)

extern struct journal *journal;
extern struct ledger *ledger;
extern struct details *details;
extern struct metrics *metrics;
extern struct turn *turn;
extern _Atomic bool memory_scarce_now;
extern int64_t boot_reads; /* how often the turn has read the clock itself; each reading is BOOT_US plus this */

void make_turn(void);
int setup(void **state);
int teardown(void **state);
/* Replays the journal into a new ledger, new details and a new turn. */
void start_again(void);
void start_again_with_segments_of(size_t segment_bytes);
void take_bytes(const void *bytes, size_t size, bool two_parts);
void take_of(uint64_t incarnation, int64_t clock_us, enum frame_kind kind, const void *records, size_t size,
             uint32_t count);
void take(enum frame_kind kind, const void *records, size_t size, uint32_t count);
struct frame_issue_request request_of(const char *coupon, const char *user, uint64_t tag);
void take_post(const char *coupon, const char *user);
void take_create(const char *id, uint32_t quantity);
/* The records of the reply to a frame of the turn. */
const void *reply_of(size_t frame, enum frame_kind kind, uint32_t count);
struct frame_issue_reply issue_reply_of(size_t frame);
void create(const char *id, uint32_t quantity, int64_t now_us);
struct frame_issue_reply post(const char *coupon, const char *user, int64_t now_us);
void assert_one_more_dropped(void);

#endif
