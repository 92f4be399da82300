/*
 * Journals of version 1: tests/data/journal_1, which its README.md describes.
 */
#ifndef COUPOND_VERSION_1_FIXTURE_H
#define COUPOND_VERSION_1_FIXTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VERSION_1_RECORDS       60
#define VERSION_1_SNAPSHOT      49 /* the last record in the snapshot */
#define VERSION_1_SEGMENT_BYTES (2u << 20)

/* Fills the folder, which exists. */
void version_1_unpack(const char *dir, bool with_snapshot);
/* The bytes of a file of the folder; -1: there is none. */
long version_1_read(const char *dir, const char *name, void *out, size_t size);

#endif
