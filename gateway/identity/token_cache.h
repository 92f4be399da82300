/*
 * One gateway thread's cache of credentials that were valid, so that a client that asks again costs a hash. The key is
 * a SipHash of 128 bits of the credentials, under a random key, so that nobody can choose credentials that collide.
 * Eight places per set; the least recently used one is replaced. Pure: time is an argument.
 */
#ifndef COUPOND_IDENTITY_TOKEN_CACHE_H
#define COUPOND_IDENTITY_TOKEN_CACHE_H

#include <stdbool.h>

#include "gateway/http/span.h"
#include "gateway/identity/principal.h"

#define TOKEN_CACHE_WAYS 8u

struct token_cache;

/* `entries` is a multiple of eight. */
struct token_cache *token_cache_create(unsigned entries);
void token_cache_destroy(struct token_cache **cache);

struct token_hash {
    uint64_t halves[2];
};

struct token_hash token_cache_hash(const struct token_cache *cache, struct span credentials);

/* Fills `principal` and `expires_at_s`. False when there is no entry of this generation that holds until after
 * `now_s`. */
bool token_cache_find(struct token_cache *cache, struct token_hash hash, uint64_t generation, int64_t now_s,
                      struct principal *principal, int64_t *expires_at_s);
/* Keeps them until `until_s`. */
void token_cache_put(struct token_cache *cache, struct token_hash hash, uint64_t generation, int64_t until_s,
                     const struct principal *principal, int64_t expires_at_s);

#endif
