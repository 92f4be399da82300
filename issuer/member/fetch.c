#include "issuer/member/fetch.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "issuer/member/asking.h"
#include "shared/clock.h"
#include "shared/disk.h"
#include "shared/journal/notes.h"
#include "shared/journal/segment.h"
#include "shared/journal/snapshot_format.h"
#include "shared/process/stop.h"
#include "shared/telemetry/log.h"
#include "shared/telemetry/notify.h"
#include "shared/wire/frame_member.h"

#define WAIT_MS     200 /* for an answer, then it asks again */
#define REPORT_US   INT64_C(2000000)
#define UNFINISHED  ".unfinished"
#define PIECE_TRIES 50 /* for the same piece, then it begins with the newest snapshot */

struct fetch {
    const struct options *options;
    struct member_asking *asking;
    uint16_t partition;
    const uint8_t *journal_id;
    char dir[JOURNAL_PATH_MAX]; /* the unfinished one */
    struct journal_meta meta;
    uint64_t first_seq;
    uint64_t source; /* the start of the owner that the snapshot is of: another one's may differ */
    int64_t report_us;
};

static void report(struct fetch *fetch, const char *what, uint64_t done, uint64_t all)
{
    if (clock_mono_us() < fetch->report_us)
        return;
    fetch->report_us = clock_mono_us() + REPORT_US;
    unsigned percent = all > 0 ? (unsigned)(100 * done / all) : 0;
    log_info("issuer", "copying the owner's journal: %s, %u %% partition=%u", what, percent, fetch->partition);
    notify_status("copying the owner's journal: %s, %u %%", what, percent);
}

static int give_up(struct error *error)
{
    return error_set(error, "stopped while waiting for the other members");
}

/* --- identity --- */

static void read_identity(struct fetch *fetch, zframe_t *frame)
{
    struct frame_header header;
    struct frame_identity identity;
    struct error error;
    const unsigned char *records = frame_records(zframe_data(frame));
    memcpy(&header, zframe_data(frame), sizeof header);
    memcpy(&identity, records + sizeof(struct frame_member), sizeof identity);
    CHECK(journal_meta_make(header.partition, header.partitions, &fetch->meta, &error) == 0);
    memcpy(fetch->meta.journal_id, fetch->journal_id, sizeof fetch->meta.journal_id);
    memcpy(fetch->meta.fingerprint_key, identity.fingerprint_key, sizeof identity.fingerprint_key);
    memcpy(fetch->meta.code_key, identity.code_key, sizeof identity.code_key);
    fetch->meta.created_at_us = identity.created_at_us;
    fetch->first_seq = identity.first_seq;
}

/* Waits without limit: a member alone cannot know what others have answered. */
static int fetch_identity(struct fetch *fetch, struct error *error)
{
    zframe_t *frame = NULL;
    while (frame == NULL) {
        report(fetch, "waiting for the owner", 0, 0);
        frame = member_asking_ask(fetch->asking, FRAME_MEMBER_JOIN, NULL, 0, FRAME_MEMBER_IDENTITY, fetch->journal_id,
                                  WAIT_MS);
        if (frame == NULL && stop_requested())
            return give_up(error);
    }
    read_identity(fetch, frame);
    zframe_destroy(&frame);
    return 0;
}

/* --- snapshot --- */

/* Asks for a piece until it comes. False: the owner has no such snapshot any more, is another one, or does not answer.
 */
static bool fetch_piece(struct fetch *fetch, struct frame_piece *piece, zframe_t **frame)
{
    const struct frame_fetch wanted = {piece->from_seq, piece->offset};
    for (unsigned tries = 0; tries < PIECE_TRIES && !stop_requested(); tries++) {
        *frame = member_asking_ask(fetch->asking, FRAME_MEMBER_FETCH, &wanted, sizeof wanted, FRAME_MEMBER_PIECE,
                                   fetch->journal_id, WAIT_MS);
        if (*frame == NULL)
            continue;
        struct frame_piece got;
        struct frame_header header;
        memcpy(&header, zframe_data(*frame), sizeof header);
        fetch->source = piece->offset == 0 ? header.incarnation : fetch->source;
        if (header.incarnation != fetch->source)
            return false;
        memcpy(&got, (unsigned char *)frame_records(zframe_data(*frame)) + sizeof(struct frame_member), sizeof got);
        if (got.offset == wanted.offset && (wanted.from_seq == 0 || got.from_seq == wanted.from_seq)) {
            *piece = got;
            return got.size > 0;
        }
        zframe_destroy(frame); /* an answer to an earlier question */
    }
    return false;
}

