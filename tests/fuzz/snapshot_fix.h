/*
 * Repairs what a fuzzer cannot guess in a snapshot's bytes.
 */
#ifndef COUPOND_FUZZ_SNAPSHOT_FIX_H
#define COUPOND_FUZZ_SNAPSHOT_FIX_H

#include <stddef.h>
#include <stdint.h>

#include "shared/journal/format.h"

enum snapshot_fix_flag {
    SNAPSHOT_FIX_SUMS = 1 << 0,   /* checksums of header and blocks */
    SNAPSHOT_FIX_HEADER = 1 << 1, /* its journal, name and size */
    SNAPSHOT_FIX_COUNTS = 1 << 2, /* the numbers of coupons and users match the blocks */
    SNAPSHOT_FIX_ALL = 7,
};

/* The snapshot belongs to the journal of `meta` and is named after `from_seq`. */
void snapshot_fix(unsigned flags, const struct journal_meta *meta, unsigned char *bytes, size_t size,
                  uint64_t from_seq);

#endif
