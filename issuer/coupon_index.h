/*
 * The coupons of a ledger by id: a hash index for the decision, a sorted list for listings. Pure; coupons stay where
 * they are for the index's life.
 */
#ifndef COUPOND_COUPON_INDEX_H
#define COUPOND_COUPON_INDEX_H

#include <stddef.h>
#include <stdint.h>

#include "issuer/user_set.h"
#include "shared/coupon.h"

struct ledger_coupon {
    struct coupon coupon;
    unsigned gauge; /* of coupon_gauges: its place there, counted from 1; 0: it has none */
    struct user_set users;
};

struct coupon_index {
    struct ledger_coupon **slots; /* open addressing */
    size_t slots_count;           /* a power of two; 0 while empty */
    struct ledger_coupon **sorted;
    size_t count;
};

void coupon_index_init(struct coupon_index *index);
/* Frees the coupons too. */
void coupon_index_deinit(struct coupon_index *index);

/* NULL when there is none. */
struct ledger_coupon *coupon_index_find(const struct coupon_index *index, const char *id, size_t length);
/* Adds a copy of `coupon`, whose id is new, with nobody holding it. */
struct ledger_coupon *coupon_index_add(struct coupon_index *index, const struct coupon *coupon);
/* Position of the first coupon whose id comes after `after` in byte order. */
size_t coupon_index_after(const struct coupon_index *index, const char *after);

#endif
