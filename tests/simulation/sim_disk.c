#include "sim_disk.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include "shared/error.h"
#include "sim_disk_files.h"

#define FDS_MAX  256
#define FD_FIRST 1000 /* not a valid descriptor of the system */

struct sim_disk_faults sim_disk_faults;
struct sim_disk_counts sim_disk_counts;

static struct sim_files files;
static struct sim_random *chance;
static struct {
    struct sim_file *file;
    bool holds_lock;
} fds[FDS_MAX];

static jmp_buf end_of_process;
static bool running;
static uint64_t kill_after;

/* --- the life of the process --- */

void sim_disk_reset(struct sim_random *random)
{
    sim_files_clear(&files);
    memset(fds, 0, sizeof fds);
    chance = random;
    running = false;
    kill_after = 0;
    sim_disk_faults = (struct sim_disk_faults){0};
    sim_disk_counts = (struct sim_disk_counts){0};
    sim_files_create(&files, "/sim", true);
    sim_files_sync_dir(&files, "");
}

enum sim_end sim_disk_run(void (*body)(void *arg), void *arg)
{
    CHECK(!running);
    int end = setjmp(end_of_process);
    if (end == 0) {
        running = true;
        body(arg);
    }
    running = false;
    return (enum sim_end)end;
}

void sim_disk_kill_after(uint64_t operations)
{
    kill_after = operations;
}

static _Noreturn void end_process(enum sim_end end)
{
    CHECK(running);
    kill_after = 0;
    longjmp(end_of_process, (int)end);
}

/* True when the process is to be killed in the middle of the current operation. */
static bool killed_here(void)
{
    CHECK(running);
    sim_disk_counts.operations++;
    return kill_after > 0 && --kill_after == 0;
}

/* For operations that happen completely or not at all. */
static void operation(bool *last)
{
    *last = killed_here();
    if (*last && sim_random_chance(chance, 500))
        end_process(SIM_END_KILLED);
}

static void operation_done(bool last)
{
    if (last)
        end_process(SIM_END_KILLED);
}

void sim_disk_process_gone(void)
{
    memset(fds, 0, sizeof fds);
    kill_after = 0;
    for (size_t i = 0; i < files.count; i++) {
        files.all[i]->maps = 0;
        files.all[i]->locked = false;
    }
}

void sim_disk_power_gone(void)
{
    sim_disk_process_gone();
    for (size_t i = 0; i < files.count; i++)
        sim_file_lose_power(files.all[i], chance, &sim_disk_counts.torn_writes);
    sim_files_lose_names(&files, chance, &sim_disk_counts.lost_names);
}

static void stop(int status)
{
    (void)status;
    end_process(SIM_END_STOPPED);
}

/* --- files --- */

static int fail(int reason)
{
    errno = reason;
    return -1;
}

static struct sim_file *file_of(int fd)
{
    return fd >= FD_FIRST && fd < FD_FIRST + FDS_MAX ? fds[fd - FD_FIRST].file : NULL;
}

static int new_fd(struct sim_file *file)
{
    for (int i = 0; i < FDS_MAX; i++) {
        if (fds[i].file != NULL)
            continue;
        fds[i].file = file;
        fds[i].holds_lock = false;
        return FD_FIRST + i;
    }
    return fail(EMFILE);
}

static int sim_open(const char *path, int flags)
{
    struct sim_file *file = sim_names_find(&files.cached, path);
    if (file == NULL && !(flags & O_CREAT))
        return fail(ENOENT);
    if (file == NULL || (flags & O_TRUNC)) {
        if (!running)
            return fail(ENOENT);
        bool last;
        operation(&last);
        if (file == NULL)
            file = sim_files_create(&files, path, false);
        else
            sim_file_truncate(file);
        operation_done(last);
    }
    return new_fd(file);
}

static int sim_close(int fd)
{
    struct sim_file *file = file_of(fd);
    if (file == NULL)
        return fail(EBADF);
    if (fds[fd - FD_FIRST].holds_lock)
        file->locked = false;
    fds[fd - FD_FIRST].file = NULL;
    return 0;
}

