/*
 * A snapshot's file while it is written: blocks in sequence under a temporary name, the header last. Writes bypass the
 * page cache if the filesystem allows it: copying gigabytes there that nobody reads soon would cost as much CPU as the
 * issuer needs for its work.
 */
#ifndef COUPOND_SNAPSHOT_FILE_H
#define COUPOND_SNAPSHOT_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "issuer/ledger/ledger.h"
#include "shared/error.h"
#include "shared/journal/snapshot_format.h"

/* The largest block, and so the minimum size of a buffer. */
#define SNAPSHOT_BLOCK_BYTES_MAX                                                                                       \
    (sizeof(struct snapshot_block) + sizeof(struct snapshot_users) + USER_BLOCK_CAPACITY_MAX * USER_SLOT_BYTES + 8)

struct snapshot_file {
    int fd;                /* -1: closed */
    bool direct;           /* bypasses the page cache */
    uint64_t offset;       /* of the next block */
    unsigned char *staged; /* not written yet, up to `offset`; only while the file is open */
    size_t staged_bytes;
    struct snapshot_header header;
};

/* Encodes one piece into `out`, which has room for snapshot_piece_bytes(); returns the block's length. */
size_t snapshot_encode(void *out, const struct ledger_piece *piece, const uint8_t journal_id[16]);
size_t snapshot_piece_bytes(const struct ledger_piece *piece);

/* Creates "<dir>/next.snapshot". -1 and `error`, with nothing left behind. */
int snapshot_file_begin(struct snapshot_file *file, const char *dir, const struct journal_meta *meta, uint64_t from_seq,
                        struct error *error);
/* Appends whole blocks. -1 and `error`. */
int snapshot_file_append(struct snapshot_file *file, const char *dir, const void *blocks, size_t length,
                         struct error *error);
/* Writes the header, syncs and renames, durably. -1 and `error`. */
int snapshot_file_finish(struct snapshot_file *file, const char *dir, uint64_t until_seq, int64_t time_us,
                         uint64_t coupons, uint64_t users, struct error *error);
/* Closes and removes the file, if there is one. */
void snapshot_file_drop(struct snapshot_file *file, const char *dir);

#endif
