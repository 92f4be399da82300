#include "shared/journal/reader.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "shared/disk.h"
#include "shared/journal/dir.h"
#include "shared/journal/snapshot_format.h"

struct journal_reader {
    char dir[JOURNAL_PATH_MAX];
    char path[JOURNAL_PATH_MAX];
    struct journal_meta meta;
    bool owned;               /* the caller holds the lock */
    uint64_t proven_seq;      /* synced, as the caller knows */
    const unsigned char *map; /* NULL before the first segment */
    size_t size;
    size_t offset;
    uint64_t segment_first; /* of the segment's first record */
    uint64_t next_seq;      /* 0 before the first segment */
    uint64_t bytes_before;  /* in segments already read */
    int reason;             /* errno of the last failure */
};

int journal_reader_open(const char *dir, struct journal_reader **reader, struct error *error)
{
    *reader = NULL;
    struct journal_reader *self = calloc(1, sizeof *self);
    CHECK(self != NULL);
    if (strlen(dir) >= sizeof self->dir - 40) {
        free(self);
        return error_set(error, "the path %s is too long", dir);
    }
    strcpy(self->dir, dir);
    int result = journal_meta_read(dir, &self->meta, error);
    if (result != 0) {
        free(self);
        return result < 0 ? -1 : error_set(error, "there is no journal in %s (no file meta)", dir);
    }
    *reader = self;
    return 0;
}

static void leave_segment(struct journal_reader *reader)
{
    if (reader->map == NULL)
        return;
    disk->unmap((void *)(uintptr_t)reader->map, reader->size);
    reader->bytes_before += reader->size;
    reader->map = NULL;
}

void journal_reader_close(struct journal_reader **reader)
{
    if (*reader == NULL)
        return;
    leave_segment(*reader);
    free(*reader);
    *reader = NULL;
}

void journal_reader_own(struct journal_reader *reader, uint64_t proven_seq)
{
    reader->owned = true;
    reader->proven_seq = proven_seq;
}

bool journal_reader_is_short(const struct journal_reader *reader)
{
    return disk_is_shortage(reader->reason);
}

const struct journal_meta *journal_reader_meta(const struct journal_reader *reader)
{
    return &reader->meta;
}

void journal_reader_position(const struct journal_reader *reader, struct journal_position *position)
{
    *position = (struct journal_position){
        .path = reader->path,
        .offset = reader->offset,
        .next_seq = reader->next_seq,
        .bytes_read = reader->bytes_before + (reader->map != NULL ? reader->offset : 0),
    };
}

static enum journal_read damaged(struct journal_reader *reader, size_t offset, const char *reason, struct error *error)
{
    error_set(error,
              "%s is damaged at offset %zu: %s (record %" PRIu64 " was expected): restore this file from a backup",
              reader->path, offset, reason, reader->next_seq);
    return JOURNAL_READ_DAMAGED;
}

static const char *check_segment(const struct journal_reader *reader, const struct journal_segment_header *header,
                                 uint64_t first_seq, size_t file_size)
{
    if (memcmp(header->magic, JOURNAL_SEGMENT_MAGIC, sizeof header->magic) != 0)
        return "not a segment header";
    if (header->version != JOURNAL_VERSION && header->version != JOURNAL_VERSION_1)
        return "the segment is of another version";
    if (header->checksum != journal_checksum(header, sizeof *header))
        return "the checksum of the segment header does not match";
    if (memcmp(header->journal_id, reader->meta.journal_id, sizeof header->journal_id) != 0)
        return "the segment belongs to another journal";
    if (header->first_seq != first_seq)
        return "the segment's name does not match its header";
    if (header->size != file_size)
        return "the file's length differs from its header";
    return NULL;
}

/* Maps the segment that begins with `first_seq`. JOURNAL_READ_BATCH means success. */
static enum journal_read enter_segment(struct journal_reader *reader, uint64_t first_seq, struct error *error)
{
    journal_segment_path(reader->dir, first_seq, reader->path);
    int fd = disk->open(reader->path, O_RDONLY);
    int64_t length = fd < 0 ? -1 : disk->size(fd);
    if (length < 0) {
        reader->reason = errno;
        error_set(error, "cannot read %s: %s", reader->path, strerror(reader->reason));
        if (fd >= 0)
            disk->close(fd);
        return JOURNAL_READ_FAILED;
    }
    size_t size = (size_t)length;
    struct journal_segment_header header;
    ssize_t got = disk->pread(fd, &header, sizeof header, 0);
    const char *wrong = NULL;
    if (got >= 0)
        wrong = got == sizeof header ? check_segment(reader, &header, first_seq, size) : "the file is too short";
    void *map = got >= 0 && wrong == NULL ? disk->map(fd, size) : NULL;
    reader->reason = errno;
    disk->close(fd);
    if (wrong != NULL)
        return damaged(reader, 0, wrong, error);
    if (map == NULL) {
        error_set(error, "cannot %s %s: %s", got >= 0 ? "map" : "read", reader->path, strerror(reader->reason));
        return JOURNAL_READ_FAILED;
    }
    leave_segment(reader);
    reader->map = map;
    reader->size = size;
    reader->offset = sizeof header;
    reader->segment_first = first_seq;
    reader->next_seq = first_seq;
    return JOURNAL_READ_BATCH;
}

