/*
 * From a FRAME_EVENTS, as it came over the wire, to the rows of one transaction. Pure. Every byte is checked: the
 * frame, the checksum and the records of each journal batch in it, and that their sequences go on without a gap.
 */
#ifndef COUPOND_PERSISTER_BATCH_H
#define COUPOND_PERSISTER_BATCH_H

#include "shared/store/store.h"
#include "shared/wire/frame.h"

/* Records in one frame: issuer/stream_rows_max at its highest, and a journal batch that is never split. */
#define BATCH_RECORDS_MAX (65536u + 8192u)

struct batch {
    struct store_batch rows; /* points into the arrays below, and these into the frame */
    struct coupon *coupons;
    size_t coupons_capacity;
    struct store_issue *issues;
    size_t issues_capacity;
    const struct journal_record_header **records; /* as they stand in the journal, from rows.first_seq on */
    size_t records_capacity;
    void *aligned; /* for frames that do not lie on 8 bytes */
    size_t aligned_capacity;
};

void batch_init(struct batch *batch);
void batch_deinit(struct batch *batch);

/*
 * Reads `size` bytes at `frame`, which may be without records and then only ask what the store has; they stay where
 * they are for as long as the rows are used. FRAME_OK when batch->rows is ready to be written. `partitions` is how many
 * the persister believes there are.
 */
enum frame_fault batch_read(struct batch *batch, const void *frame, size_t size, uint16_t partitions);

/* What the issuer is told about the batch, as a whole frame. */
struct batch_ack {
    struct frame_header header;
    struct frame_ack ack;
};
_Static_assert(sizeof(struct batch_ack) == sizeof(struct frame_header) + sizeof(struct frame_ack), "ack frame layout");

/* After its commit, to the store of that id. */
void batch_ack(const struct batch *batch, const uint8_t store_id[16], struct batch_ack *out);
/* The store has less than was acknowledged: up to `last_seq` only. */
void batch_behind(const struct batch *batch, const uint8_t store_id[16], uint64_t last_seq, struct batch_ack *out);
/* It is meant for another store than this one. */
void batch_refused(const struct batch *batch, const uint8_t store_id[16], struct batch_ack *out);

#endif
