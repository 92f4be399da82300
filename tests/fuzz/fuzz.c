#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/telemetry/log.h"

static fuzz_seed_fn seed_taker;
static void *seed_taker_arg;

void fuzz_seed(const void *data, size_t size)
{
    seed_taker(seed_taker_arg, data, size);
}

void fuzz_each_seed(fuzz_seed_fn take, void *arg)
{
    seed_taker = take;
    seed_taker_arg = arg;
    fuzz_seeds();
}

/* --- taking inputs apart --- */

const uint8_t *fuzz_take(struct fuzz_input *input, size_t size, size_t *taken)
{
    const uint8_t *at = input->at;
    *taken = size < input->left ? size : input->left;
    if (*taken > 0)
        input->at += *taken;
    input->left -= *taken;
    return at;
}

static uint64_t take_number(struct fuzz_input *input, size_t size)
{
    size_t taken;
    uint64_t number = 0;
    const uint8_t *at = fuzz_take(input, size, &taken);
    if (taken > 0)
        memcpy(&number, at, taken);
    return number;
}

uint8_t fuzz_take_byte(struct fuzz_input *input)
{
    return (uint8_t)take_number(input, sizeof(uint8_t));
}

uint16_t fuzz_take_u16(struct fuzz_input *input)
{
    return (uint16_t)take_number(input, sizeof(uint16_t));
}

uint64_t fuzz_take_u64(struct fuzz_input *input)
{
    return take_number(input, sizeof(uint64_t));
}

void *fuzz_copy(const void *data, size_t size)
{
    void *copy = malloc(size > 0 ? size : 1);
    CHECK(copy != NULL);
    if (size > 0)
        memcpy(copy, data, size);
    return copy;
}

/* xorshift64*, whose state is never 0. */
uint64_t fuzz_random(struct fuzz_random *random)
{
    uint64_t x = random->state == 0 ? UINT64_C(0x9e3779b97f4a7c15) : random->state;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    random->state = x;
    return x * UINT64_C(0x2545f4914f6cdd1d);
}

size_t fuzz_random_below(struct fuzz_random *random, size_t bound)
{
    return (size_t)((fuzz_random(random) >> 11) % bound);
}

/* --- what libFuzzer calls --- */

/* Writes each seed to its own file in the folder `arg`. */
static void write_seed(void *arg, const void *data, size_t size)
{
    static unsigned number;
    char path[512];
    snprintf(path, sizeof path, "%s/seed-%03u", (const char *)arg, number++);
    FILE *file = fopen(path, "we");
    CHECK(file != NULL);
    CHECK(fwrite(data, 1, size, file) == size);
    CHECK(fclose(file) == 0);
}

/* Disables the log, which hostile bytes would flood. With FUZZ_SEEDS_DIR, only writes the seeds to that folder. */
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc, (void)argv;
    char *seeds_dir = getenv("FUZZ_SEEDS_DIR");
    log_set_level(LOG_LEVEL_ERROR + 1);
    fuzz_begin();
    if (seeds_dir != NULL) {
        fuzz_each_seed(write_seed, seeds_dir);
        exit(0);
    }
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_one(data, size);
    return 0;
}
