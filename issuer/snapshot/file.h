/*
 * A snapshot's file while it is written: blocks one behind the other under a temporary name, the header last. What is
 * written goes past the page cache where the filesystem can: gigabytes that nobody reads again soon would cost as much
 * CPU to copy there as the issuer needs for its work.
 */
#ifndef COUPOND_SNAPSHOT_FILE_H
#define COUPOND_SNAPSHOT_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "issuer/ledger/ledger.h"
#include "shared/error.h"
#include "shared/journal/snapshot_format.h"

/* The largest block, and so the least that a buffer must hold. */
#define SNAPSHOT_BLOCK_BYTES_MAX                                                                                       \
    (sizeof(struct snapshot_block) + sizeof(struct snapshot_users) + USER_BLOCK_CAPACITY_MAX * USER_SLOT_BYTES + 8)

struct snapshot_file {
    int fd;                /* -1: closed */
    bool direct;           /* past the page cache */
    uint64_t offset;       /* where the next block goes */
    unsigned char *staged; /* what is not written yet, up to `offset`; while the file is open */
    size_t staged_bytes;
    struct snapshot_header header;
};

/* Encodes one piece at `out`, which has room for snapshot_piece_bytes(); returns the block's length. */
size_t snapshot_encode(void *out, const struct ledger_piece *piece, const uint8_t journal_id[16]);
size_t snapshot_piece_bytes(const struct ledger_piece *piece);

/* Begins "<dir>/next.snapshot". -1 and `error`; then nothing is left of it. */
int snapshot_file_begin(struct snapshot_file *file, const char *dir, const struct journal_meta *meta, uint64_t from_seq,
                        struct error *error);
/* Appends whole blocks. -1 and `error`. */
int snapshot_file_append(struct snapshot_file *file, const char *dir, const void *blocks, size_t length,
                         struct error *error);
/* Header, sync, name, durably. -1 and `error`. */
int snapshot_file_finish(struct snapshot_file *file, const char *dir, uint64_t until_seq, int64_t time_us,
                         uint64_t coupons, uint64_t users, struct error *error);
/* Removes what there is of it. */
void snapshot_file_drop(struct snapshot_file *file, const char *dir);

#endif
