/*
 * The rows of a batch in the order of their primary keys, so that writers of the same rows do not deadlock.
 */
#ifndef COUPOND_STORE_ORDER_H
#define COUPOND_STORE_ORDER_H

#include "shared/error.h"
#include "shared/store/rows.h"

/* The arrays are reused. */
struct store_order {
    const struct store_issue **rows; /* by (coupon_id, sequence); all of the batch */
    size_t capacity;
    const struct store_coupon **coupons; /* by id; only the newest record of each coupon */
    size_t coupons_count;
    size_t coupons_capacity;
    const struct store_coupon **history; /* by (id, journal_seq); all coupons of the batch */
    size_t history_capacity;
    const struct store_change **changes; /* by (coupon_id, sequence); only the newest record of each issue */
    size_t changes_count;
    size_t changes_capacity;
};

/*
 * Fills `order` with the batch's coupons, issues and changes. STORE_REJECTED when two issues claim the same sequence of
 * a coupon, or two records of a coupon contradict each other.
 */
enum store_result store_order_fill(struct store_order *order, const struct store_batch *batch, struct error *error);
void store_order_deinit(struct store_order *order);

#endif
