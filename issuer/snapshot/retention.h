/*
 * What of a partition's folder may go: snapshots but the two newest, and the segments whose records are all in the
 * older of these and in the store. Never more than that: recovery can always fall back to the snapshot before the last.
 */
#ifndef COUPOND_RETENTION_H
#define COUPOND_RETENTION_H

#include <stddef.h>
#include <stdint.h>

#include "shared/error.h"

#define RETENTION_NOTES_MAX 64

/* What was acknowledged when, so that segments outlive an acknowledgement that was wrong. All zeros at first: it begins
 * anew with each start. */
struct retention_memory {
    struct {
        uint64_t acked;
        int64_t at_us;
    } notes[RETENTION_NOTES_MAX]; /* younger than `keep_us`, in the order of time */
    size_t count;
    uint64_t limit; /* what the older ones told */
};

/* Takes note that the store has everything up to `acked`, and returns up to which record it had everything `keep_us`
 * ago: never more than `acked`, and that itself when `keep_us` is 0. Time is monotone. Pure. */
uint64_t retention_recall(struct retention_memory *memory, uint64_t acked, int64_t now_us, int64_t keep_us);

/* How many of `count` segments, named by their first records in rising order, end with record `limit` or before. The
 * last one never does. Pure. */
size_t retention_removable(const uint64_t *first_seqs, size_t count, uint64_t limit);

/* Removes snapshots but the two newest. -1 and `error`. */
int retention_snapshots(const char *dir, struct error *error);
/*
 * Removes segments, the oldest first, each for good before the next. What the store has is synced to `acked` first: a
 * stream never begins before what is still there. None goes that holds records beyond `limit`. `removed` counts. -1 and
 * `error`.
 */
int retention_segments(const char *dir, const uint8_t journal_id[16], uint64_t limit, size_t *removed,
                       struct error *error);

#endif
