/*
 * The rows of the current frame as one sequence (coupons, issues, changes, erasures), and the parts of it that a
 * delivery writes while it isolates rows that can never be stored. Pure. Points into the batch, and lives as long as
 * its frame.
 */
#ifndef COUPOND_PERSISTER_PARTS_H
#define COUPOND_PERSISTER_PARTS_H

#include "persister/batch.h"
#include "persister/dead.h"
#include "persister/rows_by_coupon.h"

/* The rows from `first` to before `end`. */
struct parts_range {
    size_t first;
    size_t end;
};

struct parts {
    const struct batch *batch;
    bool *is_dead; /* by row */
    size_t is_dead_capacity;
    struct rows_by_coupon by_coupon;
    /* of the current part, without dead rows */
    struct store_coupon *coupons;
    size_t coupons_capacity;
    struct store_issue *issues;
    size_t issues_capacity;
    struct store_change *changes;
    size_t changes_capacity;
    struct store_erasure *erasures;
    size_t erasures_capacity;
    bool *is_wanted; /* by coupon: belongs to the current part */
    size_t is_wanted_capacity;
};

void parts_deinit(struct parts *parts);
/* Begins with a batch none of whose rows is dead. */
void parts_begin(struct parts *parts, const struct batch *batch);

/* The number of all rows, and of those that are coupons. */
size_t parts_count(const struct batch *batch);
size_t parts_coupons(const struct batch *batch);

/* A row becomes a dead letter. */
void parts_mark_dead(struct parts *parts, size_t row, struct dead *dead, const char *reason, int64_t now_us);
/* The same for all issues and changes of a coupon that are not yet dead. */
void parts_mark_orphans(struct parts *parts, const char *coupon_id, struct dead *dead, const char *reason,
                        int64_t now_us);
/* Brings all rows but the coupons back to life. */
void parts_revive(struct parts *parts);

/* Parts of the frame as batches, which are valid until the next one. Coupons may include dead ones; other rows come
 * with their coupons, because a store that was restored from a backup meanwhile may lack those. `rows` receives
 * the number of rows of the range that are not dead. */
struct store_batch parts_of_coupons(const struct parts *parts, const struct parts_range *range);
struct store_batch parts_of_rows(struct parts *parts, const struct parts_range *range, size_t *rows);
/* No rows, but the dead letters. */
struct store_batch parts_of_letters(const struct parts *parts, const struct dead *dead);
/* The whole frame, with its dead rows as dead letters. */
struct store_batch parts_of_frame(struct parts *parts, const struct dead *dead);

#endif
