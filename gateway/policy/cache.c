#include "gateway/policy/cache.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "gateway/policy/page.h"
#include "shared/error.h"

enum {
    WAYS = 8,
    UNKNOWN_HANDICAP_US = 10000000, /* keeps a flood of nonexistent ids from evicting existing coupons */
};

struct policy_cache {
    unsigned sets;
    int64_t ttl_us;
    int64_t refusing_until_us; /* no entry refuses requests after this time */
    uint64_t *hashes;          /* of all places; those of one set share a cache line */
    struct policy_entry *entries;
};

struct policy_cache *policy_cache_create(unsigned entries, int64_t ttl_us)
{
    struct policy_cache *cache = calloc(1, sizeof *cache);
    CHECK(cache != NULL && entries >= WAYS && entries % WAYS == 0);
    cache->sets = entries / WAYS;
    cache->ttl_us = ttl_us;
    cache->refusing_until_us = INT64_MIN;
    cache->hashes = aligned_alloc(64, entries * sizeof *cache->hashes);
    cache->entries = calloc(entries, sizeof *cache->entries);
    CHECK(cache->hashes != NULL && cache->entries != NULL);
    memset(cache->hashes, 0, entries * sizeof *cache->hashes);
    return cache;
}

void policy_cache_destroy(struct policy_cache **cache)
{
    struct policy_cache *self = *cache;
    if (self == NULL)
        return;
    for (unsigned i = 0; i < self->sets * WAYS; i++) {
        free(self->entries[i].coupon);
        buffer_deinit(&self->entries[i].body);
    }
    free(self->entries);
    free(self->hashes);
    free(self);
    *cache = NULL;
}

uint64_t policy_hash(struct span id)
{
    return XXH64(id.at, id.length, 0);
}

static unsigned set_of(const struct policy_cache *cache, uint64_t hash)
{
    return (unsigned)((hash >> 32) % cache->sets) * WAYS;
}

static bool is_of(const struct policy_entry *entry, struct span id)
{
    return entry->id_length == id.length && memcmp(entry->id, id.at, id.length) == 0;
}

static struct policy_entry *lookup(struct policy_cache *cache, struct span id)
{
    uint64_t hash = policy_hash(id);
    unsigned first = set_of(cache, hash);
    for (unsigned i = first; i < first + WAYS; i++)
        if (cache->hashes[i] == hash && is_of(&cache->entries[i], id))
            return &cache->entries[i];
    return NULL;
}

static int64_t worth(const struct policy_entry *entry)
{
    if (entry->id_length == 0)
        return INT64_MIN;
    return entry->known ? entry->used_us : entry->used_us - UNKNOWN_HANDICAP_US;
}

/* Evicts the least recently used place of the set and assigns it to this id. */
static struct policy_entry *make_room(struct policy_cache *cache, struct span id)
{
    uint64_t hash = policy_hash(id);
    unsigned first = set_of(cache, hash);
    unsigned least = first;
    for (unsigned i = first + 1; i < first + WAYS; i++)
        if (worth(&cache->entries[i]) < worth(&cache->entries[least]))
            least = i;
    cache->hashes[least] = hash;
    cache->entries[least] = (struct policy_entry){
        .hash = hash,
        .id_length = (uint8_t)id.length,
        .asked_us = INT64_MIN,
        .coupon = cache->entries[least].coupon,
        .body = cache->entries[least].body,
    };
    memcpy(cache->entries[least].id, id.at, id.length);
    return &cache->entries[least];
}

int64_t policy_entry_issuer_us(const struct policy_entry *entry, int64_t now_us)
{
    return now_us > entry->reported_us ? entry->issuer_us + (now_us - entry->reported_us) : entry->issuer_us;
}

static int64_t issuer_most_us(const struct policy_entry *entry, int64_t now_us)
{
    return now_us > entry->asked_us ? entry->issuer_us + (now_us - entry->asked_us) : entry->issuer_us;
}

static void render(struct policy_entry *entry, int64_t now_us)
{
    int64_t issuer_us = policy_entry_issuer_us(entry, now_us);
    entry->state = coupon_state(entry->coupon, issuer_us);
    entry->etag = policy_page_render(&entry->body, entry->coupon, issuer_us);
}

static void keep_coupon(struct policy_entry *entry, const struct coupon *coupon, int64_t now_us)
{
    if (entry->coupon == NULL)
        entry->coupon = malloc(sizeof *entry->coupon);
    CHECK(entry->coupon != NULL);
    *entry->coupon = *coupon;
    render(entry, now_us);
}

