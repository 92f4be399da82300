/*
 * Removes files of a partition's folder: all snapshots but the two newest, and the segments whose records are all in
 * the older of these and in the store. Never more: recovery can always fall back to the older snapshot.
 */
#ifndef COUPOND_RETENTION_H
#define COUPOND_RETENTION_H

#include <stddef.h>
#include <stdint.h>

#include "shared/error.h"

#define RETENTION_NOTES_MAX 64

/* The history of acknowledgements, so that segments outlive an acknowledgement that was wrong. Initially all zeros:
 * each start begins a new history. */
struct retention_memory {
    struct {
        uint64_t acked;
        int64_t at_us;
    } notes[RETENTION_NOTES_MAX]; /* younger than `keep_us`, oldest first */
    size_t count;
    uint64_t limit; /* of the older ones */
};

/* Notes that the store has everything up to `acked`, and returns up to which record it had everything `keep_us` ago:
 * never more than `acked`, and `acked` itself when `keep_us` is 0. Time is monotonic. Pure. */
uint64_t retention_recall(struct retention_memory *memory, uint64_t acked, int64_t now_us, int64_t keep_us);

/* The number of the `count` segments, named by their first records in ascending order, that end with record `limit` or
 * before. The last segment never counts. Pure. */
size_t retention_removable(const uint64_t *first_seqs, size_t count, uint64_t limit);

/* Removes all snapshots but the two newest. -1 and `error`. */
int retention_snapshots(const char *dir, struct error *error);
/*
 * Removes segments, oldest first, each durably before the next. Syncs `acked` first, so that a stream never starts
 * before the first remaining segment. Keeps every segment with records after `limit`. `removed` counts. -1 and `error`.
 */
int retention_segments(const char *dir, const uint8_t journal_id[16], uint64_t limit, size_t *removed,
                       struct error *error);

#endif
