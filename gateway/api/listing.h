/*
 * Builds a page of GET /v1/coupons: merges the partitions' answers by id as they arrive. Never holds more coupons than
 * the page, however many partitions there are, and of each only the bytes that it has. Pure; used by one thread.
 */
#ifndef COUPOND_LISTING_H
#define COUPOND_LISTING_H

#include <stdbool.h>
#include <stdint.h>

#include "gateway/http/buffer.h"
#include "gateway/http/span.h"
#include "shared/wire/frame.h"

struct listing;

/* A page of at most `limit` coupons. */
struct listing *listing_create(uint32_t limit);
void listing_destroy(struct listing **listing);

/* The number of coupons to request from each partition: one more than the page, as far as COUPON_LIST_MAX allows, so
 * that the last page is recognized. */
uint32_t listing_ask(const struct listing *listing);

/* Adds one coupon of a partition's answer, which is whole; `now_us` is the issuer's clock. False when the partition
 * sends more coupons than were requested. */
bool listing_add(struct listing *listing, uint16_t partition, const struct frame_coupon *coupon, int64_t now_us);

/* A partition has not looked at coupons after `id`, which is valid: the page ends there at the latest. */
void listing_cut(struct listing *listing, struct span id);

/* Appends {"coupons":[…],"next_cursor":…}; next_cursor is null on the last page. */
void listing_json_append(const struct listing *listing, struct buffer *out);

#endif
