/*
 * Coupons in the byte order of their ids: a B+ tree of pointers, which only grows. Adding one and finding where a page
 * of a listing begins take a number of steps that grows with the logarithm of the coupons. Pure; owned by coupon_index.
 */
#ifndef COUPOND_COUPON_ORDER_H
#define COUPOND_COUPON_ORDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "issuer/ledger/coupon.h"

#define COUPON_ORDER_FANOUT 64u /* coupons of a leaf, children of an inner node */

struct coupon_order_node;

/* All zeros is an empty one. */
struct coupon_order {
    struct coupon_order_node *root; /* NULL while empty */
    unsigned height;                /* inner nodes above a leaf */
    size_t count;
    uint64_t shifted; /* pointers that made room for another, so far: the work beside comparing ids */
};

/* A place between two coupons. It holds until a coupon is added. */
struct coupon_order_place {
    const struct coupon_order_node *leaf;
    unsigned at;
};

/* Frees the tree, not the coupons. */
void coupon_order_deinit(struct coupon_order *order);

/* Adds a coupon whose id is new. It is borrowed for the order's life, and its id never changes. */
void coupon_order_add(struct coupon_order *order, struct ledger_coupon *coupon);

/* The place behind the id `after` ("": the beginning), whether such a coupon is there or not. */
struct coupon_order_place coupon_order_after(const struct coupon_order *order, const char *after);
/* The coupon behind `place`, which moves on behind it; NULL at the end. */
struct ledger_coupon *coupon_order_next(struct coupon_order_place *place);

/* For tests: true when every node is where it belongs. */
bool coupon_order_is_sound(const struct coupon_order *order);

#endif
