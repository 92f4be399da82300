#include "gateway/api/listing.h"

#include <stdlib.h>
#include <string.h>

#include "gateway/reply/json.h"
#include "shared/error.h"

struct listing {
    uint32_t limit;
    uint32_t count;
    struct coupon *coupons;         /* room for `limit`, allocated with the first coupon; unordered */
    uint8_t order[COUPON_LIST_MAX]; /* indexes into `coupons`, sorted by id */
    int64_t now_us;
    bool more; /* further coupons exist, or may exist, after the page */
    uint32_t counts[PARTITIONS_MAX];
};

_Static_assert(COUPON_LIST_MAX <= UINT8_MAX, "a place in `order` is a byte");

struct listing *listing_create(uint32_t limit)
{
    struct listing *listing = calloc(1, sizeof *listing);
    CHECK(listing != NULL && limit >= 1 && limit <= COUPON_LIST_MAX);
    listing->limit = limit;
    return listing;
}

void listing_destroy(struct listing **listing)
{
    if (*listing == NULL)
        return;
    free((*listing)->coupons);
    free(*listing);
    *listing = NULL;
}

uint32_t listing_ask(const struct listing *listing)
{
    return listing->limit < COUPON_LIST_MAX ? listing->limit + 1 : COUPON_LIST_MAX;
}

static const char *id_at(const struct listing *listing, uint32_t place)
{
    return listing->coupons[listing->order[place]].id;
}

/* The number of coupons on the page that come before `id`. */
static uint32_t place_of(const struct listing *listing, const char *id)
{
    uint32_t low = 0;
    uint32_t high = listing->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (strcmp(id_at(listing, middle), id) <= 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Returns a new slot, or on a full page that of the last coupon, which is dropped. */
static uint8_t take_slot(struct listing *listing)
{
    if (listing->count < listing->limit)
        return (uint8_t)listing->count++;
    listing->more = true;
    return listing->order[listing->count - 1];
}

/* Inserts the coupon in order, unless the page is full of earlier ones. */
static void insert(struct listing *listing, const struct coupon *coupon)
{
    uint32_t place = place_of(listing, coupon->id);
    uint8_t slot = 0;
    if (place == listing->limit) {
        listing->more = true;
        return;
    }
    slot = take_slot(listing);
    listing->coupons[slot] = *coupon;
    memmove(listing->order + place + 1, listing->order + place, listing->count - 1 - place);
    listing->order[place] = slot;
}

bool listing_add(struct listing *listing, uint16_t partition, const struct coupon *coupon, int64_t now_us)
{
    CHECK(partition < PARTITIONS_MAX);
    if (listing->counts[partition] == listing_ask(listing))
        return false;
    if (listing->coupons == NULL) {
        listing->coupons = calloc(listing->limit, sizeof *listing->coupons);
        CHECK(listing->coupons != NULL);
    }
    insert(listing, coupon);
    listing->counts[partition]++;
    listing->more |= listing->counts[partition] == listing_ask(listing);
    listing->now_us = now_us > listing->now_us ? now_us : listing->now_us;
    return true;
}

void listing_json_append(const struct listing *listing, struct buffer *out)
{
    buffer_append(out, "{\"coupons\":[", 12);
    for (uint32_t i = 0; i < listing->count; i++) {
        if (i > 0)
            buffer_append(out, ",", 1);
        coupon_json_append(out, &listing->coupons[listing->order[i]], listing->now_us);
    }
    buffer_append(out, "],\"next_cursor\":", 16);
    if (listing->more && listing->count > 0)
        json_string_append(out, id_at(listing, listing->count - 1), strlen(id_at(listing, listing->count - 1)));
    else
        buffer_append(out, "null", 4);
    buffer_append(out, "}", 1);
}
