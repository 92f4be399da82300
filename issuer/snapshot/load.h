/*
 * Reads a snapshot into a ledger. Every byte is checked: the file's frame, each block's checksum, and that the tables
 * of users are what a user set can be.
 */
#ifndef COUPOND_SNAPSHOT_LOAD_H
#define COUPOND_SNAPSHOT_LOAD_H

#include <stdbool.h>
#include <stdint.h>

#include "issuer/ledger/ledger.h"
#include "shared/error.h"
#include "shared/journal/snapshot_format.h"

/* Called now and then; NULL is welcome. False ends the loading. */
typedef bool (*snapshot_progress_fn)(void *arg, uint64_t bytes_done, uint64_t bytes_total);

/*
 * Fills an empty ledger with the snapshot of `dir` that is named after `from_seq`. 0 and its header, or -1 and `error`
 * with the file, where and what; the ledger is then of no use.
 */
int snapshot_load(const char *dir, uint64_t from_seq, const struct journal_meta *meta, struct ledger *ledger,
                  struct snapshot_header *header, snapshot_progress_fn progress, void *arg, struct error *error);

/* The same from memory; `*offset` is where something is wrong. NULL, or what. */
const char *snapshot_load_bytes(const void *bytes, size_t size, uint64_t from_seq, const struct journal_meta *meta,
                                struct ledger *ledger, struct snapshot_header *header, size_t *offset,
                                snapshot_progress_fn progress, void *arg);

#endif
