/*
 * An in-memory disk under the journal: a few files, no faults, nothing left behind. A map ends where its file ends, so
 * that AddressSanitizer detects out-of-bounds reads. One thread.
 */
#ifndef COUPOND_FUZZ_MEMORY_DISK_H
#define COUPOND_FUZZ_MEMORY_DISK_H

#include <stdbool.h>
#include <stddef.h>

/* Replaces shared/disk.h's disk in this process. A journal that asks to end the process fails a check, since nothing
 * here gives a reason. */
void memory_disk_use(void);
/* Removes all files. None may be open or mapped. */
void memory_disk_clear(void);

/* Creates or replaces a file. False when there is no room for another one. */
bool memory_disk_put(const char *path, const void *data, size_t size);
/* The bytes of a file, NULL when there is none. Borrowed until it is written to. */
const void *memory_disk_get(const char *path, size_t *size);

/* Calls `each` for every file with its whole path. */
typedef void (*memory_disk_fn)(void *arg, const char *path, const void *data, size_t size);
void memory_disk_each(memory_disk_fn each, void *arg);

/* While true, queried file locks appear to be held by another process. */
void memory_disk_set_locked(bool locked);

#endif
