#include "gateway/listing.h"

#include <stdlib.h>
#include <string.h>

#include "gateway/reply_json.h"
#include "shared/error.h"

struct listing {
    uint32_t limit;
    size_t count;
    size_t capacity;
    struct coupon *coupons;
    int64_t now_us;
    bool partition_full; /* one partition sent all that it was asked for: it may have more */
    uint32_t counts[PARTITIONS_MAX];
};

struct listing *listing_create(uint32_t limit)
{
    struct listing *listing = calloc(1, sizeof(*listing));

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

bool listing_add(struct listing *listing, uint16_t partition, const struct coupon *coupon, int64_t now_us)
{
    CHECK(partition < PARTITIONS_MAX);
    if (listing->counts[partition] == listing_ask(listing))
        return false;
    if (listing->count == listing->capacity) {
        listing->capacity = listing->capacity == 0 ? listing_ask(listing) : listing->capacity * 2;
        listing->coupons = realloc(listing->coupons, listing->capacity * sizeof(*listing->coupons));
        CHECK(listing->coupons != NULL);
    }
    listing->coupons[listing->count++] = *coupon;
    listing->counts[partition]++;
    listing->partition_full |= listing->counts[partition] == listing_ask(listing);
    listing->now_us = now_us > listing->now_us ? now_us : listing->now_us;
    return true;
}

static int by_id(const void *a, const void *b)
{
    return strcmp(((const struct coupon *)a)->id, ((const struct coupon *)b)->id);
}

void listing_json_append(struct listing *listing, struct buffer *out)
{
    size_t count = listing->count < listing->limit ? listing->count : listing->limit;
    bool more = listing->count > listing->limit || listing->partition_full;

    if (listing->count > 0)
        qsort(listing->coupons, listing->count, sizeof(*listing->coupons), by_id);
    buffer_append(out, "{\"coupons\":[", 12);
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            buffer_append(out, ",", 1);
        coupon_json_append(out, &listing->coupons[i], listing->now_us);
    }
    buffer_append(out, "],\"next_cursor\":", 16);
    if (more && count > 0)
        json_string_append(out, listing->coupons[count - 1].id, strlen(listing->coupons[count - 1].id));
    else
        buffer_append(out, "null", 4);
    buffer_append(out, "}", 1);
}
