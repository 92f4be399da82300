#include "shared/journal_dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shared/clock.h"

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

/* The folder that holds `path`, synced: its new entry lasts. */
static int sync_parent(const char *path, struct error *error)
{
    char parent[JOURNAL_PATH_MAX];
    snprintf(parent, sizeof parent, "%s", path);
    char *slash = strrchr(parent, '/');
    if (slash == NULL)
        return journal_dir_sync(".", error);
    slash[slash == parent ? 1 : 0] = '\0';
    return journal_dir_sync(parent, error);
}

static int make_dir(const char *path, struct error *error)
{
    struct stat there;
    if (mkdir(path, 0777) == 0)
        return sync_parent(path, error);
    int reason = errno;
    if (reason == EEXIST && stat(path, &there) == 0) {
        if (S_ISDIR(there.st_mode))
            return 0;
        reason = ENOTDIR;
    }
    return error_set(error, "cannot make the folder %s: %s", path, strerror(reason));
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
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (fd < 0)
        return error_set(error, "cannot write to %s: %s", path, strerror(errno));
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    if (fcntl(fd, F_OFD_SETLK, &lock) == 0)
        return fd;
    int reason = errno;
    close(fd);
    if (reason == EAGAIN || reason == EACCES)
        return error_set(error, "%s is in use by another issuer: stop that one, or give this one a journal of its own",
                         dir);
    return error_set(error, "cannot lock %s: %s", path, strerror(reason));
}

bool journal_dir_is_locked(const char *dir)
{
    char path[JOURNAL_PATH_MAX];
    file_path(dir, "lock", path);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    struct flock lock = {.l_type = F_RDLCK, .l_whence = SEEK_SET};
    bool locked = fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
    close(fd);
    return locked;
}

int journal_dir_sync(const char *dir, struct error *error)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int result = fd < 0 ? -1 : fsync(fd);
    int reason = errno;
    if (fd >= 0)
        close(fd);
    return result == 0 ? 0 : error_set(error, "cannot sync the folder %s: %s", dir, strerror(reason));
}

static int check_meta(const char *path, const struct journal_meta *meta, struct error *error)
{
    if (memcmp(meta->magic, JOURNAL_META_MAGIC, sizeof meta->magic) != 0)
        return error_set(error, "%s is not a coupond journal", path);
    if (meta->version != JOURNAL_VERSION)
        return error_set(error,
                         "%s is a journal of version %" PRIu32 ", this coupond reads version %d: start the coupond "
                         "that wrote it",
                         path, meta->version, JOURNAL_VERSION);
    if (meta->checksum != journal_checksum(meta, sizeof *meta))
        return error_set(error, "%s is damaged at offset 0 (its checksum does not match): restore it from a backup",
                         path);
    return 0;
}

int journal_meta_read(const char *dir, struct journal_meta *meta, struct error *error)
{
    char path[JOURNAL_PATH_MAX];
    file_path(dir, "meta", path);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? 1 : error_set(error, "cannot read %s: %s", path, strerror(errno));
    ssize_t got = read(fd, meta, sizeof *meta);
    int reason = errno;
    close(fd);
    if (got < 0)
        return error_set(error, "cannot read %s: %s", path, strerror(reason));
    if ((size_t)got != sizeof *meta)
        return error_set(error, "%s is damaged (%zd bytes long, it should have %zu): restore it from a backup", path,
                         got, sizeof *meta);
    return check_meta(path, meta, error);
}

/* Writes `path` so that it is either there as a whole or not at all. */
static int write_durably(const char *dir, const char *name, const void *data, size_t size, struct error *error)
{
    char path[JOURNAL_PATH_MAX], temporary[JOURNAL_PATH_MAX + 4];
    file_path(dir, name, path);
    snprintf(temporary, sizeof temporary, "%s.new", path);
    int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0)
        return error_set(error, "cannot write %s: %s", temporary, strerror(errno));
    bool written = write(fd, data, size) == (ssize_t)size && fsync(fd) == 0;
    int reason = errno;
    close(fd);
    if (!written || rename(temporary, path) != 0)
        return error_set(error, "cannot write %s: %s", path, strerror(written ? errno : reason));
    return journal_dir_sync(dir, error);
}

