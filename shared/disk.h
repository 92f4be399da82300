/*
 * The system calls of journals and snapshots in one table, so that the simulation and the tests can replace the disk.
 * The program uses `disk_posix`.
 *
 * Each call behaves as its namesake: -1 (NULL, false) and errno when it fails. Replace the table only while no other
 * thread runs.
 */
#ifndef COUPOND_DISK_H
#define COUPOND_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Receives the name of a directory entry; returns false to end the walk. */
typedef bool (*disk_entry_fn)(void *arg, const char *name);

struct disk {
    /* files */
    int (*open)(const char *path, int flags); /* O_CLOEXEC is added; new files are 0666 before the umask */
    int (*close)(int fd);
    ssize_t (*pread)(int fd, void *bytes, size_t length, off_t offset);
    ssize_t (*pwrite)(int fd, const void *bytes, size_t length, off_t offset);
    int (*allocate)(int fd, size_t length);                  /* allocates `length` bytes from the beginning */
    int (*flush_range)(int fd, off_t offset, size_t length); /* starts writing out; guarantees nothing */
    int (*fdatasync)(int fd);
    int (*fsync)(int fd);
    int64_t (*size)(int fd);             /* bytes */
    void *(*map)(int fd, size_t length); /* read-only, shared, from the beginning, for sequential reading */
    int (*unmap)(void *map, size_t length);

    /* names */
    bool (*exists)(const char *path);
    bool (*is_dir)(const char *path);
    bool (*is_same)(int fd, const char *path); /* `path` names the open file, as far as can be determined */
    int (*mkdir)(const char *path);
    int (*rename)(const char *from, const char *to);     /* replaces `to` */
    int (*rename_new)(const char *from, const char *to); /* fails with EEXIST when `to` exists */
    int (*unlink)(const char *path);
    int (*list)(const char *path, disk_entry_fn each, void *arg);
    int (*sync_dir)(const char *path); /* makes new names durable */
    int (*open_dir)(const char *path); /* for fsync() instead of sync_dir(); -1 where that is not supported */

    /* locks of an open file description; `try_lock` fails with EAGAIN when another description holds it */
    int (*try_lock)(int fd);
    bool (*is_locked)(int fd);

    /* ends the process at once, without flushing anything */
    void (*stop)(int status);
};

extern const struct disk disk_posix;
extern const struct disk *disk;

/* True for an errno that means a temporary shortage of descriptors or memory. */
bool disk_is_shortage(int reason);
/* True for an errno that means a full disk. */
bool disk_is_full(int reason);

/* Writes all bytes, in as many calls as needed. 0, or -1 and errno. */
int disk_write_all(int fd, const void *bytes, size_t length, off_t offset);

#endif
