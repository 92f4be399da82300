/*
 * Segment files: prepared ahead (allocated, zeroed, synced under a temporary name), then activated under the name of
 * their first record. A thin layer over the file system; the journal's worker prepares, its writer activates.
 */
#ifndef COUPOND_JOURNAL_SEGMENT_H
#define COUPOND_JOURNAL_SEGMENT_H

#include <stddef.h>
#include <stdint.h>

#include "shared/error.h"
#include "shared/journal/format.h"

/* Called between the steps of preparing, so that a worker with other duties is not blocked for long. */
typedef void (*journal_segment_pause_fn)(void *arg);

/* Creates "<dir>/next.prepared" of `size` zeros, synced. Returns its descriptor, or -1 and `error`, and then frees its
 * disk space. `pause` may be NULL. */
int journal_segment_prepare(const char *dir, size_t size, journal_segment_pause_fn pause, void *arg,
                            struct error *error);

/* Writes the header durably and gives the prepared file its name, which is durable once the folder is synced. 0, or -1
 * and `error`; then the prepared file is unchanged. */
int journal_segment_activate(int fd, const char *dir, const struct journal_meta *meta, uint64_t first_seq, size_t size,
                             struct error *error);

/* Removes a prepared file that was never activated. */
void journal_segment_discard(const char *dir);

/* Writes zeros from `offset` to `end`. 0 or -1 with errno. */
int journal_segment_zero(int fd, size_t offset, size_t end);

#endif
