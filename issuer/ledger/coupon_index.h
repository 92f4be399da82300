/*
 * The coupons of a ledger: by id for decisions (a hash index), in id order for listings and snapshots (coupon_order),
 * and in the order of their creation. Pure; coupons never move during the index's life.
 *
 * The hash index consists of many small tables, so that no request ever waits for a large table to grow.
 */
#ifndef COUPOND_COUPON_INDEX_H
#define COUPOND_COUPON_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "issuer/ledger/coupon.h"
#include "issuer/ledger/coupon_order.h"

#define COUPON_INDEX_TABLES 256u

/* Part of the hash rules out most slots without reading the coupon. */
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
    struct ledger_coupon **numbered; /* by the coupon's own number - 1; NULL: no such coupon */
    uint32_t numbered_room;
    bool bare; /* part of a ledger: no titles, no order */
    struct coupon_order order;
};

void coupon_index_init(struct coupon_index *index, bool bare);
/* Also frees the coupons. */
void coupon_index_deinit(struct coupon_index *index);

/* NULL when there is none. */
struct ledger_coupon *coupon_index_find(const struct coupon_index *index, const char *id, size_t length);
/* Adds a copy of `coupon`, whose id is new, without holders. */
struct ledger_coupon *coupon_index_add(struct coupon_index *index, const struct coupon *coupon);
/* Makes the coupon known by its number, which is not 0. Does nothing in a part of a ledger. */
void coupon_index_number(struct coupon_index *index, struct ledger_coupon *coupon);
/* The coupon whose own number this is; NULL when there is none. */
struct ledger_coupon *coupon_index_numbered(const struct coupon_index *index, uint32_t number);
/* The coupon at this place, counted from 0 in the order of adding. */
struct ledger_coupon *coupon_index_at(const struct coupon_index *index, size_t number);

#endif
