/*
 * The dead letters of the current frame: the records that can never be stored, each with its reason. Pure. They point
 * into the batch, and live as long as its frame.
 */
#ifndef COUPOND_PERSISTER_DEAD_H
#define COUPOND_PERSISTER_DEAD_H

#include "persister/batch.h"

struct dead {
    struct store_dead_letter *letters; /* in the order of their discovery */
    size_t count;
    size_t capacity;
};

void dead_deinit(struct dead *dead);
/* Drops all letters but the first `count`, and keeps the memory. */
void dead_truncate(struct dead *dead, size_t count);

/* A row of the batch. `reason` is copied, truncated to STORE_REASON_MAX and made valid UTF-8. */
void dead_add_coupon(struct dead *dead, const struct batch *batch, const struct store_coupon *coupon,
                     const char *reason, int64_t now_us);
void dead_add_issue(struct dead *dead, const struct batch *batch, const struct store_issue *issue, const char *reason,
                    int64_t now_us);
void dead_add_change(struct dead *dead, const struct batch *batch, const struct store_change *change,
                     const char *reason, int64_t now_us);
void dead_add_erasure(struct dead *dead, const struct batch *batch, const struct store_erasure *erasure,
                      const char *reason, int64_t now_us);

#endif
