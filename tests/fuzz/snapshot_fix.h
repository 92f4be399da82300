/*
 * Puts right in a snapshot's bytes what a fuzzer cannot guess.
 */
#ifndef COUPOND_FUZZ_SNAPSHOT_FIX_H
#define COUPOND_FUZZ_SNAPSHOT_FIX_H

#include <stddef.h>
#include <stdint.h>

#include "shared/journal/format.h"

enum snapshot_fix_flag {
    SNAPSHOT_FIX_SUMS = 1 << 0,   /* checksums of header and blocks */
    SNAPSHOT_FIX_HEADER = 1 << 1, /* whose it is, its name and size */
    SNAPSHOT_FIX_COUNTS = 1 << 2, /* the numbers of coupons and users are what the blocks say */
    SNAPSHOT_FIX_ALL = 7,
};

/* The snapshot of the journal of `meta` that is named after `from_seq`. */
void snapshot_fix(unsigned flags, const struct journal_meta *meta, unsigned char *bytes, size_t size,
                  uint64_t from_seq);

#endif
