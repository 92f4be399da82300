/*
 * Converts between a journal's folder and one fuzz input, so that fuzzers can start from journals of the real writer.
 * On request, repairs what a fuzzer cannot guess: checksums, ids, names, numbers.
 */
#ifndef COUPOND_FUZZ_JOURNAL_INPUT_H
#define COUPOND_FUZZ_JOURNAL_INPUT_H

#include <stdbool.h>

#include "fuzz.h"
#include "shared/journal/format.h"

#define JOURNAL_INPUT_DIR "/j/p00" /* partition 0 of 1, on the memory disk */

enum journal_input_flag {
    JOURNAL_FIX_SUMS = 1 << 0,    /* checksums of everything */
    JOURNAL_FIX_IDS = 1 << 1,     /* the journal id wherever it occurs */
    JOURNAL_FIX_HEADERS = 1 << 2, /* a segment's header agrees with its name and size */
    JOURNAL_FIX_NUMBERS = 1 << 3, /* batches are consecutive, in sequence and in time */
    JOURNAL_FIX_ALL = 15,
};

/* Creates the files of the input; its first byte contains the flags, and the caller may use the other bits. Adds a
 * valid meta file when the input has none. `snapshots` allows snapshot files. */
void journal_input_write(const uint8_t *data, size_t size, bool snapshots);
/* The identity in the valid meta file. */
void journal_input_meta(struct journal_meta *meta);

/* Converts the folder to an input with `flags` as its first byte; returns its size, which must fit into `room`. */
size_t journal_input_read(uint8_t flags, uint8_t *out, size_t room);
/* Adds the folder as a seed, with `flags` as its first byte. */
void journal_input_seed(uint8_t flags);

#endif
