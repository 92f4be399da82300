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

enum snapshot_loaded {
    SNAPSHOT_LOADED = 0,
    SNAPSHOT_UNREADABLE = -1, /* the system refused to read it, which says nothing about its bytes */
    SNAPSHOT_DAMAGED = -2,    /* or `progress` ended the loading */
};

/* Fills an empty ledger from the snapshot of `dir` that is named after `from_seq`, and `header` from the file's. If it
 * fails, `error` names file, offset and fault, and the ledger is unusable. */
enum snapshot_loaded snapshot_load(const char *dir, uint64_t from_seq, const struct journal_meta *meta,
                                   struct ledger *ledger, struct snapshot_header *header, snapshot_progress_fn progress,
                                   void *arg, struct error *error);

/* The same from memory. NULL, or a description of the fault at `*offset`. */
const char *snapshot_load_bytes(const void *bytes, size_t size, uint64_t from_seq, const struct journal_meta *meta,
                                struct ledger *ledger, struct snapshot_header *header, size_t *offset,
                                snapshot_progress_fn progress, void *arg);

#endif
