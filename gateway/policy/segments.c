#include "gateway/policy/segments.h"

#include <jansson.h>
#include <stdlib.h>
#include <xxhash.h>

#include "shared/error.h"

enum { PLACES = 256 };

struct segments_cache {
    uint64_t seed;
    struct policy_segments places[PLACES];
};

struct segments_cache *segments_cache_create(uint64_t seed)
{
    struct segments_cache *cache = calloc(1, sizeof *cache);
    CHECK(cache != NULL);
    cache->seed = seed;
    return cache;
}

void segments_cache_destroy(struct segments_cache **cache)
{
    free(*cache);
    *cache = NULL;
}

static size_t place_of(const struct segments_cache *cache, struct span id)
{
    return (size_t)(XXH64(id.at, id.length, cache->seed) % PLACES);
}

const struct policy_segments *segments_cache_find(const struct segments_cache *cache, struct span id)
{
    const struct policy_segments *place = &cache->places[place_of(cache, id)];
    return span_equals((struct span){place->id, place->id_length}, id) ? place : NULL;
}

/* The names of a JSON array, in which a client may have written letters as escapes. The text is valid. */
static uint16_t read_names(const char *text, char names[SEGMENTS_MAX])
{
    json_t *list = json_loads(text, 0, NULL);
    size_t used = 0, i = 0;
    json_t *item = NULL;
    json_array_foreach(list, i, item)
    {
        size_t length = json_string_length(item);
        if (!json_is_string(item) || length > UINT8_MAX || used + 1 + length > SEGMENTS_MAX)
            continue;
        names[used] = (char)length;
        memcpy(names + used + 1, json_string_value(item), length);
        used += 1 + length;
    }
    json_decref(list);
    return (uint16_t)used;
}

const struct policy_segments *segments_cache_put(struct segments_cache *cache, const struct coupon *coupon)
{
    struct span id = {coupon->id, strlen(coupon->id)};
    struct policy_segments *place = &cache->places[place_of(cache, id)];
    place->id_length = (uint8_t)id.length;
    memcpy(place->id, id.at, id.length);
    place->hash = coupon_segments_hash(coupon->segments, strlen(coupon->segments));
    place->names_length = read_names(coupon->segments, place->names);
    return place;
}

/* Takes the first name. False at the end. */
static bool take_name(struct span *names, struct span *name)
{
    if (names->length == 0)
        return false;
    size_t length = (unsigned char)names->at[0];
    if (length + 1 > names->length)
        return false;
    *name = (struct span){names->at + 1, length};
    names->at += 1 + length;
    names->length -= 1 + length;
    return true;
}

bool policy_segments_match(const struct policy_segments *segments, struct span names)
{
    struct span wanted, one;
    while (take_name(&names, &wanted)) {
        struct span theirs = {segments->names, segments->names_length};
        while (take_name(&theirs, &one)) {
            if (span_equals(one, wanted))
                return true;
        }
    }
    return false;
}
