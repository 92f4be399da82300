/*
 * Counts the issues of each user of one coupon while `verify` reads a journal: an open-addressing set of fingerprints
 * with a counter, 16 bytes per slot. Pure. The fingerprint is 112 bits of a seeded hash: among 100 million users the
 * probability of a collision is below 1 in 10^17.
 */
#ifndef COUPOND_VERIFY_USERS_H
#define COUPOND_VERIFY_USERS_H

#include <stddef.h>
#include <stdint.h>

struct verify_user;

/* All zeros is an empty set. */
struct verify_users {
    struct verify_user *places;
    size_t mask; /* number of slots - 1; 0: none */
    size_t count;
};

void verify_users_deinit(struct verify_users *users);
/* Counts one more issue of the user; returns the user's count, at most UINT16_MAX. */
uint16_t verify_users_count(struct verify_users *users, uint64_t seed, const char *user_id, size_t length);

#endif
