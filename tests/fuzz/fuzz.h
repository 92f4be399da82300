/*
 * A fuzz target: one file, fuzz_<target>.c, that passes hostile bytes to one module and checks invariants of the
 * result. Built twice: by clang with libFuzzer (preset `fuzz`, ./dev fuzz), and by every other preset with driver.c,
 * which runs the corpus and a fixed number of mutations of it as an ordinary test.
 */
#ifndef COUPOND_FUZZ_H
#define COUPOND_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/error.h"

/* --- what a target has --- */

/* Called once, before the first input. */
void fuzz_begin(void);
/* Tests one input: CHECK()s the invariants. `data` is freed afterwards and has exactly `size` bytes. */
void fuzz_one(const uint8_t *data, size_t size);
/* Passes initial inputs from the real encoders to fuzz_seed(), so that they are valid in every version of a format. May
 * be empty when the corpus consists of texts. */
void fuzz_seeds(void);

/* --- what a target is given --- */

/* Adds one initial input. */
void fuzz_seed(const void *data, size_t size);

/* Reads an input from its beginning; missing bytes read as zeros. */
struct fuzz_input {
    const uint8_t *at;
    size_t left;
};
uint8_t fuzz_take_byte(struct fuzz_input *input);
uint16_t fuzz_take_u16(struct fuzz_input *input);
uint64_t fuzz_take_u64(struct fuzz_input *input);
/* Returns at most `size` of the remaining bytes, *taken of them. Borrowed. */
const uint8_t *fuzz_take(struct fuzz_input *input, size_t size, size_t *taken);

/* Copies to the heap with nothing behind it, so that out-of-bounds reads are detected. Ends the process when there is
 * no memory; the caller frees it. */
void *fuzz_copy(const void *data, size_t size);

/* A random number generator for choices that the input does not make; reproducible by its seed. */
struct fuzz_random {
    uint64_t state;
};
uint64_t fuzz_random(struct fuzz_random *random);
/* 0 to `bound` - 1. */
size_t fuzz_random_below(struct fuzz_random *random, size_t bound);

/* --- between fuzz.c and driver.c; libFuzzer calls these by name --- */

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef void (*fuzz_seed_fn)(void *arg, const void *data, size_t size);
/* Passes each seed of the target to `take`. */
void fuzz_each_seed(fuzz_seed_fn take, void *arg);

#endif
