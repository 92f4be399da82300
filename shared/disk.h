/*
 * The calls of the system that journals and snapshots make, in one table, so that the simulation and the tests can put
 * another disk under them. The program runs on `disk_posix`.
 *
 * Each call behaves as its namesake: -1 (NULL, false) and errno when it fails. Replaced only while no other thread
 * runs.
 */
#ifndef COUPOND_DISK_H
#define COUPOND_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* The name of a folder's entry. False ends the walk. */
typedef bool (*disk_entry_fn)(void *arg, const char *name);

struct disk {
    /* files */
    int (*open)(const char *path, int flags); /* O_CLOEXEC is added; new files are 0666 before the umask */
    int (*close)(int fd);
    ssize_t (*pread)(int fd, void *bytes, size_t length, off_t offset);
    ssize_t (*pwrite)(int fd, const void *bytes, size_t length, off_t offset);
    int (*allocate)(int fd, size_t length);                  /* makes room for so many bytes from the beginning */
    int (*flush_range)(int fd, off_t offset, size_t length); /* begins to write out; promises nothing */
    int (*fdatasync)(int fd);
    int (*fsync)(int fd);
    int64_t (*size)(int fd);             /* bytes */
    void *(*map)(int fd, size_t length); /* read-only and shared, from the beginning; to be read from front to back */
    int (*unmap)(void *map, size_t length);

    /* names */
    bool (*exists)(const char *path);
    bool (*is_dir)(const char *path);
    bool (*is_same)(int fd, const char *path); /* `path` names the file that `fd` has open, as far as can be told */
    int (*mkdir)(const char *path);
    int (*rename)(const char *from, const char *to);     /* replaces `to` */
    int (*rename_new)(const char *from, const char *to); /* fails with EEXIST when `to` is there */
    int (*unlink)(const char *path);
    int (*list)(const char *path, disk_entry_fn each, void *arg);
    int (*sync_dir)(const char *path); /* so that new names last */
    int (*open_dir)(const char *path); /* for fsync() in the place of sync_dir(); -1 where there is no such thing */

    /* locks of an open file description; `try_lock` fails with EAGAIN when another has it */
    int (*try_lock)(int fd);
    bool (*is_locked)(int fd);

    /* the end of the process, at once and with nothing written any more */
    void (*stop)(int status);
};

extern const struct disk disk_posix;
extern const struct disk *disk;

/* True of an errno that says that descriptors or memory are short, which passes. */
bool disk_is_shortage(int reason);
/* True of an errno that says that the disk has no room. */
bool disk_is_full(int reason);

/* Writes all of it, however many calls that takes. 0, or -1 and errno. */
int disk_write_all(int fd, const void *bytes, size_t length, off_t offset);

#endif
