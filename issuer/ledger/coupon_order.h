/*
 * Coupons in the byte order of their ids: a B+ tree of pointers, which only grows. Adding a coupon and finding the
 * start of a page take a number of steps logarithmic in the number of coupons. Pure; owned by coupon_index.
 */
#ifndef COUPOND_COUPON_ORDER_H
#define COUPOND_COUPON_ORDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "issuer/ledger/coupon.h"

#define COUPON_ORDER_FANOUT 64u /* coupons of a leaf, children of an inner node */

struct coupon_order_node;

/* All zeros is an empty order. */
struct coupon_order {
    struct coupon_order_node *root; /* NULL while empty */
    unsigned height;                /* inner nodes above a leaf */
    size_t count;
    uint64_t shifted; /* pointers moved so far to make room: the work besides comparing ids */
};

/* A position between two coupons. It is valid until a coupon is added. */
struct coupon_order_place {
    const struct coupon_order_node *leaf;
    unsigned at;
};

/* Frees the tree, not the coupons. */
void coupon_order_deinit(struct coupon_order *order);

/* Adds a coupon whose id is new. It is borrowed, and its id never changes. */
void coupon_order_add(struct coupon_order *order, struct ledger_coupon *coupon);

/* The position after the id `after` ("": the beginning), whether such a coupon exists or not. */
struct coupon_order_place coupon_order_after(const struct coupon_order *order, const char *after);
/* Returns the coupon after `place` and advances it; NULL at the end. */
struct ledger_coupon *coupon_order_next(struct coupon_order_place *place);

/* For tests: true when every node is valid. */
bool coupon_order_is_sound(const struct coupon_order *order);

#endif
