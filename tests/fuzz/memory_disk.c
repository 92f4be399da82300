#include "memory_disk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "shared/disk.h"
#include "shared/error.h"

#define FILES_MAX   64
#define HANDLES_MAX 64
#define NAME_BYTES  192
#define FIRST_FD    1000 /* outside the range of real descriptors */

struct file {
    bool linked; /* has its name; the data of a file without one is freed with its last handle */
    char path[NAME_BYTES];
    unsigned char *data;
    size_t size;
    unsigned handles;
    unsigned maps;
};

static struct file files[FILES_MAX];
static struct file *handles[HANDLES_MAX];
static bool others_have_locks;

static int fail(int reason)
{
    errno = reason;
    return -1;
}

/* --- files --- */

static struct file *find(const char *path)
{
    for (size_t i = 0; i < FILES_MAX; i++) {
        if (files[i].linked && strcmp(files[i].path, path) == 0)
            return &files[i];
    }
    return NULL;
}

static struct file *create(const char *path)
{
    for (size_t i = 0; i < FILES_MAX; i++) {
        struct file *file = &files[i];
        if (file->linked || file->handles > 0 || file->maps > 0)
            continue;
        if (strlen(path) >= sizeof file->path)
            return NULL;
        *file = (struct file){.linked = true};
        strcpy(file->path, path);
        return file;
    }
    return NULL;
}

static void resize(struct file *file, size_t size)
{
    CHECK(file->maps == 0);
    unsigned char *data = calloc(1, size > 0 ? size : 1);
    CHECK(data != NULL);
    size_t kept = size < file->size ? size : file->size;
    if (kept > 0)
        memcpy(data, file->data, kept);
    free(file->data);
    file->data = data;
    file->size = size;
}

static void forget_when_unused(struct file *file)
{
    if (file->linked || file->handles > 0 || file->maps > 0)
        return;
    free(file->data);
    file->data = NULL;
    file->size = 0;
}

static struct file *of_handle(int fd)
{
    CHECK(fd >= FIRST_FD && fd < FIRST_FD + HANDLES_MAX && handles[fd - FIRST_FD] != NULL);
    return handles[fd - FIRST_FD];
}

/* --- struct disk --- */

static int disk_open(const char *path, int flags)
{
    struct file *file = find(path);
    size_t slot = 0;
    while (slot < HANDLES_MAX && handles[slot] != NULL)
        slot++;
    if (file == NULL && (flags & O_CREAT) != 0 && slot < HANDLES_MAX)
        file = create(path);
    if (file == NULL || slot == HANDLES_MAX)
        return fail(file == NULL && (flags & O_CREAT) == 0 ? ENOENT : ENOSPC);
    if ((flags & O_TRUNC) != 0 || file->data == NULL)
        resize(file, 0);
    file->handles++;
    handles[slot] = file;
    return FIRST_FD + (int)slot;
}

static int disk_close(int fd)
{
    struct file *file = of_handle(fd);
    handles[fd - FIRST_FD] = NULL;
    file->handles--;
    forget_when_unused(file);
    return 0;
}

static ssize_t disk_pread(int fd, void *bytes, size_t length, off_t offset)
{
    const struct file *file = of_handle(fd);
    size_t at = (size_t)offset < file->size ? (size_t)offset : file->size;
    size_t read = length < file->size - at ? length : file->size - at;
    if (read > 0)
        memcpy(bytes, file->data + at, read);
    return (ssize_t)read;
}

static ssize_t disk_pwrite(int fd, const void *bytes, size_t length, off_t offset)
{
    struct file *file = of_handle(fd);
    if ((size_t)offset + length > file->size)
        resize(file, (size_t)offset + length);
    if (length > 0)
        memcpy(file->data + offset, bytes, length);
    return (ssize_t)length;
}

static int disk_allocate(int fd, size_t length)
{
    struct file *file = of_handle(fd);
    if (length > file->size)
        resize(file, length);
    return 0;
}

static int disk_flush_range(int fd, off_t offset, size_t length)
{
    (void)offset, (void)length;
    of_handle(fd);
    return 0;
}

static int disk_sync(int fd)
{
    of_handle(fd);
    return 0;
}

static int64_t disk_size(int fd)
{
    return (int64_t)of_handle(fd)->size;
}

static void *disk_map(int fd, size_t length)
{
    struct file *file = of_handle(fd);
    CHECK(length == file->size);
    if (length == 0) {
        errno = EINVAL;
        return NULL;
    }
    file->maps++;
    return file->data;
}

