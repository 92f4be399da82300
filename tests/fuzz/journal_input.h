/*
 * A journal's folder as one input, and the other way round: so that fuzzers can begin with journals that the real
 * writer made. Where the input says so, what a fuzzer cannot guess is put right first: checksums, ids, names, numbers.
 */
#ifndef COUPOND_FUZZ_JOURNAL_INPUT_H
#define COUPOND_FUZZ_JOURNAL_INPUT_H

#include <stdbool.h>

#include "fuzz.h"
#include "shared/journal/format.h"

#define JOURNAL_INPUT_DIR "/j/p00" /* of partition 0 of 1, on the memory disk */

enum journal_input_flag {
    JOURNAL_FIX_SUMS = 1 << 0,    /* checksums of everything */
    JOURNAL_FIX_IDS = 1 << 1,     /* the journal id wherever it stands */
    JOURNAL_FIX_HEADERS = 1 << 2, /* a segment's header agrees with its name and size */
    JOURNAL_FIX_NUMBERS = 1 << 3, /* batches go on from each other, in sequence and in time */
    JOURNAL_FIX_ALL = 15,
};

/* Makes the files of the input, whose first byte holds the flags; other bits are the caller's. Without a file meta in
 * it there is a sound one. `snapshots` says whether there may be any. */
void journal_input_write(const uint8_t *data, size_t size, bool snapshots);
/* The identity that a sound meta has. */
void journal_input_meta(struct journal_meta *meta);

/* The folder as it is as an input with `flags` as its first byte; its size, which has to fit. */
size_t journal_input_read(uint8_t flags, uint8_t *out, size_t room);
/* Makes a seed of the folder as it is, with `flags` as its first byte. */
void journal_input_seed(uint8_t flags);

#endif
