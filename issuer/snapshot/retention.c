#include "issuer/snapshot/retention.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "shared/disk.h"
#include "shared/journal/dir.h"
#include "shared/journal/snapshot_format.h"

#define SNAPSHOTS_KEPT 2

size_t retention_removable(const uint64_t *first_seqs, size_t count, uint64_t limit)
{
    size_t removable = 0;
    while (removable + 1 < count && first_seqs[removable + 1] - 1 <= limit)
        removable++;
    return removable;
}

/* Removes the notes of `until_us` and before; the highest of them becomes the limit. */
static void take_old_notes(struct retention_memory *memory, int64_t until_us)
{
    size_t old = 0;
    for (; old < memory->count && memory->notes[old].at_us <= until_us; old++) {
        if (memory->notes[old].acked > memory->limit)
            memory->limit = memory->notes[old].acked;
    }
    memory->count -= old;
    memmove(memory->notes, memory->notes + old, memory->count * sizeof memory->notes[0]);
}

/* Notes are far enough apart for the array to suffice. */
static bool note_is_due(const struct retention_memory *memory, int64_t now_us, int64_t keep_us)
{
    return memory->count == 0 || now_us - memory->notes[memory->count - 1].at_us > keep_us / (RETENTION_NOTES_MAX - 1);
}

uint64_t retention_recall(struct retention_memory *memory, uint64_t acked, int64_t now_us, int64_t keep_us)
{
    if (keep_us == 0)
        return acked;
    take_old_notes(memory, now_us - keep_us);
    if (memory->count < RETENTION_NOTES_MAX && note_is_due(memory, now_us, keep_us)) {
        memory->notes[memory->count].acked = acked;
        memory->notes[memory->count++].at_us = now_us;
    }
    if (memory->limit > acked) /* the store has lost records */
        memory->limit = acked;
    return memory->limit;
}

static int remove_file(const char *dir, const char *path, struct error *error)
{
    if (disk->unlink(path) != 0 && errno != ENOENT)
        return error_set(error, "cannot remove %s: %s", path, strerror(errno));
    return journal_dir_sync(dir, error);
}

int retention_snapshots(const char *dir, struct error *error)
{
    uint64_t *from_seqs;
    size_t count;
    if (snapshot_list(dir, &from_seqs, &count, error) != 0)
        return -1;
    int result = 0;
    for (size_t i = 0; i + SNAPSHOTS_KEPT < count && result == 0; i++) {
        char path[JOURNAL_PATH_MAX];
        snapshot_path(dir, from_seqs[i], path);
        result = remove_file(dir, path, error);
    }
    free(from_seqs);
    return result;
}

/* Sets *seq to the last record that the older of the two snapshots is certain to contain; 0 without two snapshots. */
static int fallback_seq(const char *dir, uint64_t *seq, struct error *error)
{
    uint64_t *from_seqs;
    size_t count;
    if (snapshot_list(dir, &from_seqs, &count, error) != 0)
        return -1;
    *seq = count >= SNAPSHOTS_KEPT ? from_seqs[count - SNAPSHOTS_KEPT] : 0;
    free(from_seqs);
    return 0;
}

/* Reads the acknowledged sequence again before each removal, because a store that lost records needs the segments. */
static int remove_segments(const char *dir, const uint8_t journal_id[16], const uint64_t *first_seqs, size_t count,
                           size_t *removed, struct error *error)
{
    for (size_t i = 0; i < count && first_seqs[i + 1] - 1 <= journal_acked_read(dir, journal_id, NULL); i++) {
        char path[JOURNAL_PATH_MAX];
        journal_segment_path(dir, first_seqs[i], path);
        if (remove_file(dir, path, error) != 0)
            return -1;
        *removed = i + 1;
    }
    return 0;
}

int retention_segments(const char *dir, const uint8_t journal_id[16], uint64_t limit, size_t *removed,
                       struct error *error)
{
    uint64_t in_snapshots, *first_seqs;
    *removed = 0;
    size_t count;
    if (fallback_seq(dir, &in_snapshots, error) != 0 || journal_segments_list(dir, &first_seqs, &count, error) != 0)
        return -1;
    uint64_t acked = journal_acked_read(dir, journal_id, NULL);
    if (acked < limit)
        limit = acked;
    size_t removable = retention_removable(first_seqs, count, in_snapshots < limit ? in_snapshots : limit);
    int result = 0;
    if (removable > 0)
        result = journal_acked_sync(dir, error);
    if (removable > 0 && result == 0)
        result = remove_segments(dir, journal_id, first_seqs, removable, removed, error);
    free(first_seqs);
    return result;
}
