/*
 * The coupons as GET /v1/coupons tells them, page by page. Pure: JSON in, values out; what is no coupon is left out.
 */
#ifndef COUPOND_TOP_COUPONS_H
#define COUPOND_TOP_COUPONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/coupon.h"

#define TOP_COUPONS_MAX 1000 /* looked at in one reading */
#define TOP_CURSOR_MAX  256

struct top_coupon {
    char id[COUPON_ID_MAX + 1];
    enum coupon_state state;
    uint64_t quantity;
    uint64_t issued;
    int64_t starts_us; /* since 1970, or TIME_NONE */
};

struct top_coupons {
    int64_t taken_us; /* on the monotone clock */
    unsigned count;
    struct top_coupon list[TOP_COUPONS_MAX];
};

/* Adds the coupons of one page and copies the cursor of the next one; empty: there is none. False when the text is no
 * page of coupons. */
bool top_coupons_add_page(struct top_coupons *coupons, const char *text, size_t length, char cursor[TOP_CURSOR_MAX]);
/* Behind the last page: makes ready for top_coupons_find(). */
void top_coupons_complete(struct top_coupons *coupons, int64_t taken_us);
/* NULL when it is not there. */
const struct top_coupon *top_coupons_find(const struct top_coupons *coupons, const char *id);

#endif