/* The greatest first sequence that is at most `seq`, or the smallest of all when `seq` is 0; 0 when there is none. -1
 * when the folder is unreadable. */
static int find_segment(struct journal_reader *reader, uint64_t seq, uint64_t *first_seq, uint64_t *last_seq,
                        struct error *error)
{
    *first_seq = *last_seq = 0;
    uint64_t *seqs;
    size_t count;
    if (journal_segments_list(reader->dir, &seqs, &count, error) != 0) {
        reader->reason = errno;
        return -1;
    }
    for (size_t i = 0; i < count; i++) {
        if (seqs[i] <= seq || (seq == 0 && i == 0))
            *first_seq = seqs[i];
        *last_seq = seqs[i];
    }
    free(seqs);
    return 0;
}

/* The highest number in the name of a snapshot; 0 when there is none. -1 when the folder is unreadable. */
static int last_snapshot(const struct journal_reader *reader, uint64_t *from_seq, struct error *error)
{
    uint64_t *from_seqs;
    size_t count;
    if (snapshot_list(reader->dir, &from_seqs, &count, error) != 0)
        return -1;
    *from_seq = count > 0 ? from_seqs[count - 1] : 0;
    free(from_seqs);
    return 0;
}

/* True when a batch after the reader's position says that the expected record had been synced. */
static bool later_batch_proves_sync(const struct journal_reader *reader)
{
    struct journal_batch_header header, scanned;
    for (size_t offset = reader->offset + 8; offset + sizeof header <= reader->size; offset += 8) {
        memcpy(&header, reader->map + offset, sizeof header);
        if (header.length < sizeof header || header.length > JOURNAL_BATCH_BYTES_MAX || header.length % 8 != 0 ||
            header.synced_seq < reader->next_seq || header.first_seq <= header.synced_seq)
            continue;
        if (journal_batch_scan(reader->map + offset, reader->size - offset, reader->meta.journal_id, &scanned, NULL) ==
            JOURNAL_SCAN_BATCH)
            return true;
    }
    return false;
}

static bool rest_is_zero(const struct journal_reader *reader)
{
    const unsigned char *rest = reader->map + reader->offset;
    size_t length = reader->size - reader->offset;
    return length == 0 || (rest[0] == 0 && memcmp(rest, rest + 1, length - 1) == 0);
}

static bool due_batch_is_there(const struct journal_reader *reader)
{
    struct journal_batch_header header;
    return journal_batch_scan(reader->map + reader->offset, reader->size - reader->offset, reader->meta.journal_id,
                              &header, NULL) == JOURNAL_SCAN_BATCH &&
           header.first_seq == reader->next_seq;
}

/* Whether a segment begins with the expected record. Looked up by name: the listing of a folder that is being written
 * may have gaps. */
static bool successor_is_there(const struct journal_reader *reader)
{
    char path[JOURNAL_PATH_MAX];
    journal_segment_path(reader->dir, reader->next_seq, path);
    return reader->next_seq != reader->segment_first && disk->exists(path);
}

/* Classifies the absence of the expected batch: end, torn or damaged. JOURNAL_READ_BATCH means that its issuer has
 * written it meanwhile. Evidence is gathered before the second look, so that a live journal never looks damaged. */
static enum journal_read judge(struct journal_reader *reader, const char *reason, struct error *error)
{
    uint64_t first_seq, last_seq, snapshot_seq;
    if (last_snapshot(reader, &snapshot_seq, error) != 0 ||
        find_segment(reader, reader->next_seq, &first_seq, &last_seq, error) != 0)
        return JOURNAL_READ_FAILED;
    bool live = !reader->owned && journal_dir_is_locked(reader->dir);
    bool proven = reader->proven_seq >= reader->next_seq || snapshot_seq >= reader->next_seq ||
                  journal_acked_read(reader->dir, reader->meta.journal_id, NULL) >= reader->next_seq;
    bool empty = rest_is_zero(reader);
    bool was_synced = last_seq > reader->segment_first || proven || (!empty && later_batch_proves_sync(reader));
    if (due_batch_is_there(reader))
        return JOURNAL_READ_BATCH;
    if (empty && successor_is_there(reader))
        return enter_segment(reader, reader->next_seq, error);
    if (was_synced)
        return damaged(reader, reader->offset, reason, error);
    if (live || empty)
        return JOURNAL_READ_END;
    error_set(error, "%s ends with an unfinished write at offset %zu: %s", reader->path, reader->offset, reason);
    return JOURNAL_READ_TORN;
}