static int write_piece(int fd, const struct frame_piece *piece, zframe_t *frame, uint64_t *bytes, struct error *error)
{
    const size_t before = sizeof(struct frame_header) + sizeof(struct frame_member) + sizeof *piece;
    *bytes = zframe_size(frame) - before;
    if (disk_write_all(fd, zframe_data(frame) + before, *bytes, (off_t)piece->offset) == 0)
        return 0;
    return error_set(error, "cannot write a snapshot: %s", strerror(errno));
}

/* 1: the whole file is there, in `piece` from which record; 0: begin again; -1 and `error`. */
static int fetch_into(struct fetch *fetch, int fd, struct frame_piece *piece, struct error *error)
{
    *piece = (struct frame_piece){0};
    do {
        zframe_t *frame = NULL;
        uint64_t bytes = 0;
        bool there = fetch_piece(fetch, piece, &frame);
        int result = there ? write_piece(fd, piece, frame, &bytes, error) : 0;
        zframe_destroy(&frame);
        if (result != 0 || !there || bytes == 0)
            return result;
        piece->offset += bytes;
        report(fetch, "snapshot", piece->offset, piece->size);
    } while (piece->offset < piece->size);
    if (disk->fsync(fd) != 0)
        return error_set(error, "cannot sync a snapshot: %s", strerror(errno));
    return 1;
}

/* The journal begins with the record after the snapshot. */
static int begin_segment(const struct fetch *fetch, uint64_t first_seq, struct error *error)
{
    size_t size = (size_t)fetch->options->issuer_segment_mb << 20;
    struct journal_meta meta;
    if (journal_meta_read(fetch->dir, &meta, error) != JOURNAL_META_SOUND)
        return -1;
    int fd = journal_segment_prepare(fetch->dir, size, NULL, NULL, error);
    if (fd < 0)
        return -1;
    int result = journal_segment_activate(fd, fetch->dir, &meta, first_seq, size, error);
    disk->close(fd);
    return result;
}

/* False: begin again. */
static int fetch_snapshot(struct fetch *fetch, bool *done, struct error *error)
{
    char from[JOURNAL_PATH_MAX], to[JOURNAL_PATH_MAX];
    struct frame_piece piece;
    snapshot_unfinished_path(fetch->dir, from);
    int fd = disk->open(from, O_RDWR | O_CREAT | O_TRUNC);
    if (fd < 0)
        return error_set(error, "cannot create %s: %s", from, strerror(errno));
    int result = fetch_into(fetch, fd, &piece, error);
    disk->close(fd);
    *done = result == 1;
    if (result != 1)
        return result;
    snapshot_path(fetch->dir, piece.from_seq, to);
    if (disk->rename(from, to) != 0)
        return error_set(error, "cannot rename %s: %s", from, strerror(errno));
    log_info("issuer", "copied a snapshot of the owner snapshot=%" PRIu64 " bytes=%" PRIu64 " partition=%u",
             piece.from_seq, piece.size, fetch->partition);
    return begin_segment(fetch, piece.from_seq + 1, error);
}

static int fetch_start(struct fetch *fetch, struct error *error)
{
    bool done = fetch->first_seq <= 1;
    while (!done) {
        if (stop_requested())
            return give_up(error);
        if (fetch_snapshot(fetch, &done, error) != 0)
            return -1;
        if (!done)
            stop_sleep(WAIT_MS); /* until the owner has one */
    }
    return journal_dir_sync(fetch->dir, error);
}

/* --- all --- */

/* What an earlier attempt has left. */
static bool remove_file(void *arg, const char *name)
{
    const struct fetch *fetch = arg;
    char path[2 * JOURNAL_PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", fetch->dir, name);
    disk->unlink(path);
    return true;
}

static int name_folder(const struct fetch *fetch, const char *dir, struct error *error)
{
    if (disk->rename(fetch->dir, dir) != 0)
        return error_set(error, "cannot rename %s to %s: %s", fetch->dir, dir, strerror(errno));
    return journal_dir_sync_parent(dir, error);
}

int member_fetch(const struct options *options, const struct members *members, uint16_t partition,
                 const uint8_t journal_id[16], const char *dir, struct error *error)
{
    struct fetch fetch = {.options = options, .partition = partition, .journal_id = journal_id};
    if (snprintf(fetch.dir, sizeof fetch.dir, "%s" UNFINISHED, dir) >= JOURNAL_PATH_MAX)
        return error_set(error, "the name of %s is too long", dir);
    disk->list(fetch.dir, remove_file, &fetch);
    if (member_asking_open(options, members, partition, &fetch.asking, error) != 0)
        return -1;
    int result = fetch_identity(&fetch, error);
    if (result == 0)
        result = journal_copy_begin(fetch.dir, &fetch.meta, error);
    if (result == 0)
        result = fetch_start(&fetch, error);
    member_asking_close(&fetch.asking);
    return result == 0 ? name_folder(&fetch, dir, error) : -1;
}
