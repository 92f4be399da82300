/*
 * Fetches: one query for all clients that want the same coupon at the same time. A fixed number of slots; each coupon
 * maps to one, which another coupon may occupy. Waiting exchanges are stored by tag, so that one that has ended is not
 * found. Pure; used by one thread.
 */
#ifndef COUPOND_POLICY_FETCH_H
#define COUPOND_POLICY_FETCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/http/span.h"
#include "shared/limits.h"

#define POLICY_FETCHES 256

enum policy_fetch_stage { FETCH_IDLE, FETCH_REDIS, FETCH_ISSUER }; /* whose reply it waits for */

struct policy_fetch {
    enum policy_fetch_stage stage;
    uint32_t generation; /* part of its tag */
    uint16_t partition;
    uint8_t id_length;
    char id[COUPON_ID_MAX];
    int64_t asked_us;
    int64_t age_us; /* a value of Redis must be younger */
    uint64_t *waiters;
    size_t waiters_count;
    size_t waiters_capacity;
};

/* All zeros is an empty set. */
struct policy_fetches {
    struct policy_fetch places[POLICY_FETCHES];
};

void policy_fetches_deinit(struct policy_fetches *fetches);

/* The coupon's slot, whichever coupon occupies it. */
struct policy_fetch *policy_fetch_place(struct policy_fetches *fetches, struct span id);
/* Assigns an idle slot to this coupon; the caller sets the stage, and for Redis the age. */
void policy_fetch_begin(struct policy_fetch *fetch, struct span id, uint16_t partition);
/* True when it fetches this coupon and has asked after its last change, so that its result is valid for another client,
 * too. */
bool policy_fetch_serves(const struct policy_fetch *fetch, struct span id, int64_t changed_us);
void policy_fetch_wait(struct policy_fetch *fetch, uint64_t tag);
/* Frees the slot; a reply that arrives later matches nothing. */
void policy_fetch_end(struct policy_fetch *fetch);

struct span policy_fetch_id(const struct policy_fetch *fetch);

/* The tag of its query; distinct from every exchange's tag. */
uint64_t policy_fetch_tag(const struct policy_fetches *fetches, const struct policy_fetch *fetch);
bool policy_fetch_is_tag(uint64_t tag);
/* The fetch with this tag; NULL when it does not exist or has ended. */
struct policy_fetch *policy_fetch_find(struct policy_fetches *fetches, uint64_t tag);

#endif
