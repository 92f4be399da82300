/*
 * Reads a snapshot into a ledger. Every byte is checked: the structure of the file, each block's checksum, and that the
 * tables of users are valid for a user set.
 */
#ifndef COUPOND_SNAPSHOT_LOAD_H
#define COUPOND_SNAPSHOT_LOAD_H

#include <stdbool.h>
#include <stdint.h>

#include "issuer/ledger/ledger.h"
#include "shared/error.h"
#include "shared/journal/snapshot_format.h"

/* Called periodically; may be NULL. Returning false ends the loading. */
typedef bool (*snapshot_progress_fn)(void *arg, uint64_t bytes_done, uint64_t bytes_total);

/* Fills an empty ledger from the snapshot of `dir` that is named after `from_seq`. 0 and its header, or -1 and `error`
 * with file, offset and fault; the ledger is then unusable. */
int snapshot_load(const char *dir, uint64_t from_seq, const struct journal_meta *meta, struct ledger *ledger,
                  struct snapshot_header *header, snapshot_progress_fn progress, void *arg, struct error *error);

/* The same from memory. NULL, or a description of the fault at `*offset`. */
const char *snapshot_load_bytes(const void *bytes, size_t size, uint64_t from_seq, const struct journal_meta *meta,
                                struct ledger *ledger, struct snapshot_header *header, size_t *offset,
                                snapshot_progress_fn progress, void *arg);

#endif
