/*
 * The coupons of a ledger: by id for the decision (a hash index), in the order of their ids for listings and snapshots
 * (coupon_order), and in the order in which they came. Pure; coupons stay where they are for the index's life.
 *
 * The hash index is many small tables, so that no answer ever waits until a large one has grown.
 */
#ifndef COUPOND_COUPON_INDEX_H
#define COUPOND_COUPON_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "issuer/ledger/coupon.h"
#include "issuer/ledger/coupon_order.h"

#define COUPON_INDEX_TABLES 256u

/* A part of the hash decides without looking at the coupon. */
struct coupon_slot {
    uint32_t mark;
    uint32_t number; /* of the coupon, counted from 1; 0: empty */
};

struct coupon_table {
    struct coupon_slot *slots; /* open addressing; NULL while empty */
    uint32_t slots_count;      /* a power of two */
    uint32_t count;
};

struct coupon_index {
    struct coupon_table tables[COUPON_INDEX_TABLES];
    struct ledger_coupon **slabs; /* of a fixed number of coupons each */
    size_t slabs_room;
    size_t count;
    bool bare; /* a part of a ledger: no titles, no order */
    struct coupon_order order;
};

void coupon_index_init(struct coupon_index *index, bool bare);
/* Frees the coupons too. */
void coupon_index_deinit(struct coupon_index *index);

/* NULL when there is none. */
struct ledger_coupon *coupon_index_find(const struct coupon_index *index, const char *id, size_t length);
/* Adds a copy of `coupon`, whose id is new, with nobody holding it. */
struct ledger_coupon *coupon_index_add(struct coupon_index *index, const struct coupon *coupon);
/* The coupon that came as the `number`th, counted from 0. */
struct ledger_coupon *coupon_index_at(const struct coupon_index *index, size_t number);

#endif
