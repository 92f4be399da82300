/*
 * From a FRAME_EVENTS, as received, to the rows of one transaction. Pure. Everything is validated: the frame, the
 * checksum and the records of each journal batch, and that their sequences have no gap.
 */
#ifndef COUPOND_PERSISTER_BATCH_H
#define COUPOND_PERSISTER_BATCH_H

#include "shared/store/store.h"
#include "shared/wire/frame.h"

/* Records in one frame: the maximum of issuer/stream_rows_max, plus a journal batch, which is never split. */
#define BATCH_RECORDS_MAX (65536u + JOURNAL_BATCH_RECORDS_MAX)

struct batch {
    struct store_batch rows; /* points into the arrays below, which point into the frame */
    struct store_coupon *coupons;
    size_t coupons_capacity;
    struct store_issue *issues;
    size_t issues_capacity;
    struct store_change *changes;
    size_t changes_capacity;
    struct store_erasure *erasures;
    size_t erasures_capacity;
    const struct journal_record_header **records; /* as in the journal, from rows.first_seq on */
    size_t records_capacity;
    void *aligned; /* copy of a frame that is not aligned to 8 bytes */
    size_t aligned_capacity;
};

void batch_init(struct batch *batch);
void batch_deinit(struct batch *batch);

/*
 * Reads `size` bytes at `frame`, which must stay in place while the rows are used. A frame without records only asks
 * what the store has. FRAME_OK when batch->rows is ready to be written. `partitions` is the number that the persister
 * is configured with.
 */
enum frame_fault batch_read(struct batch *batch, const void *frame, size_t size, uint16_t partitions);

/* The answer to the issuer about the batch, as a whole frame. */
struct batch_ack {
    struct frame_header header;
    struct frame_ack ack;
};
_Static_assert(sizeof(struct batch_ack) == sizeof(struct frame_header) + sizeof(struct frame_ack), "ack frame layout");

/* For a batch committed to the store with that id. */
void batch_ack(const struct batch *batch, const uint8_t store_id[16], struct batch_ack *out);
/* The store has lost acknowledged records: it has them only up to `last_seq`. */
void batch_behind(const struct batch *batch, const uint8_t store_id[16], uint64_t last_seq, struct batch_ack *out);
/* The batch is meant for another store than this one. */
void batch_refused(const struct batch *batch, const uint8_t store_id[16], struct batch_ack *out);

#endif