static bool may_refuse(const struct policy_report *report)
{
    return report->from_issuer &&
           (report->coupon == NULL || (report->coupon->issued == 0 && report->coupon->starts_at_us != TIME_NONE));
}

const struct policy_entry *policy_cache_put(struct policy_cache *cache, const struct policy_report *report,
                                            int64_t now_us)
{
    struct policy_entry *entry = lookup(cache, report->id);
    CHECK(report->id.length >= 1 && report->id.length <= COUPON_ID_MAX);
    if (entry == NULL)
        entry = make_room(cache, report->id);
    else if (entry->asked_us > report->asked_us)
        return entry;
    if (may_refuse(report) && report->asked_us + POLICY_REFUSAL_TTL_US > cache->refusing_until_us)
        cache->refusing_until_us = report->asked_us + POLICY_REFUSAL_TTL_US;
    entry->known = report->coupon != NULL;
    entry->from_issuer = report->from_issuer;
    entry->asked_us = report->asked_us;
    entry->reported_us = report->reported_us;
    entry->issuer_us = report->issuer_us;
    entry->used_us = now_us;
    if (entry->known)
        keep_coupon(entry, report->coupon, now_us);
    return entry;
}

static bool holds(const struct policy_entry *entry, int64_t now_us, int64_t changed_us, int64_t ttl_us)
{
    return entry->asked_us > changed_us && now_us - entry->asked_us < ttl_us;
}

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

const struct policy_entry *policy_cache_find(struct policy_cache *cache, struct span id, int64_t now_us,
                                             int64_t changed_us)
{
    struct policy_entry *entry = lookup(cache, id);
    int64_t ttl_us = cache->ttl_us;
    if (entry != NULL && !entry->known)
        ttl_us = least(ttl_us, POLICY_UNKNOWN_TTL_US);
    if (entry == NULL || !holds(entry, now_us, changed_us, ttl_us))
        return NULL;
    entry->used_us = now_us;
    if (entry->known && coupon_state(entry->coupon, policy_entry_issuer_us(entry, now_us)) != entry->state)
        render(entry, now_us);
    return entry;
}

const struct policy_entry *policy_cache_newer(struct policy_cache *cache, struct span id, int64_t now_us,
                                              int64_t after_us)
{
    struct policy_entry *entry = lookup(cache, id);
    if (entry == NULL || entry->asked_us <= after_us)
        return NULL;
    entry->used_us = now_us;
    return entry;
}

/* The entry, if the issuer itself reported it recently. */
static struct policy_entry *find_recent(struct policy_cache *cache, struct span id, int64_t now_us, int64_t changed_us)
{
    struct policy_entry *entry = lookup(cache, id);
    int64_t ttl_us = least(cache->ttl_us, POLICY_REFUSAL_TTL_US);
    return entry != NULL && entry->from_issuer && holds(entry, now_us, changed_us, ttl_us) ? entry : NULL;
}

bool policy_cache_refuses(const struct policy_cache *cache, int64_t now_us)
{
    return now_us < cache->refusing_until_us;
}

bool policy_cache_is_recent(struct policy_cache *cache, struct span id, int64_t now_us, int64_t changed_us)
{
    return find_recent(cache, id, now_us, changed_us) != NULL;
}

/* No user holds an issue, and the coupon will not start soon. It must not be paused either, because the issuer would
 * report that first. */
static bool certainly_not_started(const struct policy_entry *entry, int64_t now_us)
{
    const struct coupon *coupon = entry->coupon;
    return coupon->issued == 0 && !coupon->paused && coupon->starts_at_us != TIME_NONE &&
           issuer_most_us(entry, now_us) < coupon->starts_at_us - POLICY_START_MARGIN_US;
}

enum error_code policy_cache_refusal(struct policy_cache *cache, struct span id, int64_t now_us, int64_t changed_us,
                                     struct policy_start *start)
{
    struct policy_entry *entry = find_recent(cache, id, now_us, changed_us);
    int64_t left_us = 0;
    if (entry == NULL)
        return ERROR_CODE_COUNT;
    entry->used_us = now_us;
    if (!entry->known)
        return ERROR_COUPON_NOT_FOUND;
    if (!certainly_not_started(entry, now_us))
        return ERROR_CODE_COUNT;
    left_us = entry->coupon->starts_at_us - policy_entry_issuer_us(entry, now_us);
    start->starts_at_us = entry->coupon->starts_at_us;
    start->in_s = (uint32_t)least((left_us + 999999) / 1000000, UINT32_MAX);
    return ERROR_NOT_STARTED;
}
