/*
 * An input: flags, then entries until its end, each  kind (1), name or first sequence (8), zeros behind (2), length
 * (2), bytes.
 */
#include "journal_input.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memory_disk.h"
#include "shared/journal/dir.h"
#include "shared/journal/snapshot_format.h"
#include "shared/limits.h"
#include "snapshot_fix.h"

enum entry_kind { ENTRY_SEGMENT, ENTRY_META, ENTRY_ACKED, ENTRY_PREPARED, ENTRY_SNAPSHOT, ENTRY_KINDS };

#define SEED_BYTES_MAX  65536
#define FILE_BYTES_MAX  65536
#define SEED_TAIL_BYTES 128 /* zeros at the end of a segment that a seed keeps */

/* --- what cannot be guessed --- */

void journal_input_meta(struct journal_meta *meta)
{
    *meta = (struct journal_meta){.version = JOURNAL_VERSION, .partitions = 1, .created_at_us = 1};
    memcpy(meta->magic, JOURNAL_META_MAGIC, sizeof meta->magic);
    memset(meta->journal_id, 0x4a, sizeof meta->journal_id);
    memset(meta->fingerprint_key, 0x4b, sizeof meta->fingerprint_key);
    meta->checksum = journal_checksum(meta, sizeof *meta);
}

static void fix_meta(unsigned flags, unsigned char *bytes, size_t size)
{
    struct journal_meta meta, sound;
    if (size < sizeof meta)
        return;
    journal_input_meta(&sound);
    memcpy(&meta, bytes, sizeof meta);
    if (flags & JOURNAL_FIX_IDS)
        memcpy(meta.journal_id, sound.journal_id, sizeof meta.journal_id);
    if (flags & JOURNAL_FIX_SUMS)
        meta.checksum = journal_checksum(&meta, sizeof meta);
    memcpy(bytes, &meta, sizeof meta);
}

static void fix_acked_1(unsigned flags, unsigned char *bytes)
{
    struct journal_meta sound;
    journal_input_meta(&sound);
    struct journal_acked_1 acked;
    memcpy(&acked, bytes, sizeof acked);
    if (flags & JOURNAL_FIX_IDS)
        memcpy(acked.journal_id, sound.journal_id, sizeof acked.journal_id);
    if (flags & JOURNAL_FIX_SUMS)
        acked.checksum = journal_checksum(&acked, sizeof acked);
    memcpy(bytes, &acked, sizeof acked);
}

static void fix_acked(unsigned flags, unsigned char *bytes, size_t size)
{
    struct journal_acked acked;
    if (size < sizeof acked) {
        if (size >= sizeof(struct journal_acked_1))
            fix_acked_1(flags, bytes);
        return;
    }
    struct journal_meta sound;
    journal_input_meta(&sound);
    memcpy(&acked, bytes, sizeof acked);
    if (flags & JOURNAL_FIX_IDS)
        memcpy(acked.journal_id, sound.journal_id, sizeof acked.journal_id);
    if (flags & JOURNAL_FIX_SUMS)
        acked.checksum = journal_checksum(&acked, sizeof acked);
    memcpy(bytes, &acked, sizeof acked);
}

/* The numbering of a segment's batches. */
struct numbering {
    uint64_t next_seq;
    int64_t time_us;
};

static void fix_batch_numbers(struct journal_batch_header *header, struct numbering *numbering)
{
    if (header->synced_seq >= header->first_seq && header->first_seq > 0)
        header->synced_seq = numbering->next_seq - 1;
    else if (header->synced_seq >= numbering->next_seq)
        header->synced_seq = numbering->next_seq - 1;
    header->first_seq = numbering->next_seq;
    numbering->next_seq += header->count;
    if (header->time_us < numbering->time_us || header->time_us > ISSUER_TIME_US_MAX)
        header->time_us = numbering->time_us;
    numbering->time_us = header->time_us;
}

/* Repairs all batches up to the first with an impossible length. */
static void fix_batches(unsigned flags, unsigned char *bytes, size_t size, uint64_t first_seq)
{
    struct journal_meta sound;
    struct numbering numbering = {first_seq, (int64_t)first_seq};
    journal_input_meta(&sound);
    struct journal_batch_header header;
    for (size_t at = sizeof(struct journal_segment_header); at + sizeof header <= size; at += header.length) {
        memcpy(&header, bytes + at, sizeof header);
        if (header.length < sizeof header || header.length % 8 != 0 || header.length > size - at)
            return;
        if (flags & JOURNAL_FIX_NUMBERS)
            fix_batch_numbers(&header, &numbering);
        memcpy(bytes + at, &header, sizeof header);
        if (flags & JOURNAL_FIX_SUMS)
            header.checksum = journal_batch_checksum(bytes + at, header.length, sound.journal_id);
        memcpy(bytes + at, &header, sizeof header);
    }
}

static void fix_segment(unsigned flags, unsigned char *bytes, size_t size, uint64_t first_seq)
{
    struct journal_segment_header header;
    if (size < sizeof header)
        return;
    struct journal_meta sound;
    journal_input_meta(&sound);
    memcpy(&header, bytes, sizeof header);
    if (flags & JOURNAL_FIX_IDS)
        memcpy(header.journal_id, sound.journal_id, sizeof header.journal_id);
    if (flags & JOURNAL_FIX_HEADERS) {
        header.first_seq = first_seq;
        header.size = size;
    }
    if (flags & JOURNAL_FIX_SUMS)
        header.checksum = journal_checksum(&header, sizeof header);
    memcpy(bytes, &header, sizeof header);
    fix_batches(flags, bytes, size, first_seq);
}

