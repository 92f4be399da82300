#include "sim_random.h"

#include <sodium.h>

#include <xxhash.h>

#include "shared/error.h"

void sim_random_init(struct sim_random *random, uint64_t seed)
{
    random->state = seed * 0x9e3779b97f4a7c15u + 1;
}

/* SplitMix64 (Steele, Lea, Flood 2014). */
uint64_t sim_random_next(struct sim_random *random)
{
    uint64_t z = random->state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

uint32_t sim_random_below(struct sim_random *random, uint32_t bound)
{
    CHECK(bound > 0);
    return (uint32_t)(((sim_random_next(random) >> 32) * bound) >> 32);
}

int64_t sim_random_between(struct sim_random *random, int64_t first, int64_t last)
{
    CHECK(first <= last && last - first < UINT32_MAX);
    return first + sim_random_below(random, (uint32_t)(last - first + 1));
}

bool sim_random_chance(struct sim_random *random, uint32_t per_mille)
{
    return sim_random_below(random, 1000) < per_mille;
}

/* --- libsodium's source of random bytes --- */

static struct sim_random *source;

static const char *source_name(void)
{
    return "simulation";
}

static uint32_t source_word(void)
{
    return (uint32_t)sim_random_next(source);
}

static void source_fill(void *const out, const size_t size)
{
    for (size_t i = 0; i < size; i++)
        ((unsigned char *)out)[i] = (unsigned char)sim_random_next(source);
}

static randombytes_implementation implementation = {
    .implementation_name = source_name,
    .random = source_word,
    .buf = source_fill,
};

void sim_random_feed_sodium(struct sim_random *random)
{
    static struct sim_random beginning; /* libsodium's own initialization is not part of a run */
    source = &beginning;
    CHECK(randombytes_set_implementation(&implementation) == 0);
    CHECK(sodium_init() >= 0);
    source = random;
}

uint64_t sim_hash(uint64_t hash, const void *bytes, uint64_t size)
{
    return XXH3_64bits_withSeed(bytes, size, hash);
}
