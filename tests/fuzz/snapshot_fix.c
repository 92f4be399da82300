#include "snapshot_fix.h"

#include <string.h>

#include "shared/journal/snapshot_format.h"

/* Repairs every block up to the first with an impossible length. */
static void fix_blocks(unsigned flags, unsigned char *bytes, size_t size, const uint8_t journal_id[16],
                       struct snapshot_header *counted)
{
    struct snapshot_block block;
    struct snapshot_users users;
    for (size_t at = sizeof(struct snapshot_header); at + sizeof block <= size; at += block.length) {
        memcpy(&block, bytes + at, sizeof block);
        if (block.length < sizeof block || block.length % 8 != 0 || block.length > size - at)
            return;
        if (flags & SNAPSHOT_FIX_SUMS)
            block.checksum = journal_batch_checksum(bytes + at, block.length, journal_id);
        memcpy(bytes + at, &block, sizeof block);
        counted->coupons += block.kind == SNAPSHOT_COUPON;
        if (block.kind != SNAPSHOT_USERS || block.length < sizeof block + sizeof users)
            continue;
        memcpy(&users, bytes + at + sizeof block, sizeof users);
        counted->users += users.count;
    }
}

static void fix_header(struct snapshot_header *header, const struct journal_meta *meta, size_t size, uint64_t from_seq)
{
    memcpy(header->magic, SNAPSHOT_MAGIC, sizeof header->magic);
    memcpy(header->journal_id, meta->journal_id, sizeof header->journal_id);
    header->version = SNAPSHOT_VERSION;
    header->partition = meta->partition;
    header->partitions = meta->partitions;
    header->from_seq = from_seq;
    header->bytes = size;
}

void snapshot_fix(unsigned flags, const struct journal_meta *meta, unsigned char *bytes, size_t size, uint64_t from_seq)
{
    struct snapshot_header header, counted = {0};
    if (size < sizeof header)
        return;
    memcpy(&header, bytes, sizeof header);
    fix_blocks(flags, bytes, size, meta->journal_id, &counted);
    if (flags & SNAPSHOT_FIX_HEADER)
        fix_header(&header, meta, size, from_seq);
    if (flags & SNAPSHOT_FIX_COUNTS) {
        header.coupons = counted.coupons;
        header.users = counted.users;
    }
    if (flags & SNAPSHOT_FIX_SUMS)
        header.checksum = journal_checksum(&header, sizeof header);
    memcpy(bytes, &header, sizeof header);
}