/* --- from an input to files --- */

static unsigned snapshot_flags(unsigned flags)
{
    return ((flags & JOURNAL_FIX_SUMS) ? SNAPSHOT_FIX_SUMS : 0u) |
           ((flags & JOURNAL_FIX_HEADERS) ? SNAPSHOT_FIX_HEADER : 0u) |
           ((flags & JOURNAL_FIX_NUMBERS) ? SNAPSHOT_FIX_COUNTS : 0u);
}

static void write_entry(unsigned flags, enum entry_kind kind, uint64_t name, unsigned char *bytes, size_t size)
{
    char path[JOURNAL_PATH_MAX];
    if (kind == ENTRY_SEGMENT) {
        journal_segment_path(JOURNAL_INPUT_DIR, name, path);
        fix_segment(flags, bytes, size, name);
    } else if (kind == ENTRY_SNAPSHOT) {
        struct journal_meta meta;
        journal_input_meta(&meta);
        snapshot_path(JOURNAL_INPUT_DIR, name, path);
        snapshot_fix(snapshot_flags(flags), &meta, bytes, size, name);
    } else if (kind == ENTRY_META) {
        snprintf(path, sizeof path, JOURNAL_INPUT_DIR "/meta");
        fix_meta(flags, bytes, size);
    } else if (kind == ENTRY_ACKED) {
        snprintf(path, sizeof path, JOURNAL_INPUT_DIR "/acked");
        fix_acked(flags, bytes, size);
    } else {
        snprintf(path, sizeof path, JOURNAL_INPUT_DIR "/next.prepared");
    }
    memory_disk_put(path, bytes, size);
}

static void take_entry(unsigned flags, struct fuzz_input *input, bool snapshots)
{
    enum entry_kind kind = (enum entry_kind)(fuzz_take_byte(input) % (snapshots ? ENTRY_KINDS : ENTRY_SNAPSHOT));
    uint64_t name = fuzz_take_u64(input);
    size_t zeros = fuzz_take_u16(input), length;
    size_t wanted = fuzz_take_u16(input);
    const uint8_t *bytes = fuzz_take(input, wanted, &length);
    unsigned char *file = calloc(1, length + zeros + 1);
    CHECK(file != NULL);
    if (length > 0)
        memcpy(file, bytes, length);
    size_t size = length + zeros;
    write_entry(flags, kind, name, file, size < FILE_BYTES_MAX ? size : FILE_BYTES_MAX);
    free(file);
}

void journal_input_write(const uint8_t *data, size_t size, bool snapshots)
{
    struct fuzz_input input = {data, size};
    struct journal_meta meta;
    unsigned flags = fuzz_take_byte(&input);
    journal_input_meta(&meta);
    memory_disk_put(JOURNAL_INPUT_DIR "/meta", &meta, sizeof meta);
    while (input.left > 0)
        take_entry(flags, &input, snapshots);
}

/* --- from files to an input --- */

struct seed {
    unsigned char bytes[SEED_BYTES_MAX];
    size_t size;
};

static void add(struct seed *seed, const void *bytes, size_t size)
{
    CHECK(seed->size + size <= sizeof seed->bytes);
    if (size > 0)
        memcpy(seed->bytes + seed->size, bytes, size);
    seed->size += size;
}

static size_t without_zeros(const unsigned char *bytes, size_t size)
{
    while (size > 0 && bytes[size - 1] == 0)
        size--;
    return (size + 7) & ~(size_t)7;
}

/* Skips the lock and the prepared segment. */
static bool is_kept(const char *name, uint8_t *kind)
{
    bool segment = strstr(name, ".segment") != NULL, snapshot = strstr(name, ".snapshot") != NULL;
    *kind = segment ? ENTRY_SEGMENT : snapshot ? ENTRY_SNAPSHOT : strcmp(name, "meta") == 0 ? ENTRY_META : ENTRY_ACKED;
    return segment || snapshot || strcmp(name, "meta") == 0 || strcmp(name, "acked") == 0;
}

static void add_file(void *arg, const char *path, const void *data, size_t size)
{
    struct seed *seed = arg;
    const char *name = strrchr(path, '/') + 1;
    uint8_t kind;
    uint64_t number = strtoull(name, NULL, 10);
    if (!is_kept(name, &kind))
        return;
    size_t kept = kind == ENTRY_SEGMENT ? without_zeros(data, size) : size;
    uint16_t zeros = kind == ENTRY_SEGMENT ? SEED_TAIL_BYTES : 0, length = (uint16_t)kept;
    CHECK(kept <= UINT16_MAX);
    add(seed, &kind, sizeof kind);
    add(seed, &number, sizeof number);
    add(seed, &zeros, sizeof zeros);
    add(seed, &length, sizeof length);
    add(seed, data, kept);
}

size_t journal_input_read(uint8_t flags, uint8_t *out, size_t room)
{
    static struct seed seed;
    seed.size = 0;
    add(&seed, &flags, 1);
    memory_disk_each(add_file, &seed);
    CHECK(seed.size <= room);
    memcpy(out, seed.bytes, seed.size);
    return seed.size;
}

void journal_input_seed(uint8_t flags)
{
    static uint8_t seed[SEED_BYTES_MAX];
    fuzz_seed(seed, journal_input_read(flags, seed, sizeof seed));
}
