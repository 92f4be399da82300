/*
 * The simulated disk's own reader of journals: which records would survive a loss of power, from the durable bytes
 * alone; and where to damage a snapshot.
 */
#include <stdlib.h>
#include <string.h>

#include "shared/journal/format.h"
#include "sim_disk_files.h"

/* "<dir>/<number><end>"; unfinished files have names without a number. */
static bool is_numbered(const struct sim_name *name, const char *dir, const char *end)
{
    size_t length = strlen(name->path), dir_length = strlen(dir);
    return sim_path_in(name->path, dir) && length == dir_length + 21 + strlen(end) &&
           strcmp(name->path + length - strlen(end), end) == 0;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp((*(const struct sim_name *const *)a)->path, (*(const struct sim_name *const *)b)->path);
}

/* Continues after earlier results; returns the next record, or 0 when this is not a valid segment. */
static uint64_t scan_file(struct sim_file *file)
{
    struct journal_segment_header segment;
    if (file->durable_size < sizeof segment)
        return 0;
    memcpy(&segment, file->durable, sizeof segment);
    if (segment.checksum != journal_checksum(&segment, sizeof segment))
        return 0;
    if (file->scanned == 0) {
        file->scanned = sizeof segment;
        file->scanned_next_seq = segment.first_seq;
    }
    struct journal_batch_header batch;
    while (journal_batch_scan(file->durable + file->scanned, file->durable_size - file->scanned, segment.journal_id,
                              &batch, NULL) == JOURNAL_SCAN_BATCH &&
           batch.first_seq == file->scanned_next_seq) {
        file->scanned += batch.length;
        file->scanned_next_seq += batch.count;
    }
    return file->scanned_next_seq;
}

static uint64_t first_seq_of(const struct sim_name *name)
{
    return strtoull(strrchr(name->path, '/') + 1, NULL, 10);
}

uint64_t sim_files_durable_seq(struct sim_files *files, const char *dir)
{
    const struct sim_name *segments[SIM_NAMES_MAX];
    size_t count = 0;
    for (size_t i = 0; i < files->durable.count; i++) {
        if (is_numbered(&files->durable.entries[i], dir, ".segment"))
            segments[count++] = &files->durable.entries[i];
    }
    qsort(segments, count, sizeof segments[0], compare_names);
    uint64_t next_seq = count > 0 ? first_seq_of(segments[0]) : 1;
    for (size_t i = 0; i < count && first_seq_of(segments[i]) == next_seq; i++) {
        uint64_t next = scan_file(segments[i]->file);
        if (next == 0)
            break;
        next_seq = next;
    }
    return next_seq - 1;
}

bool sim_files_damage_snapshot(struct sim_files *files, const char *dir, struct sim_random *random)
{
    const struct sim_name *newest = NULL;
    size_t count = 0;
    for (size_t i = 0; i < files->cached.count; i++) {
        const struct sim_name *name = &files->cached.entries[i];
        if (!is_numbered(name, dir, ".snapshot"))
            continue;
        count++;
        newest = newest == NULL || strcmp(name->path, newest->path) > 0 ? name : newest;
    }
    if (count < 2 || newest->file->size == 0)
        return false;
    struct sim_file *file = newest->file;
    size_t at = sim_random_below(random, (uint32_t)file->size);
    unsigned char bit = (unsigned char)(1u << sim_random_below(random, 8));
    file->cached[at] ^= bit;
    file->durable[at] = file->cached[at];
    return true;
}
