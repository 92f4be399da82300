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
    char cut[COUPON_ID_MAX + 1]; /* the page ends with this id at the latest; "": it does not */
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

void listing_cut(struct listing *listing, struct span id)
{
    char text[COUPON_ID_MAX + 1] = {0};
    CHECK(id.length <= COUPON_ID_MAX);
    memcpy(text, id.at, id.length);
    if (listing->cut[0] == '\0' || strcmp(text, listing->cut) < 0)
        memcpy(listing->cut, text, sizeof text);
}

/* Coupons on the page. */
static uint32_t shown(const struct listing *listing)
{
    return listing->cut[0] == '\0' ? listing->count : place_of(listing, listing->cut);
}

/* Where the next page begins; NULL after the last. */
static const char *cursor(const struct listing *listing, uint32_t count)
{
    bool cut = listing->cut[0] != '\0';
    if (cut && (count < listing->count || count == 0 || !listing->more))
        return listing->cut;
    return listing->more && count > 0 ? id_at(listing, count - 1) : NULL;
}

void listing_json_append(const struct listing *listing, struct buffer *out)
{
    uint32_t count = shown(listing);
    const char *next = cursor(listing, count);
    buffer_append(out, "{\"coupons\":[", 12);
    for (uint32_t i = 0; i < count; i++) {
        if (i > 0)
            buffer_append(out, ",", 1);
        coupon_json_append(out, &listing->coupons[listing->order[i]], listing->now_us);
    }
    buffer_append(out, "],\"next_cursor\":", 16);
    if (next != NULL)
        json_string_append(out, next, strlen(next));
    else
        buffer_append(out, "null", 4);
    buffer_append(out, "}", 1);
}
