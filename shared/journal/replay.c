#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/disk.h"
#include "shared/journal/journal.h"
#include "shared/journal/reader.h"
#include "shared/journal/segment.h"
#include "shared/journal/state.h"

/* Of the segments with records after `from_seq`. */
static uint64_t bytes_of_segments(const char *dir, uint64_t from_seq)
{
    uint64_t *segments;
    size_t count;
    struct error error;
    uint64_t total = 0;
    if (journal_segments_list(dir, &segments, &count, &error) != 0)
        return 0;
    for (size_t i = 0; i < count; i++) {
        char path[JOURNAL_PATH_MAX];
        if (i + 1 < count && segments[i + 1] <= from_seq)
            continue;
        journal_segment_path(dir, segments[i], path);
        int fd = disk->open(path, O_RDONLY);
        if (fd < 0)
            continue;
        int64_t size = disk->size(fd);
        total += size > 0 ? (uint64_t)size : 0;
        disk->close(fd);
    }
    free(segments);
    return total;
}

static enum journal_read replay_batches(struct journal *journal, struct journal_reader *reader,
                                        journal_replay_fn replay, void *arg, struct journal_recovery *recovery,
                                        struct error *error)
{
    struct journal_progress progress = {.bytes_total = bytes_of_segments(journal->dir, journal->replay_after_seq)};
    struct journal_batch_header header;
    const void *batch;
    enum journal_read read;
    while ((read = journal_reader_next(reader, &batch, &header, error)) == JOURNAL_READ_BATCH) {
        struct journal_position position;
        journal_reader_position(reader, &position);
        progress.bytes_done = position.bytes_read;
        if (header.time_us > ISSUER_TIME_US_MAX || header.time_us < 0) {
            error_set(error, "%s: the time of record %" PRIu64 " is impossible", position.path, header.first_seq);
            return JOURNAL_READ_DAMAGED;
        }
        journal->last_time_us = header.time_us;
        if (header.synced_seq > journal->proven_seq)
            journal->proven_seq = header.synced_seq;
        recovery->records += header.count;
        recovery->bytes += header.length;
        if (replay(arg, batch, &progress, error) != 0)
            return JOURNAL_READ_FAILED;
    }
    return read;
}

/* Zeroes the rest of a torn batch, so that it can never be read as a batch. */
static int cut_tail(struct journal *journal, const struct journal_position *position, struct journal_recovery *recovery,
                    const struct error *reason, struct error *error)
{
    if (journal_segment_zero(journal->active_fd, position->offset, journal->segment_size) != 0)
        return error_set(error, "cannot cut the torn tail of %s: %s", position->path, strerror(errno));
    recovery->cut = true;
    snprintf(recovery->cut_text, sizeof recovery->cut_text, "%s", reason->text);
    return 0;
}

/* Continues the last segment. Records that a killed process wrote but did not sync are synced before anything depends
 * on them. */
static int continue_segment(struct journal *journal, const struct journal_position *position, struct error *error)
{
    journal->active_fd = disk->open(position->path, O_RDWR);
    int64_t size = journal->active_fd < 0 ? -1 : disk->size(journal->active_fd);
    if (size < 0)
        return error_set(error, "cannot write to %s: %s", position->path, strerror(errno));
    snprintf(journal->active_path, sizeof journal->active_path, "%s", position->path);
    journal->segment_size = (size_t)size;
    journal->offset = position->offset;
    journal->next_seq = position->next_seq;
    return 0;
}

static int prepare_first(struct journal *journal, struct error *error)
{
    journal->prepared_fd = journal_segment_prepare(journal->dir, journal->config.segment_bytes, NULL, NULL, error);
    return journal->prepared_fd < 0 || !journal_roll(journal) ? -1 : 0;
}

/* Records of this version do not go into a segment of version 1, so that the coupond that wrote it cannot take them for
 * damage: the next segment begins, or the segment becomes one of this version if it is still empty. */
static int leave_version_1(struct journal *journal, struct error *error)
{
    struct journal_segment_header header;
    if (disk->pread(journal->active_fd, &header, sizeof header, 0) != sizeof header)
        return error_set(error, "cannot read %s: %s", journal->active_path, strerror(errno));
    if (header.version != JOURNAL_VERSION_1)
        return 0;
    if (header.first_seq != journal->next_seq)
        return prepare_first(journal, error);
    header.version = JOURNAL_VERSION;
    header.checksum = journal_checksum(&header, sizeof header);
    if (disk_write_all(journal->active_fd, &header, sizeof header, 0) != 0 || disk->fdatasync(journal->active_fd) != 0)
        return error_set(error, "cannot write to %s: %s", journal->active_path, strerror(errno));
    return 0;
}

