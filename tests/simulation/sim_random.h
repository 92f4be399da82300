/*
 * Random numbers from a seed: the same seed gives the same run. Not for secrets.
 */
#ifndef COUPOND_SIM_RANDOM_H
#define COUPOND_SIM_RANDOM_H

#include <stdbool.h>
#include <stdint.h>

struct sim_random {
    uint64_t state;
};

void sim_random_init(struct sim_random *random, uint64_t seed);
uint64_t sim_random_next(struct sim_random *random);
/* Uniform over 0 to bound - 1. */
uint32_t sim_random_below(struct sim_random *random, uint32_t bound);
/* Uniform over first to last, inclusive. */
int64_t sim_random_between(struct sim_random *random, int64_t first, int64_t last);
/* True with a probability of `per_mille` in 1000. */
bool sim_random_chance(struct sim_random *random, uint32_t per_mille);

/* Makes libsodium take all random bytes from `random` from now on. */
void sim_random_feed_sodium(struct sim_random *random);

/* A running hash of the trace, to tell whether two runs were the same. */
uint64_t sim_hash(uint64_t hash, const void *bytes, uint64_t size);

#endif
