/*
 * An index of the current frame's rows by coupon, since a frame may create thousands of coupons and issue them. Pure.
 * Points into the batch, and lives as long as its frame.
 */
#ifndef COUPOND_PERSISTER_ROWS_BY_COUPON_H
#define COUPOND_PERSISTER_ROWS_BY_COUPON_H

#include "shared/store/store.h"

struct rows_by_coupon {
    const struct store_coupon **coupons; /* by id, then in journal order */
    size_t coupons_count;
    size_t coupons_capacity;
    const struct store_issue **issues; /* by their coupon's id, then in journal order */
    size_t issues_count;
    size_t issues_capacity;
    const struct store_change **changes; /* likewise */
    size_t changes_count;
    size_t changes_capacity;
};

void rows_by_coupon_deinit(struct rows_by_coupon *index);
void rows_by_coupon_fill(struct rows_by_coupon *index, const struct store_batch *rows);

/* The coupon's records, its issues, or their changes: their number, and their first position in the index. */
size_t rows_by_coupon_coupons(const struct rows_by_coupon *index, const char *id, size_t length, size_t *first);
size_t rows_by_coupon_issues(const struct rows_by_coupon *index, const char *id, size_t length, size_t *first);
size_t rows_by_coupon_changes(const struct rows_by_coupon *index, const char *id, size_t length, size_t *first);

#endif
