#include "shared/journal/notes.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "shared/clock.h"
#include "shared/disk.h"
#include "shared/journal/dir.h"

#define UNCOMPARED    "uncompared"
#define FORMER_STORES "former_stores"
#define COPYING       "copying"
#define ASIDE_TRIES   100 /* within a second */

/* 1: read, with exactly `size` bytes; 0: missing. */
static int read_note(const char *dir, const char *name, void *note, size_t size, struct error *error)
{
    char path[JOURNAL_PATH_MAX + 16];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    int fd = disk->open(path, O_RDONLY);
    if (fd < 0)
        return errno == ENOENT ? 0 : error_set(error, "cannot read %s: %s", path, strerror(errno));
    ssize_t got = disk->pread(fd, note, size, 0);
    int reason = errno;
    disk->close(fd);
    if (got < 0)
        return error_set(error, "cannot read %s: %s", path, strerror(reason));
    if ((size_t)got != size)
        memset(note, 0, size); /* an invalid checksum for every note */
    return 1;
}

static int refuse_damaged(const char *dir, const char *name, struct error *error)
{
    error_set(error,
              "%s/%s is damaged, so it is unknown how far the journal agrees with its store: remove the file if "
              "this is the newest copy of the journal, otherwise rebuild the journal by `coupond issuer "
              "--rebuild-from-store`",
              dir, name);
    return JOURNAL_NOTE_DAMAGED;
}

static int remove_note(const char *dir, const char *name, struct error *error)
{
    char path[JOURNAL_PATH_MAX + 16];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    if (disk->unlink(path) != 0 && errno != ENOENT)
        return error_set(error, "cannot remove %s: %s", path, strerror(errno));
    return journal_dir_sync(dir, error); /* makes an interrupted earlier removal durable, too */
}

/* --- uncompared --- */

static bool uncompared_is_sound(const struct journal_uncompared *note)
{
    return note->checksum == journal_checksum(note, sizeof *note) &&
           memcmp(note->magic, JOURNAL_UNCOMPARED_MAGIC, sizeof note->magic) == 0;
}

int journal_uncompared_read(const char *dir, const uint8_t journal_id[16], uint64_t *seq, struct error *error)
{
    struct journal_uncompared note;
    int read = read_note(dir, UNCOMPARED, &note, sizeof note, error);
    if (read != 1)
        return read;
    if (!uncompared_is_sound(&note))
        return refuse_damaged(dir, UNCOMPARED, error);
    if (memcmp(note.journal_id, journal_id, sizeof note.journal_id) != 0)
        return 0;
    *seq = note.seq;
    return 1;
}

int journal_uncompared_write(const char *dir, const uint8_t journal_id[16], uint64_t seq, struct error *error)
{
    struct journal_uncompared note = {.seq = seq};
    memcpy(note.magic, JOURNAL_UNCOMPARED_MAGIC, sizeof note.magic);
    memcpy(note.journal_id, journal_id, sizeof note.journal_id);
    note.checksum = journal_checksum(&note, sizeof note);
    uint64_t noted = 0;
    if (journal_uncompared_read(dir, journal_id, &noted, error) == 1 && noted == seq)
        return journal_dir_sync(dir, error); /* a full disk is no hindrance */
    return journal_dir_write(dir, UNCOMPARED, &note, sizeof note, error);
}

int journal_uncompared_remove(const char *dir, struct error *error)
{
    return remove_note(dir, UNCOMPARED, error);
}

/* --- former stores --- */

static bool former_is_sound(const struct journal_former_stores *stores)
{
    return stores->checksum == journal_checksum(stores, sizeof *stores) &&
           memcmp(stores->magic, JOURNAL_FORMER_MAGIC, sizeof stores->magic) == 0 &&
           stores->count <= JOURNAL_FORMER_STORES;
}

int journal_former_read(const char *dir, const uint8_t journal_id[16], struct journal_former_stores *stores,
                        struct error *error)
{
    struct journal_former_stores none = {.others_seq = UINT64_MAX}, found;
    memcpy(none.magic, JOURNAL_FORMER_MAGIC, sizeof none.magic);
    memcpy(none.journal_id, journal_id, sizeof none.journal_id);
    *stores = none;
    int read = read_note(dir, FORMER_STORES, &found, sizeof found, error);
    if (read != 1)
        return read;
    if (!former_is_sound(&found))
        return refuse_damaged(dir, FORMER_STORES, error);
    if (memcmp(found.journal_id, journal_id, sizeof found.journal_id) == 0)
        *stores = found;
    return 0;
}

int journal_former_write(const char *dir, const struct journal_former_stores *stores, struct error *error)
{
    struct journal_former_stores sealed = *stores;
    if (stores->count == 0 && stores->others_seq == UINT64_MAX)
        return remove_note(dir, FORMER_STORES, error);
    sealed.checksum = journal_checksum(&sealed, sizeof sealed);
    return journal_dir_write(dir, FORMER_STORES, &sealed, sizeof sealed, error);
}

/* --- copies --- */

static void copying_path(const char *dir, char path[JOURNAL_PATH_MAX + 16])
{
    snprintf(path, JOURNAL_PATH_MAX + 16, "%s/%s", dir, COPYING);
}

bool journal_is_copying(const char *dir)
{
    char path[JOURNAL_PATH_MAX + 16];
    copying_path(dir, path);
    return disk->exists(path);
}

int journal_copying_begin(const char *dir, struct error *error)
{
    return journal_dir_write(dir, COPYING, "", 0, error);
}

int journal_copying_end(const char *dir, struct error *error)
{
    return remove_note(dir, COPYING, error);
}

int journal_copy_begin(const char *dir, const struct journal_meta *meta, struct error *error)
{
    if (journal_dir_create(dir, error) != 0 || journal_copying_begin(dir, error) != 0)
        return -1;
    struct journal_meta copy = *meta;
    copy.checksum = journal_checksum(&copy, sizeof copy);
    return journal_meta_write(dir, &copy, error);
}

int journal_set_aside(const char *dir, char aside[JOURNAL_PATH_MAX], struct error *error)
{
    char base[JOURNAL_PATH_MAX], time[32];
    time_t now = (time_t)(clock_wall_us() / 1000000);
    struct tm utc;
    gmtime_r(&now, &utc);
    strftime(time, sizeof time, "%Y%m%dT%H%M%SZ", &utc);
    if (snprintf(base, sizeof base, "%s.aside-%s", dir, time) >= JOURNAL_PATH_MAX - 4)
        return error_set(error, "the name of %s is too long to set it aside", dir);
    for (unsigned i = 1; i < ASIDE_TRIES; i++) {
        char suffix[8] = "";
        if (i > 1)
            snprintf(suffix, sizeof suffix, "-%u", i);
        snprintf(aside, JOURNAL_PATH_MAX, "%.*s%s", JOURNAL_PATH_MAX - 8, base, suffix);
        if (disk->exists(aside))
            continue;
        if (disk->rename(dir, aside) != 0)
            return error_set(error, "cannot rename %s to %s: %s", dir, aside, strerror(errno));
        return journal_dir_sync_parent(aside, error);
    }
    return error_set(error, "too many folders are called %s", base);
}