static int disk_unmap(void *map, size_t length)
{
    for (size_t i = 0; i < FILES_MAX; i++) {
        if (files[i].data != map || files[i].maps == 0)
            continue;
        CHECK(files[i].size == length);
        files[i].maps--;
        forget_when_unused(&files[i]);
        return 0;
    }
    CHECK(false); /* not one of our maps */
    return -1;
}

static bool disk_exists(const char *path)
{
    return find(path) != NULL;
}

static bool disk_is_dir(const char *path)
{
    return find(path) == NULL;
}

/* Every folder exists. */
static int disk_mkdir(const char *path)
{
    (void)path;
    return fail(EEXIST);
}

static int disk_unlink(const char *path)
{
    struct file *file = find(path);
    if (file == NULL)
        return fail(ENOENT);
    file->linked = false;
    forget_when_unused(file);
    return 0;
}

static int disk_rename(const char *from, const char *to)
{
    struct file *file = find(from);
    if (file == NULL || strlen(to) >= sizeof file->path)
        return fail(file == NULL ? ENOENT : ENAMETOOLONG);
    disk_unlink(to);
    strcpy(file->path, to);
    return 0;
}

static int disk_open_dir(const char *path)
{
    (void)path;
    return -1;
}

/* No other process replaces files here. */
static bool disk_is_same(int fd, const char *path)
{
    (void)fd, (void)path;
    return true;
}

static int disk_rename_new(const char *from, const char *to)
{
    return find(to) != NULL ? fail(EEXIST) : disk_rename(from, to);
}

static int disk_list(const char *path, disk_entry_fn each, void *arg)
{
    size_t length = strlen(path);
    for (size_t i = 0; i < FILES_MAX; i++) {
        const char *name = files[i].path + length;
        if (!files[i].linked || strncmp(files[i].path, path, length) != 0 || *name != '/')
            continue;
        if (strchr(name + 1, '/') == NULL && !each(arg, name + 1))
            break;
    }
    return 0;
}

static int disk_sync_dir(const char *path)
{
    (void)path;
    return 0;
}

static int disk_try_lock(int fd)
{
    of_handle(fd);
    return others_have_locks ? fail(EAGAIN) : 0;
}

static bool disk_is_locked(int fd)
{
    of_handle(fd);
    return others_have_locks;
}

static void disk_stop(int status)
{
    (void)status;
    CHECK(false); /* without injected faults there is no reason to give up */
}

static const struct disk memory_disk = {
    .open = disk_open,
    .close = disk_close,
    .pread = disk_pread,
    .pwrite = disk_pwrite,
    .allocate = disk_allocate,
    .flush_range = disk_flush_range,
    .fdatasync = disk_sync,
    .fsync = disk_sync,
    .size = disk_size,
    .map = disk_map,
    .unmap = disk_unmap,
    .exists = disk_exists,
    .is_dir = disk_is_dir,
    .mkdir = disk_mkdir,
    .rename = disk_rename,
    .is_same = disk_is_same,
    .open_dir = disk_open_dir,
    .rename_new = disk_rename_new,
    .unlink = disk_unlink,
    .list = disk_list,
    .sync_dir = disk_sync_dir,
    .try_lock = disk_try_lock,
    .is_locked = disk_is_locked,
    .stop = disk_stop,
};

/* --- for the targets --- */

void memory_disk_use(void)
{
    disk = &memory_disk;
}

void memory_disk_clear(void)
{
    for (size_t i = 0; i < HANDLES_MAX; i++)
        CHECK(handles[i] == NULL);
    for (size_t i = 0; i < FILES_MAX; i++) {
        CHECK(files[i].maps == 0);
        files[i].linked = false;
        forget_when_unused(&files[i]);
    }
    others_have_locks = false;
}

bool memory_disk_put(const char *path, const void *data, size_t size)
{
    int fd = disk_open(path, O_RDWR | O_CREAT | O_TRUNC);
    if (fd < 0)
        return false;
    resize(of_handle(fd), size);
    disk_pwrite(fd, data, size, 0);
    disk_close(fd);
    return true;
}

const void *memory_disk_get(const char *path, size_t *size)
{
    const struct file *file = find(path);
    *size = file == NULL ? 0 : file->size;
    return file == NULL ? NULL : file->data;
}

void memory_disk_each(memory_disk_fn each, void *arg)
{
    for (size_t i = 0; i < FILES_MAX; i++) {
        if (files[i].linked)
            each(arg, files[i].path, files[i].data, files[i].size);
    }
}

void memory_disk_set_locked(bool locked)
{
    others_have_locks = locked;
}
