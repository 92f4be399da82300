/*
 * What of a partition's folder may go: snapshots but the two newest, and the segments whose records are all in the
 * older of these and in the store. Never more than that: recovery can always fall back to the snapshot before the last.
 */
#ifndef COUPOND_RETENTION_H
#define COUPOND_RETENTION_H

#include <stddef.h>
#include <stdint.h>

#include "shared/error.h"

/* How many of `count` segments, named by their first records in rising order, end with record `limit` or before. The
 * last one never does. Pure. */
size_t retention_removable(const uint64_t *first_seqs, size_t count, uint64_t limit);

/* Removes snapshots but the two newest. -1 and `error`. */
int retention_snapshots(const char *dir, struct error *error);
/*
 * Removes segments, the oldest first, each for good before the next. What the store has is synced to `acked` first: a
 * stream never begins before what is still there. `removed` counts. -1 and `error`.
 */
int retention_segments(const char *dir, const uint8_t journal_id[16], size_t *removed, struct error *error);

#endif