int journal_meta_create(const char *dir, uint16_t partition, uint16_t partitions, struct journal_meta *meta,
                        struct error *error)
{
    if (sodium_init() < 0)
        return error_set(error, "libsodium cannot be initialised");
    *meta = (struct journal_meta){
        .version = JOURNAL_VERSION,
        .partition = partition,
        .partitions = partitions,
        .created_at_us = clock_wall_us(),
    };
    memcpy(meta->magic, JOURNAL_META_MAGIC, sizeof meta->magic);
    randombytes_buf(meta->journal_id, sizeof meta->journal_id);
    randombytes_buf(meta->fingerprint_key, sizeof meta->fingerprint_key);
    meta->checksum = journal_checksum(meta, sizeof *meta);
    return write_durably(dir, "meta", meta, sizeof *meta, error);
}

uint64_t journal_acked_read(const char *dir, const uint8_t journal_id[16])
{
    char path[JOURNAL_PATH_MAX];
    file_path(dir, "acked", path);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    struct journal_acked acked;
    bool whole = pread(fd, &acked, sizeof acked, 0) == sizeof acked;
    close(fd);
    bool sound = whole && acked.checksum == journal_checksum(&acked, sizeof acked) &&
                 memcmp(acked.journal_id, journal_id, sizeof acked.journal_id) == 0;
    return sound ? acked.seq : 0;
}

bool journal_acked_exists(const char *dir)
{
    char path[JOURNAL_PATH_MAX];
    file_path(dir, "acked", path);
    return access(path, F_OK) == 0;
}

int journal_acked_open(const char *dir, struct error *error)
{
    char path[JOURNAL_PATH_MAX];
    file_path(dir, "acked", path);
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
    return fd >= 0 ? fd : error_set(error, "cannot write %s: %s", path, strerror(errno));
}

int journal_acked_write(int fd, const uint8_t journal_id[16], uint64_t seq)
{
    struct journal_acked acked = {.seq = seq};
    memcpy(acked.journal_id, journal_id, sizeof acked.journal_id);
    acked.checksum = journal_checksum(&acked, sizeof acked);
    return pwrite(fd, &acked, sizeof acked, 0) == sizeof acked ? 0 : -1;
}

static int compare_seqs(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
    return left < right ? -1 : left > right;
}

/* The first sequence in a segment's name, 0 when it is no segment. */
static uint64_t segment_of_name(const char *name)
{
    char *end;
    if (strlen(name) != 20 + strlen(".segment") || strcmp(name + 20, ".segment") != 0)
        return 0;
    uint64_t first_seq = strtoull(name, &end, 10);
    return end == name + 20 ? first_seq : 0;
}

int journal_segments_list(const char *dir, uint64_t **first_seqs, size_t *count, struct error *error)
{
    *first_seqs = NULL;
    *count = 0;
    DIR *folder = opendir(dir);
    if (folder == NULL)
        return error_set(error, "cannot read the folder %s: %s", dir, strerror(errno));
    size_t room = 0;
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        uint64_t first_seq = segment_of_name(entry->d_name);
        if (first_seq == 0)
            continue;
        if (*count == room) {
            room = room ? room * 2 : 16;
            *first_seqs = realloc(*first_seqs, room * sizeof **first_seqs);
            CHECK(*first_seqs != NULL);
        }
        (*first_seqs)[(*count)++] = first_seq;
    }
    closedir(folder);
    if (*count > 0)
        qsort(*first_seqs, *count, sizeof **first_seqs, compare_seqs);
    return 0;
}