static ssize_t sim_pread(int fd, void *bytes, size_t length, off_t offset)
{
    const struct sim_file *file = file_of(fd);
    if (file == NULL)
        return fail(EBADF);
    size_t from = (size_t)offset;
    if (from >= file->size)
        return 0;
    length = file->size - from < length ? file->size - from : length;
    memcpy(bytes, file->cached + from, length);
    return (ssize_t)length;
}

/* The number of bytes of a write that fit. */
static size_t writable(const struct sim_file *file, size_t length, size_t offset)
{
    size_t room = file->allocated > file->size ? file->allocated : file->size;
    if (!sim_disk_faults.full || offset + length <= room)
        return length;
    return offset < room ? room - offset : 0;
}

static ssize_t sim_pwrite(int fd, const void *bytes, size_t length, off_t offset)
{
    struct sim_file *file = file_of(fd);
    if (file == NULL)
        return fail(EBADF);
    if (!running)
        return (ssize_t)length;
    bool last = killed_here();
    if (!last && sim_random_chance(chance, sim_disk_faults.interrupted)) {
        sim_disk_counts.interrupts++;
        return fail(EINTR);
    }
    size_t room = writable(file, length, (size_t)offset);
    if (room == 0 && length > 0) {
        sim_disk_counts.refused_full++;
        operation_done(last);
        return fail(ENOSPC);
    }
    bool cut = last || sim_random_chance(chance, sim_disk_faults.short_write);
    if (cut && room > 1)
        room = (size_t)sim_random_between(chance, last ? 0 : 1, (int64_t)room - 1);
    sim_disk_counts.short_writes += cut && !last;
    sim_file_write(file, bytes, room, (size_t)offset);
    operation_done(last);
    return (ssize_t)room;
}

static int sim_allocate(int fd, size_t length)
{
    struct sim_file *file = file_of(fd);
    if (file == NULL)
        return fail(EBADF);
    if (!running)
        return 0;
    bool last;
    operation(&last);
    if (sim_disk_faults.full) {
        sim_disk_counts.refused_full++;
        operation_done(last);
        return fail(ENOSPC);
    }
    sim_file_reserve(file, length);
    file->size = file->size < length ? length : file->size;
    file->allocated = length;
    operation_done(last);
    return 0;
}

static int sim_flush_range(int fd, off_t offset, size_t length)
{
    (void)offset, (void)length;
    return file_of(fd) == NULL ? fail(EBADF) : 0;
}

static bool sync_fails(void)
{
    if (!sim_random_chance(chance, sim_disk_faults.sync_error))
        return false;
    sim_disk_counts.sync_errors++;
    return true;
}

static int sim_fsync(int fd)
{
    struct sim_file *file = file_of(fd);
    if (file == NULL)
        return fail(EBADF);
    if (!running)
        return 0;
    bool last;
    operation(&last);
    if (!last && sync_fails()) {
        sim_file_fail_sync(file, chance);
        return fail(EIO);
    }
    sim_file_sync(file);
    operation_done(last);
    return 0;
}

static int64_t sim_size(int fd)
{
    const struct sim_file *file = file_of(fd);
    return file == NULL ? fail(EBADF) : (int64_t)file->size;
}

static void *sim_map(int fd, size_t length)
{
    struct sim_file *file = file_of(fd);
    if (file == NULL || length > file->size) {
        errno = EBADF;
        return NULL;
    }
    file->maps++;
    return file->cached;
}

static int sim_unmap(void *map, size_t length)
{
    (void)length;
    for (size_t i = 0; i < files.count; i++) {
        if (files.all[i]->cached == map && files.all[i]->maps > 0)
            files.all[i]->maps--;
    }
    return 0;
}

/* --- names --- */

static bool ends_with(const char *path, const char *end)
{
    size_t length = strlen(path);
    return length > strlen(end) && strcmp(path + length - strlen(end), end) == 0;
}

