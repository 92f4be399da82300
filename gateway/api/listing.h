/*
 * A page of GET /v1/coupons in the making: what the partitions answer, merged by id as it comes in; never more than the
 * page is kept, however many partitions there are. Pure; used by one thread.
 */
#ifndef COUPOND_LISTING_H
#define COUPOND_LISTING_H

#include <stdbool.h>
#include <stdint.h>

#include "gateway/http/buffer.h"
#include "shared/coupon.h"

struct listing;

/* A page of at most `limit` coupons. */
struct listing *listing_create(uint32_t limit);
void listing_destroy(struct listing **listing);

/* How many coupons to ask each partition for: one more than the page, so that the end is known, where the bound allows.
 */
uint32_t listing_ask(const struct listing *listing);

/* Takes one coupon of a partition's answer, `now_us` being the issuer's clock. False when the partition sends more than
 * was asked for. */
bool listing_add(struct listing *listing, uint16_t partition, const struct coupon *coupon, int64_t now_us);

/* Appends {"coupons":[…],"next_cursor":…}; next_cursor is null on the last page. */
void listing_json_append(const struct listing *listing, struct buffer *out);

#endif
