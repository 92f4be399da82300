/*
 * What a gateway thread knows of coupons' segments, so that it can tell the issuer of which a user was found to be in
 * one. What it knows may be old: the issuer compares the hash when it decides. Pure; used by one thread.
 */
#ifndef COUPOND_POLICY_SEGMENTS_H
#define COUPOND_POLICY_SEGMENTS_H

#include <stdbool.h>
#include <stdint.h>

#include "gateway/http/span.h"
#include "shared/coupon.h"

struct policy_segments {
    uint8_t id_length; /* 0: the place is free */
    char id[COUPON_ID_MAX];
    uint32_t hash; /* 0: the coupon has none */
    uint16_t names_length;
    char names[SEGMENTS_MAX]; /* each preceded by its length in one byte */
};

struct segments_cache;

/* `seed` decides which coupons displace each other; it should be random. */
struct segments_cache *segments_cache_create(uint64_t seed);
void segments_cache_destroy(struct segments_cache **cache);

/* NULL: nothing is known. Valid until the next put. */
const struct policy_segments *segments_cache_find(const struct segments_cache *cache, struct span id);
/* Keeps those of a coupon; the coupon that had its place before is forgotten. */
const struct policy_segments *segments_cache_put(struct segments_cache *cache, const struct coupon *coupon);

/* True when one of `names`, each preceded by its length, is among the coupon's segments. */
bool policy_segments_match(const struct policy_segments *segments, struct span names);

#endif
