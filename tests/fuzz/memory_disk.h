/*
 * A disk in memory under the journal: a few files, no faults, nothing left behind. A map ends where its file ends, so
 * that AddressSanitizer sees who reads too far. One thread.
 */
#ifndef COUPOND_FUZZ_MEMORY_DISK_H
#define COUPOND_FUZZ_MEMORY_DISK_H

#include <stdbool.h>
#include <stddef.h>

/* Puts it under everything that uses shared/disk.h. The end of the process that a journal asks for is a failed check:
 * nothing here gives it a reason. */
void memory_disk_use(void);
/* Removes all files. Nothing may be open or mapped. */
void memory_disk_clear(void);

/* Makes or replaces a file. False when there is no room for one more. */
bool memory_disk_put(const char *path, const void *data, size_t size);
/* The bytes of a file, NULL when there is none. Borrowed until it is written to. */
const void *memory_disk_get(const char *path, size_t *size);

/* Calls `each` for every file with its whole path. */
typedef void (*memory_disk_fn)(void *arg, const char *path, const void *data, size_t size);
void memory_disk_each(memory_disk_fn each, void *arg);

/* While true, files whose lock is asked after look as if another process had it. */
void memory_disk_set_locked(bool locked);

#endif
