#include "shared/disk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static int posix_open(const char *path, int flags)
{
    return open(path, flags | O_CLOEXEC, 0666);
}

static int posix_allocate(int fd, size_t length)
{
    int reason = posix_fallocate(fd, 0, (off_t)length);
    errno = reason;
    return reason == 0 ? 0 : -1;
}

static int posix_flush_range(int fd, off_t offset, size_t length)
{
    return sync_file_range(fd, offset, (off_t)length, SYNC_FILE_RANGE_WRITE);
}

static int64_t posix_size(int fd)
{
    struct stat status;
    return fstat(fd, &status) == 0 ? (int64_t)status.st_size : -1;
}

static void *posix_map(int fd, size_t length)
{
    void *map = mmap(NULL, length, PROT_READ, MAP_SHARED, fd, 0);
    if (map == MAP_FAILED)
        return NULL;
    madvise(map, length, MADV_SEQUENTIAL);
    return map;
}

static bool posix_exists(const char *path)
{
    return access(path, F_OK) == 0;
}

static bool posix_is_dir(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

/* Only ENOENT proves that a path is gone; any other failure of stat does not. */
static bool posix_is_same(int fd, const char *path)
{
    struct stat opened, named;
    if (fstat(fd, &opened) != 0)
        return true;
    if (stat(path, &named) != 0)
        return errno != ENOENT && errno != ENOTDIR;
    return opened.st_dev == named.st_dev && opened.st_ino == named.st_ino;
}

static int posix_mkdir(const char *path)
{
    return mkdir(path, 0777);
}

static int posix_rename_new(const char *from, const char *to)
{
    return renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE);
}

static int posix_list(const char *path, disk_entry_fn each, void *arg)
{
    DIR *folder = opendir(path);
    if (folder == NULL)
        return -1;
    struct dirent *entry;
    while ((entry = readdir(folder)) != NULL && each(arg, entry->d_name))
        ;
    closedir(folder);
    return 0;
}

static int posix_open_dir(const char *path)
{
    return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static int posix_sync_dir(const char *path)
{
    int fd = posix_open_dir(path);
    if (fd < 0)
        return -1;
    int result = fsync(fd);
    int reason = errno;
    close(fd);
    errno = reason;
    return result;
}

static int posix_try_lock(int fd)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    int result = fcntl(fd, F_OFD_SETLK, &lock);
    if (result != 0 && errno == EACCES)
        errno = EAGAIN;
    return result;
}

static bool posix_is_locked(int fd)
{
    struct flock lock = {.l_type = F_RDLCK, .l_whence = SEEK_SET};
    return fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

const struct disk disk_posix = {
    .open = posix_open,
    .close = close,
    .pread = pread,
    .pwrite = pwrite,
    .allocate = posix_allocate,
    .flush_range = posix_flush_range,
    .fdatasync = fdatasync,
    .fsync = fsync,
    .size = posix_size,
    .map = posix_map,
    .unmap = munmap,
    .exists = posix_exists,
    .is_dir = posix_is_dir,
    .is_same = posix_is_same,
    .mkdir = posix_mkdir,
    .rename = rename,
    .rename_new = posix_rename_new,
    .unlink = unlink,
    .list = posix_list,
    .sync_dir = posix_sync_dir,
    .open_dir = posix_open_dir,
    .try_lock = posix_try_lock,
    .is_locked = posix_is_locked,
    .stop = _exit,
};

const struct disk *disk = &disk_posix;

bool disk_is_shortage(int reason)
{
    return reason == EMFILE || reason == ENFILE || reason == ENOMEM;
}

bool disk_is_full(int reason)
{
    return reason == ENOSPC || reason == EDQUOT;
}

int disk_write_all(int fd, const void *bytes, size_t length, off_t offset)
{
    const unsigned char *next = bytes;
    while (length > 0) {
        ssize_t written = disk->pwrite(fd, next, length, offset);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0) {
            errno = written == 0 ? ENOSPC : errno;
            return -1;
        }
        next += written;
        length -= (size_t)written;
        offset += written;
    }
    return 0;
}