/* Zeros at the reader's position: the end of the journal, or of this segment. JOURNAL_READ_BATCH: look again. */
static enum journal_read at_zeros(struct journal_reader *reader, struct error *error)
{
    if (!successor_is_there(reader))
        return judge(reader, "zeros where records were expected", error);
    if (!rest_is_zero(reader))
        return damaged(reader, reader->offset, "data after the end of the segment", error);
    return enter_segment(reader, reader->next_seq, error);
}

static enum journal_read missing(struct journal_reader *reader, uint64_t seq, struct error *error)
{
    journal_segment_path(reader->dir, seq, reader->path);
    error_set(error, "%s is missing: restore this file from a backup", reader->path);
    return JOURNAL_READ_DAMAGED;
}

/* A journal begins with record 1, or after what a snapshot contains. A journal that has a snapshot, or that the store
 * has acknowledged records of, has a segment. */
static enum journal_read enter_first_segment(struct journal_reader *reader, struct error *error)
{
    uint64_t first_seq, last_seq, snapshot_seq;
    if (last_snapshot(reader, &snapshot_seq, error) != 0 || find_segment(reader, 0, &first_seq, &last_seq, error) != 0)
        return JOURNAL_READ_FAILED;
    if (first_seq == 0 && snapshot_seq == 0 && !journal_acked_exists(reader->dir))
        return JOURNAL_READ_END;
    if (first_seq == 0 || first_seq > snapshot_seq + 1)
        return missing(reader, first_seq == 0 ? snapshot_seq + 1 : 1, error);
    return enter_segment(reader, first_seq, error);
}

/* Examines the batch at the reader's position without advancing. */
static enum journal_read peek(struct journal_reader *reader, struct journal_batch_header *header, struct error *error)
{
    if (reader->map == NULL) {
        enum journal_read entered = enter_first_segment(reader, error);
        if (entered != JOURNAL_READ_BATCH)
            return entered;
    }
    enum journal_read found = JOURNAL_READ_BATCH;
    while (found == JOURNAL_READ_BATCH) {
        const char *reason = "";
        enum journal_scan scan = journal_batch_scan(reader->map + reader->offset, reader->size - reader->offset,
                                                    reader->meta.journal_id, header, &reason);
        bool due = scan == JOURNAL_SCAN_BATCH && header->first_seq == reader->next_seq;
        if (due && header->count > 0)
            break;
        if (due) /* a seal */
            reader->offset += header->length;
        else if (scan == JOURNAL_SCAN_END)
            found = at_zeros(reader, error);
        else
            found = judge(reader, scan == JOURNAL_SCAN_BAD ? reason : "the batch is out of sequence", error);
    }
    return found;
}

enum journal_read journal_reader_next(struct journal_reader *reader, const void **batch,
                                      struct journal_batch_header *header, struct error *error)
{
    enum journal_read found = peek(reader, header, error);
    if (found != JOURNAL_READ_BATCH)
        return found;
    *batch = reader->map + reader->offset;
    reader->offset += header->length;
    reader->next_seq += header->count;
    return JOURNAL_READ_BATCH;
}

/* For a journal without segments: the position where it would begin. */
static enum journal_read peek_first(struct journal_reader *reader, struct error *error)
{
    struct journal_batch_header header;
    return peek(reader, &header, error);
}

enum journal_read journal_reader_seek(struct journal_reader *reader, uint64_t seq, struct error *error)
{
    uint64_t first_seq, last_seq;
    if (find_segment(reader, seq, &first_seq, &last_seq, error) != 0)
        return JOURNAL_READ_FAILED;
    if (first_seq == 0)
        return last_seq == 0 && seq == 1 ? peek_first(reader, error) : missing(reader, seq, error);
    enum journal_read found = enter_segment(reader, first_seq, error);
    struct journal_batch_header header;
    while (found == JOURNAL_READ_BATCH) {
        found = peek(reader, &header, error);
        if (found != JOURNAL_READ_BATCH || header.first_seq + header.count > seq)
            break;
        reader->offset += header.length;
        reader->next_seq += header.count;
    }
    return found;
}
