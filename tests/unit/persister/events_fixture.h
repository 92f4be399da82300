/* For tests: builds FRAME_EVENTS as an issuer would, byte by byte. */
#ifndef COUPOND_TEST_EVENTS_FIXTURE_H
#define COUPOND_TEST_EVENTS_FIXTURE_H

#include "shared/journal/format.h"
#include "shared/wire/frame.h"

#define EVENTS_BYTES_MAX (1u << 20)
#define EVENTS_TIME_US   INT64_C(1763691900000000)

struct events {
    _Alignas(8) unsigned char bytes[EVENTS_BYTES_MAX];
    size_t size;
    size_t batch_at; /* where the open journal batch begins */
    uint64_t next_seq;
};

/* Starts a frame with journal id all 0x5a, whose first record is `first_seq`. */
void events_begin(struct events *events, uint16_t partition, uint16_t partitions, uint64_t first_seq);
void events_open_batch(struct events *events, int64_t time_us);
void events_add_issue(struct events *events, const char *coupon_id, uint32_t sequence, const char *user_id);
void events_add_coupon(struct events *events, const char *coupon_id);
/* An issue redeemed with the reference "order-1". */
void events_add_redemption(struct events *events, const char *coupon_id, uint32_t sequence, const char *user_id);
/* The journal's fingerprint key: 0x11. */
void events_add_key(struct events *events);
/* Under that key. */
void events_add_erasure(struct events *events, const char *user_id);
/* All issues of the coupon are being revoked: a record without a row. */
void events_add_sweep(struct events *events, const char *coupon_id);
/* Writes the batch's header and checksum. */
void events_close_batch(struct events *events);
/* Writes count and last sequence. */
void events_end(struct events *events);

/* The coupon "c" and its issues 1 to `issues`, to u1, u2, …, in two journal batches: records 1 to issues + 1. */
void events_coupon_with_issues(struct events *events, uint16_t partition, uint16_t partitions, uint32_t issues);

struct frame_header *events_header(struct events *events);
struct frame_events *events_fixed(struct events *events);
/* The header of the last batch. */
struct journal_batch_header *events_batch(struct events *events);
/* Recomputes the checksum of the last batch. */
void events_seal(struct events *events);

#endif
