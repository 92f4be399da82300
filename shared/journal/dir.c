#include "shared/journal/dir.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/clock.h"
#include "shared/disk.h"

void journal_partition_dir(const char *base, uint16_t partition, char out[JOURNAL_PATH_MAX])
{
    snprintf(out, JOURNAL_PATH_MAX, "%s/p%02u", base, partition);
}

void journal_segment_path(const char *dir, uint64_t first_seq, char out[JOURNAL_PATH_MAX])
{
    snprintf(out, JOURNAL_PATH_MAX, "%s/%020" PRIu64 ".segment", dir, first_seq);
}

static void file_path(const char *dir, const char *name, char out[JOURNAL_PATH_MAX])
{
    snprintf(out, JOURNAL_PATH_MAX, "%s/%s", dir, name);
}

int journal_dir_sync_parent(const char *path, struct error *error)
{
    char parent[JOURNAL_PATH_MAX];
    snprintf(parent, sizeof parent, "%s", path);
    char *slash = strrchr(parent, '/');
    if (slash == NULL)
        return journal_dir_sync(".", error);
    slash[slash == parent ? 1 : 0] = '\0';
    return journal_dir_sync(parent, error);
}

/* The folder may exist because a process created it and was killed before syncing its parent. A parent that we cannot
 * open belongs to somebody else, who created the folder. */
static int sync_parent_of_existing(const char *path, struct error *error)
{
    errno = 0;
    return journal_dir_sync_parent(path, error) == 0 || errno != EIO ? 0 : -1;
}

static int make_dir(const char *path, struct error *error)
{
    if (disk->mkdir(path) == 0)
        return journal_dir_sync_parent(path, error);
    int reason = errno;
    if (reason == EEXIST && disk->is_dir(path))
        return sync_parent_of_existing(path, error);
    reason = reason == EEXIST ? ENOTDIR : reason;
    return error_set(error, "cannot create the folder %s: %s", path, strerror(reason));
}

int journal_dir_create(const char *dir, struct error *error)
{
    char path[JOURNAL_PATH_MAX];
    if (snprintf(path, sizeof path, "%s", dir) >= JOURNAL_PATH_MAX - 40)
        return error_set(error, "the path %s is too long", dir);
    for (char *slash = strchr(path + 1, '/');; slash = strchr(slash + 1, '/')) {
        if (slash != NULL)
            *slash = '\0';
        if (make_dir(path, error) != 0)
            return -1;
        if (slash == NULL)
            return 0;
        *slash = '/';
    }
}

int journal_dir_lock(const char *dir, struct error *error)
{
    char path[JOURNAL_PATH_MAX];
    file_path(dir, "lock", path);
    int fd = disk->open(path, O_RDWR | O_CREAT);
    if (fd < 0)
        return error_set(error, "cannot write to %s: %s", path, strerror(errno));
    if (disk->try_lock(fd) == 0)
        return fd;
    int reason = errno;
    disk->close(fd);
    if (reason == EAGAIN)
        return error_set(error, "%s is in use by another issuer: stop that one, or give this one a journal of its own",
                         dir);
    return error_set(error, "cannot lock %s: %s", path, strerror(reason));
}

bool journal_dir_is_locked(const char *dir)
{
    char path[JOURNAL_PATH_MAX];
    file_path(dir, "lock", path);
    int fd = disk->open(path, O_RDONLY);
    if (fd < 0)
        return false;
    bool locked = disk->is_locked(fd);
    disk->close(fd);
    return locked;
}

int journal_dir_sync(const char *dir, struct error *error)
{
    return disk->sync_dir(dir) == 0 ? 0 : error_set(error, "cannot sync the folder %s: %s", dir, strerror(errno));
}

static int check_meta(const char *path, const struct journal_meta *meta, struct error *error)
{
    if (memcmp(meta->magic, JOURNAL_META_MAGIC, sizeof meta->magic) != 0)
        return error_set(error, "%s is not a coupond journal", path);
    if (meta->version != JOURNAL_VERSION && meta->version != JOURNAL_VERSION_1)
        return error_set(error,
                         "%s is a journal of version %" PRIu32 ", this coupond reads versions %d and %d: start the "
                         "coupond that wrote it",
                         path, meta->version, JOURNAL_VERSION_1, JOURNAL_VERSION);
    if (meta->checksum != journal_checksum(meta, sizeof *meta))
        return error_set(error, "%s is damaged at offset 0 (its checksum does not match): restore it from a backup",
                         path);
    return 0;
}

/* A journal of version 1 has no key for codes yet: it follows from the other key, so that every reader finds the same.
 * */