static bool sim_exists(const char *path)
{
    return sim_names_find(&files.cached, path) != NULL;
}

static bool sim_is_dir(const char *path)
{
    const struct sim_file *file = sim_names_find(&files.cached, path);
    return file != NULL && file->is_dir;
}

static int sim_mkdir(const char *path)
{
    if (sim_exists(path))
        return fail(EEXIST);
    if (!running)
        return 0;
    bool last;
    operation(&last);
    sim_files_create(&files, path, true);
    operation_done(last);
    return 0;
}

static int sim_rename(const char *from, const char *to)
{
    struct sim_file *file = sim_names_find(&files.cached, from);
    if (file == NULL)
        return fail(ENOENT);
    if (!running)
        return 0;
    bool last;
    operation(&last);
    sim_files_rename(&files, from, to, file);
    sim_disk_counts.segments_begun += ends_with(to, ".segment");
    sim_disk_counts.snapshots += ends_with(to, ".snapshot");
    operation_done(last);
    return 0;
}

static int sim_open_dir(const char *path)
{
    (void)path;
    return -1;
}

/* Nothing else replaces files here. */
static bool sim_is_same(int fd, const char *path)
{
    (void)fd, (void)path;
    return true;
}

static int sim_rename_new(const char *from, const char *to)
{
    return sim_exists(to) ? fail(EEXIST) : sim_rename(from, to);
}

static int sim_unlink(const char *path)
{
    struct sim_file *file = sim_names_find(&files.cached, path);
    if (file == NULL)
        return fail(ENOENT);
    if (!running)
        return 0;
    bool last;
    operation(&last);
    sim_files_rename(&files, path, NULL, file);
    sim_disk_counts.segments_removed += ends_with(path, ".segment");
    operation_done(last);
    return 0;
}

static int sim_list(const char *path, disk_entry_fn each, void *arg)
{
    if (!sim_is_dir(path))
        return fail(ENOENT);
    for (size_t i = 0; i < files.cached.count; i++) {
        const char *entry = files.cached.entries[i].path;
        if (sim_path_in(entry, path) && !each(arg, strrchr(entry, '/') + 1))
            break;
    }
    return 0;
}

static int sim_sync_dir(const char *path)
{
    if (!sim_is_dir(path))
        return fail(ENOENT);
    if (!running)
        return 0;
    bool last;
    operation(&last);
    if (!last && sync_fails())
        return fail(EIO);
    sim_files_sync_dir(&files, path);
    operation_done(last);
    return 0;
}

/* --- locks --- */

static int sim_try_lock(int fd)
{
    struct sim_file *file = file_of(fd);
    if (file == NULL)
        return fail(EBADF);
    if (file->locked)
        return fail(EAGAIN);
    file->locked = fds[fd - FD_FIRST].holds_lock = true;
    return 0;
}

static bool sim_is_locked(int fd)
{
    const struct sim_file *file = file_of(fd);
    return file != NULL && file->locked;
}

const struct disk sim_disk = {
    .open = sim_open,
    .close = sim_close,
    .pread = sim_pread,
    .pwrite = sim_pwrite,
    .allocate = sim_allocate,
    .flush_range = sim_flush_range,
    .fdatasync = sim_fsync,
    .fsync = sim_fsync,
    .size = sim_size,
    .map = sim_map,
    .unmap = sim_unmap,
    .exists = sim_exists,
    .is_dir = sim_is_dir,
    .mkdir = sim_mkdir,
    .rename = sim_rename,
    .is_same = sim_is_same,
    .open_dir = sim_open_dir,
    .rename_new = sim_rename_new,
    .unlink = sim_unlink,
    .list = sim_list,
    .sync_dir = sim_sync_dir,
    .try_lock = sim_try_lock,
    .is_locked = sim_is_locked,
    .stop = stop,
};

uint64_t sim_disk_durable_seq(const char *dir)
{
    return sim_files_durable_seq(&files, dir);
}

bool sim_disk_damage_snapshot(const char *dir)
{
    return sim_files_damage_snapshot(&files, dir, chance);
}
