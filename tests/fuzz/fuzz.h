/*
 * A fuzz target: one file, fuzz_<target>.c, that hands hostile bytes to one module and checks what must hold of
 * anything that comes out. Built twice: by clang against libFuzzer (preset `fuzz`, ./dev fuzz), and by every other
 * preset against driver.c, which runs the corpus and a fixed number of mutations of it as an ordinary test.
 */
#ifndef COUPOND_FUZZ_H
#define COUPOND_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/error.h"

/* --- what a target has --- */

/* Once, before the first input. */
void fuzz_begin(void);
/* One input: CHECK()s what must hold. `data` is freed afterwards and has not a byte more than `size`. */
void fuzz_one(const uint8_t *data, size_t size);
/* Gives fuzz_seed() the inputs to begin with that the real encoders make, so that they are right in every version of a
 * format. May be empty where the corpus has texts. */
void fuzz_seeds(void);

/* --- what a target is given --- */

/* One input to begin with. */
void fuzz_seed(const void *data, size_t size);

/* Reads an input from its begin: what is missing at its end reads as zeros. */
struct fuzz_input {
    const uint8_t *at;
    size_t left;
};
uint8_t fuzz_take_byte(struct fuzz_input *input);
uint16_t fuzz_take_u16(struct fuzz_input *input);
uint64_t fuzz_take_u64(struct fuzz_input *input);
/* At most `size` of the bytes that are left; *taken of them. Borrowed. */
const uint8_t *fuzz_take(struct fuzz_input *input, size_t size, size_t *taken);

/* A copy on the heap with nothing behind it, so that reading too far is seen. Ends the process when there is no memory;
 * the caller frees it. */
void *fuzz_copy(const void *data, size_t size);

/* A generator of numbers for choices that the input does not make: the same seed, the same numbers. */
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
/* Hands each seed of the target to `take`. */
void fuzz_each_seed(fuzz_seed_fn take, void *arg);

#endif
