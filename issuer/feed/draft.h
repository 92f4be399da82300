/*
 * A frame of events under construction: whole journal batches, byte for byte as in the journal. Pure, except for the
 * journal that it reads. Owned by the stream's thread.
 */
#ifndef COUPOND_FEED_DRAFT_H
#define COUPOND_FEED_DRAFT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "issuer/feed/reader.h"

struct feed_draft {
    unsigned char *bytes; /* room for FRAME_BYTES_MAX; the feed writes header and fixed part */
    size_t size;
    uint64_t first_seq;
    uint64_t last_seq;
    uint32_t count;
    int64_t time_us;  /* of its first record */
    bool barrier;     /* it holds coupon records */
    bool leaves_some; /* more is synced than fitted */
};

void feed_draft_init(struct feed_draft *draft);
void feed_draft_deinit(struct feed_draft *draft);

/* Starts over and takes synced batches of up to `rows_max` records; a larger batch is taken alone. */
void feed_draft_fill(struct feed_draft *draft, struct feed_reader *reader, size_t rows_max);

#endif