static void derive_code_key(struct journal_meta *meta)
{
    static const unsigned char purpose[] = "coupond codes";
    crypto_generichash(meta->code_key, sizeof meta->code_key, purpose, sizeof purpose - 1, meta->fingerprint_key,
                       sizeof meta->fingerprint_key);
}

static enum journal_meta_state cannot_read_meta(const char *path, int reason, struct error *error)
{
    if (reason == ENOENT)
        return JOURNAL_META_MISSING;
    error_set(error, "cannot read %s: %s", path, strerror(reason));
    return JOURNAL_META_UNREADABLE;
}

enum journal_meta_state journal_meta_read(const char *dir, struct journal_meta *meta, struct error *error)
{
    char path[JOURNAL_PATH_MAX];
    file_path(dir, "meta", path);
    int fd = disk->open(path, O_RDONLY);
    if (fd < 0)
        return cannot_read_meta(path, errno, error);
    ssize_t got = disk->pread(fd, meta, sizeof *meta, 0);
    int reason = errno;
    disk->close(fd);
    if (got < 0)
        return cannot_read_meta(path, reason, error);
    if ((size_t)got != sizeof *meta) {
        error_set(error, "%s is damaged (%zd bytes long, expected %zu): restore it from a backup", path, got,
                  sizeof *meta);
        return JOURNAL_META_DAMAGED;
    }
    if (check_meta(path, meta, error) != 0)
        return JOURNAL_META_DAMAGED;
    if (meta->version == JOURNAL_VERSION_1)
        derive_code_key(meta);
    return JOURNAL_META_SOUND;
}

static int cannot_write(const char *path, int reason, struct error *error)
{
    error_set(error, "cannot write %s: %s", path, strerror(reason));
    errno = reason;
    return -1;
}

int journal_dir_write(const char *dir, const char *name, const void *data, size_t size, struct error *error)
{
    char path[JOURNAL_PATH_MAX], temporary[JOURNAL_PATH_MAX + 4];
    file_path(dir, name, path);
    snprintf(temporary, sizeof temporary, "%s.new", path);
    int fd = disk->open(temporary, O_WRONLY | O_CREAT | O_TRUNC);
    if (fd < 0)
        return cannot_write(temporary, errno, error);
    bool written = disk_write_all(fd, data, size, 0) == 0 && disk->fsync(fd) == 0;
    int reason = errno;
    disk->close(fd);
    if (!written)
        return cannot_write(path, reason, error);
    if (disk->rename(temporary, path) != 0)
        return cannot_write(path, errno, error);
    return journal_dir_sync(dir, error);
}

int journal_meta_check_partitions(const struct journal_meta *meta, const char *dir, uint16_t partitions,
                                  struct error *error)
{
    if (meta->partitions == partitions)
        return 0;
    return error_set(error,
                     "the journal %s was created with issuer/partitions = %u, not %u: the number is fixed for the life "
                     "of a journal",
                     dir, meta->partitions, partitions);
}

int journal_meta_make(uint16_t partition, uint16_t partitions, struct journal_meta *meta, struct error *error)
{
    if (sodium_init() < 0)
        return error_set(error, "libsodium cannot be initialized");
    *meta = (struct journal_meta){
        .version = JOURNAL_VERSION,
        .partition = partition,
        .partitions = partitions,
        .created_at_us = clock_wall_us(),
    };
    memcpy(meta->magic, JOURNAL_META_MAGIC, sizeof meta->magic);
    randombytes_buf(meta->journal_id, sizeof meta->journal_id);
    randombytes_buf(meta->fingerprint_key, sizeof meta->fingerprint_key);
    randombytes_buf(meta->code_key, sizeof meta->code_key);
    meta->checksum = journal_checksum(meta, sizeof *meta);
    return 0;
}

int journal_meta_upgrade(const char *dir, struct journal_meta *meta, struct error *error)
{
    if (meta->version == JOURNAL_VERSION)
        return 0;
    meta->version = JOURNAL_VERSION;
    meta->checksum = journal_checksum(meta, sizeof *meta);
    return journal_meta_write(dir, meta, error);
}

int journal_meta_write(const char *dir, const struct journal_meta *meta, struct error *error)
{
    return journal_dir_write(dir, "meta", meta, sizeof *meta, error);
}

static bool acked_is_sound(const struct journal_acked *acked, ssize_t size, const uint8_t journal_id[16])
{
    return size == sizeof *acked && acked->checksum == journal_checksum(acked, sizeof *acked) &&
           memcmp(acked->magic, JOURNAL_ACKED_MAGIC, sizeof acked->magic) == 0 &&
           acked->version == JOURNAL_ACKED_VERSION &&
           memcmp(acked->journal_id, journal_id, sizeof acked->journal_id) == 0;
}

