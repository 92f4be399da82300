/*
 * The bytes of a snapshot: a copy of a partition's ledger, so that recovery need not replay the whole journal.
 *
 *   <dir>/<from_seq, 20 digits>.snapshot
 *   struct snapshot_header, then blocks: a coupon, the tables of its users in ascending order, the pages of
 *   its maps in ascending order, its sweep, the next coupon …
 *
 * A snapshot is taken while the issuer goes on: it contains every record up to `from_seq` and some of the records from
 * there to `until_seq`. Replaying the journal after `from_seq` makes it exact (ledger.h). It is renamed into place when
 * the journal is synced up to `until_seq`; two are kept.
 *
 * These functions know the structure of the file, not the content of the blocks (issuer/snapshot/load.h). Any thread.
 */
#ifndef COUPOND_SNAPSHOT_FORMAT_H
#define COUPOND_SNAPSHOT_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/error.h"
#include "shared/journal/dir.h"
#include "shared/journal/format.h"

#define SNAPSHOT_VERSION   2
#define SNAPSHOT_VERSION_1 1 /* without SNAPSHOT_PAGE, and of each user the latest issue only; still read */
#define SNAPSHOT_MAGIC     "CPNDSNAP"

struct snapshot_header {
    uint64_t checksum; /* XXH3-64 of what follows */
    char magic[8];
    uint32_t version;
    uint16_t partition;
    uint16_t partitions;
    uint8_t journal_id[16];
    uint64_t from_seq;
    uint64_t until_seq;
    int64_t time_us; /* the latest time that the issuer used up to until_seq */
    uint64_t bytes;  /* of the file */
    uint64_t coupons;
    uint64_t users;
    uint64_t term;     /* of a member: the epoch of record from_seq; 0: none */
    uint64_t term_seq; /* the first record of that term */
    uint8_t reserved[24];
};
_Static_assert(sizeof(struct snapshot_header) == 128, "snapshot header layout");

enum snapshot_block_kind {
    SNAPSHOT_COUPON = 1, /* struct snapshot_coupon, then its JOURNAL_COUPON record */
    SNAPSHOT_USERS = 2,  /* struct snapshot_users, then its slots (issuer/ledger/user_set.h) */
    SNAPSHOT_PAGE = 3,   /* struct snapshot_page, then its entries (issuer/ledger/sequence_map.h) */
    SNAPSHOT_SWEEP = 4,  /* the coupon's JOURNAL_SWEEP record, while it goes on */
};

struct snapshot_block {
    uint64_t checksum; /* XXH3-64 of what follows up to `length`, seeded with the journal id's first 8 bytes */
    uint32_t length;   /* with this header and its padding, a multiple of 8 */
    uint32_t kind;
};
_Static_assert(sizeof(struct snapshot_block) == 16, "snapshot block layout");

struct snapshot_coupon {
    uint64_t journal_seq; /* of its policy */
    int64_t updated_at_us;
    uint32_t issued;
    uint32_t reserved;
};
_Static_assert(sizeof(struct snapshot_coupon) == 24, "snapshot coupon layout");

struct snapshot_users {
    uint64_t first; /* as in struct user_block */
    uint32_t depth;
    uint32_t capacity;
    uint32_t count;
    uint32_t reserved;
};
_Static_assert(sizeof(struct snapshot_users) == 24, "snapshot users layout");

/* A page of one of the coupon's maps from a sequence to a value. */
struct snapshot_page {
    uint32_t map; /* enum coupon_map of issuer/ledger/coupon.h */
    uint32_t number;
    uint32_t count; /* entries of 8 bytes */
    uint32_t reserved;
};
_Static_assert(sizeof(struct snapshot_page) == 16, "snapshot page layout");

/* "<dir>/<from_seq, 20 digits>.snapshot" */
void snapshot_path(const char *dir, uint64_t from_seq, char out[JOURNAL_PATH_MAX]);
/* "<dir>/next.snapshot": the one being written. */
void snapshot_unfinished_path(const char *dir, char out[JOURNAL_PATH_MAX]);

/* The from_seq of the snapshots in `dir`, ascending, without checking their content. The caller frees them. -1 and
 * `error` when the folder cannot be read. */
int snapshot_list(const char *dir, uint64_t **from_seqs, size_t *count, struct error *error);

/*
 * Checks the header of the snapshot named after `from_seq`; `size` is the file's. NULL, or a description of the fault.
 */
const char *snapshot_header_check(const struct snapshot_header *header, const struct journal_meta *meta,
                                  uint64_t from_seq, size_t size);

/* Finds the block at `offset` of a snapshot of `size` bytes at `bytes`. NULL and `block`, or a description of the
 * fault. Verifies the checksum, but not the content. */
const char *snapshot_block_check(const void *bytes, size_t size, size_t offset, const uint8_t journal_id[16],
                                 struct snapshot_block *block);

/* Fills the header of a block whose content, `content` bytes, is already behind it, and pads it with zeros. Returns its
 * length. */
size_t snapshot_block_finish(void *block, enum snapshot_block_kind kind, size_t content, const uint8_t journal_id[16]);

#endif
