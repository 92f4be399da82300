#include "gateway/api/listing.h"

#include <stdlib.h>
#include <string.h>

#include "gateway/reply/json.h"
#include "shared/error.h"

struct listing {
    uint32_t limit;
    uint32_t count;
    /* sorted by id; each is allocated without what follows its last text, because coupons may be sixty times as large
     * as most of them are */
    struct frame_coupon *coupons[COUPON_LIST_MAX];
    int64_t now_us;
    bool more; /* further coupons exist, or may exist, after the page */
    uint32_t counts[PARTITIONS_MAX];
    uint8_t cut_length;      /* 0: the page ends with its last coupon */
    char cut[COUPON_ID_MAX]; /* otherwise with this id at the latest */
};

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
    for (uint32_t i = 0; i < (*listing)->count; i++)
        free((*listing)->coupons[i]);
    free(*listing);
    *listing = NULL;
}

uint32_t listing_ask(const struct listing *listing)
{
    return listing->limit < COUPON_LIST_MAX ? listing->limit + 1 : COUPON_LIST_MAX;
}

static struct span id_at(const struct listing *listing, uint32_t place)
{
    const struct frame_coupon *coupon = listing->coupons[place];
    return (struct span){coupon->id, coupon->id_length};
}

static struct span cut_of(const struct listing *listing)
{
    return (struct span){listing->cut, listing->cut_length};
}

/* The order of bytes, as in the issuer's lists. */
static int compare(struct span a, struct span b)
{
    int order = memcmp(a.at, b.at, a.length < b.length ? a.length : b.length);
    return order != 0 ? order : (a.length > b.length) - (a.length < b.length);
}

/* The number of coupons on the page up to `id`. */
static uint32_t place_of(const struct listing *listing, struct span id)
{
    uint32_t low = 0;
    uint32_t high = listing->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (compare(id_at(listing, middle), id) <= 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct frame_coupon *copy(const struct frame_coupon *coupon)
{
    size_t size = frame_coupon_bytes(coupon);
    struct frame_coupon *own = malloc(size);
    CHECK(own != NULL);
    memcpy(own, coupon, size);
    return own;
}

/* Inserts the coupon in order, unless the page is full of earlier ones. */
static void insert(struct listing *listing, const struct frame_coupon *coupon)
{
    uint32_t place = place_of(listing, (struct span){coupon->id, coupon->id_length});
    if (listing->count == listing->limit)
        listing->more = true;
    if (place == listing->limit)
        return;
    if (listing->count == listing->limit)
        free(listing->coupons[--listing->count]);
    memmove(listing->coupons + place + 1, listing->coupons + place,
            (listing->count++ - place) * sizeof listing->coupons[0]);
    listing->coupons[place] = copy(coupon);
}

bool listing_add(struct listing *listing, uint16_t partition, const struct frame_coupon *coupon, int64_t now_us)
{
    CHECK(partition < PARTITIONS_MAX);
    if (listing->counts[partition] == listing_ask(listing))
        return false;
    insert(listing, coupon);
    listing->counts[partition]++;
    listing->more |= listing->counts[partition] == listing_ask(listing);
    listing->now_us = now_us > listing->now_us ? now_us : listing->now_us;
    return true;
}

void listing_cut(struct listing *listing, struct span id)
{
    CHECK(id.length >= 1 && id.length <= COUPON_ID_MAX);
    if (listing->cut_length > 0 && compare(id, cut_of(listing)) >= 0)
        return;
    listing->cut_length = (uint8_t)id.length;
    memcpy(listing->cut, id.at, id.length);
}

/* Coupons on the page. */
static uint32_t shown(const struct listing *listing)
{
    return listing->cut_length == 0 ? listing->count : place_of(listing, cut_of(listing));
}

/* Where the next page begins; SPAN_NONE after the last. */
static struct span cursor(const struct listing *listing, uint32_t count)
{
    bool cut = listing->cut_length > 0;
    if (cut && (count < listing->count || count == 0 || !listing->more))
        return cut_of(listing);
    return listing->more && count > 0 ? id_at(listing, count - 1) : SPAN_NONE;
}

static void append_coupon(const struct listing *listing, uint32_t place, struct buffer *out)
{
    struct coupon coupon;
    CHECK(frame_coupon_read(listing->coupons[place], &coupon));
    coupon_json_append(out, &coupon, listing->now_us);
}

void listing_json_append(const struct listing *listing, struct buffer *out)
{
    uint32_t count = shown(listing);
    struct span next = cursor(listing, count);
    buffer_append(out, "{\"coupons\":[", 12);
    for (uint32_t i = 0; i < count; i++) {
        if (i > 0)
            buffer_append(out, ",", 1);
        append_coupon(listing, i, out);
    }
    buffer_append(out, "],\"next_cursor\":", 16);
    if (next.at != NULL)
        json_string_append(out, next.at, next.length);
    else
        buffer_append(out, "null", 4);
    buffer_append(out, "}", 1);
}
