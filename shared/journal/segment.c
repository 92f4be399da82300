#include "shared/journal/segment.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "shared/disk.h"
#include "shared/journal/dir.h"

#define ZERO_STEP (1u << 20)

static void prepared_path(const char *dir, char out[JOURNAL_PATH_MAX])
{
    snprintf(out, JOURNAL_PATH_MAX, "%s/next.prepared", dir);
}

static int zero_step(int fd, size_t offset, size_t end)
{
    static const unsigned char zeros[ZERO_STEP];
    return disk_write_all(fd, zeros, end - offset < ZERO_STEP ? end - offset : ZERO_STEP, (off_t)offset);
}

int journal_segment_zero(int fd, size_t offset, size_t end)
{
    for (; offset < end; offset += ZERO_STEP) {
        if (zero_step(fd, offset, end) != 0)
            return -1;
    }
    return 0;
}

/* Allocates first, so that a full disk is reported at once, before its remaining space is filled. */
static int fill(int fd, size_t size, journal_segment_pause_fn pause, void *arg)
{
    if (disk->allocate(fd, size) != 0)
        return -1;
    for (size_t offset = 0; offset < size; offset += ZERO_STEP) {
        if (zero_step(fd, offset, size) != 0)
            return -1;
        /* Flush in small steps: one large flush would delay the journal's own syncs. */
        disk->flush_range(fd, (off_t)offset, ZERO_STEP);
        if (pause != NULL)
            pause(arg);
    }
    return disk->fsync(fd);
}

int journal_segment_prepare(const char *dir, size_t size, journal_segment_pause_fn pause, void *arg,
                            struct error *error)
{
    char path[JOURNAL_PATH_MAX];
    prepared_path(dir, path);
    int fd = disk->open(path, O_RDWR | O_CREAT | O_TRUNC);
    if (fd < 0)
        return error_set(error, "cannot write %s: %s", path, strerror(errno));
    if (fill(fd, size, pause, arg) == 0)
        return fd;
    error_set(error, "cannot allocate %zu MiB for %s: %s", size >> 20, path, strerror(errno));
    disk->close(fd);
    disk->unlink(path);
    return -1;
}

int journal_segment_activate(int fd, const char *dir, const struct journal_meta *meta, uint64_t first_seq, size_t size,
                             struct error *error)
{
    char from[JOURNAL_PATH_MAX], to[JOURNAL_PATH_MAX];
    prepared_path(dir, from);
    journal_segment_path(dir, first_seq, to);
    struct journal_segment_header header = {
        .version = JOURNAL_VERSION,
        .partition = meta->partition,
        .first_seq = first_seq,
        .size = size,
    };
    memcpy(header.magic, JOURNAL_SEGMENT_MAGIC, sizeof header.magic);
    memcpy(header.journal_id, meta->journal_id, sizeof header.journal_id);
    header.checksum = journal_checksum(&header, sizeof header);
    if (disk_write_all(fd, &header, sizeof header, 0) != 0 || disk->fdatasync(fd) != 0 ||
        disk->rename_new(from, to) != 0)
        return error_set(error, "cannot begin the segment %s: %s", to, strerror(errno));
    return 0;
}

void journal_segment_discard(const char *dir)
{
    char path[JOURNAL_PATH_MAX];
    prepared_path(dir, path);
    disk->unlink(path);
}
