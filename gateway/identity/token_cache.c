#include "gateway/identity/token_cache.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "shared/error.h"

struct entry {
    struct token_hash hash;
    uint64_t generation; /* of the keys; 0: the place is free */
    uint64_t used;       /* the cache's count of uses */
    int64_t until_s;
    int64_t expires_at_s;
    char *segments; /* owned; NULL: none */
    uint16_t segments_length;
    uint8_t roles;
    uint8_t id_length;
    char id[ACTOR_MAX];
};

struct token_cache {
    unsigned sets;
    uint64_t uses;
    unsigned char key[crypto_shorthash_siphashx24_KEYBYTES];
    struct entry *entries;
};

_Static_assert(sizeof(struct token_hash) == crypto_shorthash_siphashx24_BYTES, "a hash is the result of SipHash");

struct token_cache *token_cache_create(unsigned entries)
{
    struct token_cache *cache = calloc(1, sizeof *cache);
    CHECK(cache != NULL && entries >= TOKEN_CACHE_WAYS && entries % TOKEN_CACHE_WAYS == 0 && sodium_init() >= 0);
    cache->sets = entries / TOKEN_CACHE_WAYS;
    randombytes_buf(cache->key, sizeof cache->key);
    cache->entries = calloc(entries, sizeof *cache->entries); /* takes memory when it is first written */
    CHECK(cache->entries != NULL);
    return cache;
}

void token_cache_destroy(struct token_cache **cache)
{
    struct token_cache *self = *cache;
    if (self == NULL)
        return;
    for (size_t i = 0; i < (size_t)self->sets * TOKEN_CACHE_WAYS; i++)
        free(self->entries[i].segments);
    free(self->entries);
    free(self);
    *cache = NULL;
}

struct token_hash token_cache_hash(const struct token_cache *cache, struct span credentials)
{
    struct token_hash hash;
    crypto_shorthash_siphashx24((unsigned char *)&hash, (const unsigned char *)credentials.at, credentials.length,
                                cache->key);
    return hash;
}

static struct entry *set_of(struct token_cache *cache, struct token_hash hash)
{
    return &cache->entries[hash.halves[0] % cache->sets * TOKEN_CACHE_WAYS];
}

static bool is_of(const struct entry *entry, struct token_hash hash)
{
    return entry->generation != 0 && entry->hash.halves[0] == hash.halves[0] && entry->hash.halves[1] == hash.halves[1];
}

bool token_cache_find(struct token_cache *cache, struct token_hash hash, uint64_t generation, int64_t now_s,
                      struct principal *principal, int64_t *expires_at_s)
{
    struct entry *entry = set_of(cache, hash);
    const struct entry *end = entry + TOKEN_CACHE_WAYS;
    while (entry < end && !is_of(entry, hash))
        entry++;
    if (entry == end || entry->generation != generation || now_s >= entry->until_s)
        return false;
    entry->used = ++cache->uses;
    principal_set(principal, entry->id, entry->id_length, entry->roles);
    principal->segments_length = entry->segments_length;
    if (entry->segments_length > 0)
        memcpy(principal->segments, entry->segments, entry->segments_length);
    *expires_at_s = entry->expires_at_s;
    return true;
}

/* The place of these credentials; otherwise the least recently used one, which a free place is. */
static struct entry *place_for(struct token_cache *cache, struct token_hash hash)
{
    struct entry *set = set_of(cache, hash), *least = set;
    for (struct entry *entry = set; entry < set + TOKEN_CACHE_WAYS; entry++) {
        if (is_of(entry, hash))
            return entry;
        if (entry->used < least->used)
            least = entry;
    }
    return least;
}

void token_cache_put(struct token_cache *cache, struct token_hash hash, uint64_t generation, int64_t until_s,
                     const struct principal *principal, int64_t expires_at_s)
{
    struct entry *entry = place_for(cache, hash);
    CHECK(generation != 0 && principal->id_length > 0);
    free(entry->segments);
    *entry = (struct entry){
        .hash = hash,
        .generation = generation,
        .used = ++cache->uses,
        .until_s = until_s,
        .expires_at_s = expires_at_s,
        .segments_length = principal->segments_length,
        .roles = principal->roles,
        .id_length = principal->id_length,
    };
    memcpy(entry->id, principal->id, principal->id_length);
    if (principal->segments_length == 0)
        return;
    entry->segments = malloc(principal->segments_length);
    CHECK(entry->segments != NULL);
    memcpy(entry->segments, principal->segments, principal->segments_length);
}