static int rewrite(struct journal *journal, size_t offset, size_t end)
{
    unsigned char bytes[1 << 14];
    while (offset < end) {
        size_t length = end - offset < sizeof bytes ? end - offset : sizeof bytes;
        ssize_t got = disk->pread(journal->active_fd, bytes, length, (off_t)offset);
        if (got <= 0 || disk_write_all(journal->active_fd, bytes, (size_t)got, (off_t)offset) != 0)
            return -1;
        offset += (size_t)got;
    }
    return 0;
}

/* The end, in the active segment, of the last batch that is proven to have been synced. */
static size_t end_of_proven(const struct journal *journal, struct journal_reader *reader)
{
    struct journal_position position;
    const void *batch;
    char active[JOURNAL_PATH_MAX];
    journal_reader_position(reader, &position);
    snprintf(active, sizeof active, "%s", position.path);
    struct journal_batch_header header;
    struct error error;
    if (journal->proven_seq > 0 && journal_reader_seek(reader, journal->proven_seq, &error) == JOURNAL_READ_BATCH &&
        journal_reader_next(reader, &batch, &header, &error) == JOURNAL_READ_BATCH) {
        journal_reader_position(reader, &position);
        if (strcmp(position.path, active) == 0)
            return position.offset;
    }
    return sizeof(struct journal_segment_header);
}

/*
 * After a failed sync, the page cache may hold batches and seals that are not on disk and that no later sync writes,
 * because the kernel considers the pages clean. So everything that is not proven to have been synced is rewritten
 * before anything depends on it. Segments before the last were synced before it began.
 */
static int rewrite_unproven(struct journal *journal, struct journal_reader *reader, struct error *error)
{
    if (rewrite(journal, end_of_proven(journal, reader), journal->offset) == 0)
        return 0;
    return error_set(error, "cannot rewrite the end of the journal %s: %s", journal->dir, strerror(errno));
}

/* Syncs the names as well: a process may have been killed between naming a segment and syncing the folder. */
static int sync_segments(struct journal *journal, struct error *error)
{
    uint64_t *segments;
    size_t count;
    if (journal_segments_list(journal->dir, &segments, &count, error) != 0)
        return -1;
    int result = 0;
    for (size_t i = count < 2 ? 0 : count - 2; i < count && result == 0; i++) {
        char path[JOURNAL_PATH_MAX];
        journal_segment_path(journal->dir, segments[i], path);
        int fd = disk->open(path, O_RDWR);
        if (fd < 0 || disk->fdatasync(fd) != 0)
            result = error_set(error, "cannot sync %s: %s", path, strerror(errno));
        if (fd >= 0)
            disk->close(fd);
    }
    free(segments);
    return result == 0 ? journal_dir_sync(journal->dir, error) : -1;
}

static int resume(struct journal *journal, struct journal_reader *reader, enum journal_read read,
                  struct journal_recovery *recovery, const struct error *reason, struct error *error)
{
    struct journal_position position;
    journal_reader_position(reader, &position);
    journal_segment_discard(journal->dir);
    if (position.next_seq == 0)
        return prepare_first(journal, error);
    if (continue_segment(journal, &position, error) != 0)
        return -1;
    if (read == JOURNAL_READ_TORN && cut_tail(journal, &position, recovery, reason, error) != 0)
        return -1;
    if (rewrite_unproven(journal, reader, error) != 0)
        return -1;
    return sync_segments(journal, error) == 0 ? leave_version_1(journal, error) : -1;
}

void journal_replay_after(struct journal *journal, uint64_t seq, uint64_t synced_seq)
{
    CHECK(synced_seq >= seq);
    journal->replay_after_seq = seq;
    journal->proven_seq = synced_seq;
}

int journal_replay(struct journal *journal, journal_replay_fn replay, void *arg, struct journal_recovery *recovery,
                   struct error *error)
{
    *recovery = (struct journal_recovery){0};
    struct journal_reader *reader;
    if (journal_reader_open(journal->dir, &reader, error) != 0)
        return -1;
    journal_reader_own(reader, journal->proven_seq);
    struct error reason = {{0}};
    enum journal_read read = journal_reader_seek(reader, journal->replay_after_seq + 1, &reason);
    if (read == JOURNAL_READ_BATCH)
        read = replay_batches(journal, reader, replay, arg, recovery, &reason);
    int result;
    if (read == JOURNAL_READ_END || read == JOURNAL_READ_TORN)
        result = resume(journal, reader, read, recovery, &reason, error);
    else
        result = error_set(error, "%s", reason.text);
    journal_reader_close(&reader);
    return result == 0 ? journal_worker_start(journal, error) : -1;
}
