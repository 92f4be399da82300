/*
 * Coupons from GET /v1/coupons, page by page. Pure: JSON in, values out; invalid coupons are skipped.
 */
#ifndef COUPOND_TOP_COUPONS_H
#define COUPOND_TOP_COUPONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/coupon.h"

#define TOP_COUPONS_MAX 1000 /* coupons per reading */
#define TOP_CURSOR_MAX  256

struct top_coupon {
    char id[COUPON_ID_MAX + 1];
    enum coupon_state state;
    uint64_t quantity; /* QUANTITY_UNLIMITED: no bound */
    uint64_t issued;
    uint64_t returned; /* of the issues; they went back to the stock */
    int64_t starts_us; /* since 1970, or TIME_NONE */
};

struct top_coupons {
    int64_t taken_us; /* of the monotonic clock */
    unsigned count;
    struct top_coupon list[TOP_COUPONS_MAX];
};

/* Issues that count against the quantity. */
uint64_t top_coupon_in_force(const struct top_coupon *coupon);

/* Adds the coupons of one page and copies the cursor of the next one; empty: it was the last. False when the text is
 * not a page of coupons. */
bool top_coupons_add_page(struct top_coupons *coupons, const char *text, size_t length, char cursor[TOP_CURSOR_MAX]);
/* Call after the last page, before top_coupons_find(). */
void top_coupons_complete(struct top_coupons *coupons, int64_t taken_us);
/* NULL when it does not exist. */
const struct top_coupon *top_coupons_find(const struct top_coupons *coupons, const char *id);

#endif
