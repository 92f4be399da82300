#include "shared/journal/snapshot_format.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/disk.h"

void snapshot_path(const char *dir, uint64_t from_seq, char out[JOURNAL_PATH_MAX])
{
    snprintf(out, JOURNAL_PATH_MAX, "%s/%020" PRIu64 ".snapshot", dir, from_seq);
}

void snapshot_unfinished_path(const char *dir, char out[JOURNAL_PATH_MAX])
{
    snprintf(out, JOURNAL_PATH_MAX, "%s/next.snapshot", dir);
}

int snapshot_list(const char *dir, uint64_t **from_seqs, size_t *count, struct error *error)
{
    return journal_numbered_list(dir, ".snapshot", from_seqs, count, error);
}

const char *snapshot_header_check(const struct snapshot_header *header, const struct journal_meta *meta,
                                  uint64_t from_seq, size_t size)
{
    if (memcmp(header->magic, SNAPSHOT_MAGIC, sizeof header->magic) != 0)
        return "not a snapshot";
    if (header->version != SNAPSHOT_VERSION && header->version != SNAPSHOT_VERSION_1)
        return "the snapshot is of another version";
    if (header->checksum != journal_checksum(header, sizeof *header))
        return "the checksum of the snapshot's header does not match";
    if (memcmp(header->journal_id, meta->journal_id, sizeof header->journal_id) != 0 ||
        header->partition != meta->partition || header->partitions != meta->partitions)
        return "the snapshot belongs to another journal";
    if (header->from_seq != from_seq)
        return "the snapshot's name does not match its header";
    if (header->term_seq > header->from_seq || (header->term == 0) != (header->term_seq == 0))
        return "the term in its header is impossible";
    if (header->until_seq < header->from_seq || header->time_us < 0 || header->time_us > ISSUER_TIME_US_MAX)
        return "the snapshot's header is impossible";
    if (header->bytes != size)
        return "the file's length differs from its header";
    return NULL;
}

const char *snapshot_block_check(const void *bytes, size_t size, size_t offset, const uint8_t journal_id[16],
                                 struct snapshot_block *block)
{
    if (offset % 8 != 0 || offset > size || size - offset < sizeof *block)
        return "a block is truncated";
    const unsigned char *at = (const unsigned char *)bytes + offset;
    memcpy(block, at, sizeof *block);
    if (block->length < sizeof *block || block->length % 8 != 0 || block->length > size - offset)
        return "the length of a block is impossible";
    if (block->checksum != journal_batch_checksum(at, block->length, journal_id))
        return "the checksum of a block does not match";
    return NULL;
}

size_t snapshot_block_finish(void *block, enum snapshot_block_kind kind, size_t content, const uint8_t journal_id[16])
{
    size_t used = sizeof(struct snapshot_block) + content;
    size_t length = (used + 7) & ~(size_t)7;
    memset((unsigned char *)block + used, 0, length - used);
    struct snapshot_block header = {.length = (uint32_t)length, .kind = kind};
    memcpy(block, &header, sizeof header);
    header.checksum = journal_batch_checksum(block, length, journal_id);
    memcpy(block, &header, sizeof header);
    return length;
}
