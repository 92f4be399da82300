/*
 * Fetches: one question for all who want the same coupon at the same time. A fixed number of places; a coupon has one,
 * which it may find taken. Who waits is known by the tags of exchanges, so that one that has ended finds nobody. Pure;
 * used by one thread.
 */
#ifndef COUPOND_POLICY_FETCH_H
#define COUPOND_POLICY_FETCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/http/span.h"
#include "shared/limits.h"

#define POLICY_FETCHES 256

enum policy_fetch_stage { FETCH_IDLE, FETCH_REDIS, FETCH_ISSUER }; /* whom it waits for */

struct policy_fetch {
    enum policy_fetch_stage stage;
    uint32_t generation; /* of its tag */
    uint16_t partition;
    uint8_t id_length;
    char id[COUPON_ID_MAX];
    int64_t asked_us;
    uint64_t *waiters;
    size_t waiters_count;
    size_t waiters_capacity;
};

/* All zeros is a set without any. */
struct policy_fetches {
    struct policy_fetch places[POLICY_FETCHES];
};

void policy_fetches_deinit(struct policy_fetches *fetches);

/* The coupon's place, whoever has it now. */
struct policy_fetch *policy_fetch_place(struct policy_fetches *fetches, struct span id);
/* A place that is idle is this coupon's; the caller says whom it asks. */
void policy_fetch_begin(struct policy_fetch *fetch, struct span id, uint16_t partition);
void policy_fetch_wait(struct policy_fetch *fetch, uint64_t tag);
/* Nobody waits any more; a reply that is still to come finds nothing. */
void policy_fetch_end(struct policy_fetch *fetch);

struct span policy_fetch_id(const struct policy_fetch *fetch);

/* The tag that its question travels with; no exchange has one like it. */
uint64_t policy_fetch_tag(const struct policy_fetches *fetches, const struct policy_fetch *fetch);
bool policy_fetch_is_tag(uint64_t tag);
/* The fetch of a tag; NULL when there is none (any more). */
struct policy_fetch *policy_fetch_find(struct policy_fetches *fetches, uint64_t tag);

#endif