static bool acked_1_is_sound(const struct journal_acked_1 *acked, ssize_t size, const uint8_t journal_id[16])
{
    return size >= (ssize_t)sizeof *acked && acked->checksum == journal_checksum(acked, sizeof *acked) &&
           memcmp(acked->journal_id, journal_id, sizeof acked->journal_id) == 0;
}

uint64_t journal_acked_read(const char *dir, const uint8_t journal_id[16], uint8_t store_id[16])
{
    char path[JOURNAL_PATH_MAX];
    struct journal_acked acked = {0};
    if (store_id != NULL)
        memset(store_id, 0, sizeof acked.store_id);
    file_path(dir, "acked", path);
    int fd = disk->open(path, O_RDONLY);
    if (fd < 0)
        return 0;
    ssize_t size = disk->pread(fd, &acked, sizeof acked, 0);
    disk->close(fd);
    struct journal_acked_1 acked_1;
    memcpy(&acked_1, &acked, sizeof acked_1);
    if (acked_1_is_sound(&acked_1, size, journal_id))
        return acked_1.seq;
    if (!acked_is_sound(&acked, size, journal_id))
        return 0;
    if (store_id != NULL)
        memcpy(store_id, acked.store_id, sizeof acked.store_id);
    return acked.seq;
}

bool journal_acked_exists(const char *dir)
{
    char path[JOURNAL_PATH_MAX];
    file_path(dir, "acked", path);
    return disk->exists(path);
}

int journal_acked_open(const char *dir, struct error *error)
{
    char path[JOURNAL_PATH_MAX];
    file_path(dir, "acked", path);
    int fd = disk->open(path, O_WRONLY | O_CREAT);
    return fd >= 0 ? fd : error_set(error, "cannot write %s: %s", path, strerror(errno));
}

int journal_acked_write(int fd, const uint8_t journal_id[16], const uint8_t store_id[16], uint64_t seq)
{
    struct journal_acked acked = {.version = JOURNAL_ACKED_VERSION, .seq = seq};
    memcpy(acked.magic, JOURNAL_ACKED_MAGIC, sizeof acked.magic);
    memcpy(acked.journal_id, journal_id, sizeof acked.journal_id);
    memcpy(acked.store_id, store_id, sizeof acked.store_id);
    acked.checksum = journal_checksum(&acked, sizeof acked);
    return disk_write_all(fd, &acked, sizeof acked, 0);
}

int journal_acked_sync(const char *dir, struct error *error)
{
    int fd = journal_acked_open(dir, error);
    if (fd < 0)
        return -1;
    int result = disk->fdatasync(fd);
    int reason = errno;
    disk->close(fd);
    return result == 0 ? journal_dir_sync(dir, error)
                       : error_set(error, "cannot sync %s/acked: %s", dir, strerror(reason));
}

static int compare_seqs(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
    return left < right ? -1 : left > right;
}

struct number_list {
    const char *suffix;
    uint64_t *numbers;
    size_t count;
    size_t room;
};

/* The number in a file's name, 0 for any other name. */
static uint64_t number_of_name(const char *name, const char *suffix)
{
    if (strlen(name) != 20 + strlen(suffix) || strspn(name, "0123456789") != 20 || strcmp(name + 20, suffix) != 0)
        return 0;
    return strtoull(name, NULL, 10);
}

static bool add_number(void *arg, const char *name)
{
    struct number_list *list = arg;
    uint64_t number = number_of_name(name, list->suffix);
    if (number == 0)
        return true;
    if (list->count == list->room) {
        list->room = list->room ? list->room * 2 : 16;
        list->numbers = realloc(list->numbers, list->room * sizeof *list->numbers);
        CHECK(list->numbers != NULL);
    }
    list->numbers[list->count++] = number;
    return true;
}

int journal_numbered_list(const char *dir, const char *suffix, uint64_t **numbers, size_t *count, struct error *error)
{
    struct number_list list = {.suffix = suffix};
    *numbers = NULL;
    *count = 0;
    if (disk->list(dir, add_number, &list) != 0)
        return error_set(error, "cannot read the folder %s: %s", dir, strerror(errno));
    if (list.count > 0)
        qsort(list.numbers, list.count, sizeof *list.numbers, compare_seqs);
    *numbers = list.numbers;
    *count = list.count;
    return 0;
}

int journal_segments_list(const char *dir, uint64_t **first_seqs, size_t *count, struct error *error)
{
    return journal_numbered_list(dir, ".segment", first_seqs, count, error);
}
