/*
 * The data of `verify` about each coupon: the store's rows (12 bytes each, sorted), the journal's position, and the
 * issues per user. Pure; found by id.
 */
#ifndef COUPOND_VERIFY_COUPON_H
#define COUPOND_VERIFY_COUPON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "coupond/verify/states.h"
#include "coupond/verify/users.h"
#include "shared/journal/format.h"
#include "shared/store/store.h"

/* What the checks need of a policy: a whole one, with its texts, is eighty times as large. */
struct verify_policy {
    uint32_t number; /* 0: none yet */
    uint32_t quantity;
    uint32_t per_user_limit;
    uint32_t issued;   /* the last sequence */
    uint32_t returned; /* revoked issues that went back to the stock */
    uint32_t forgiven; /* revoked issues that do not count for their user's limit */
    bool paused;
    int64_t starts_at_us;
    int64_t ends_at_us;
    uint64_t journal_seq;
};

struct verify_coupon {
    char id[COUPON_ID_MAX + 1];
    bool broken;

    /* the coupon's row in the store */
    bool stored;
    bool stored_matched; /* its policy equals that of the journal record that it names */
    uint32_t stored_issued;
    uint32_t stored_returned;
    uint32_t stored_redeemed;
    uint64_t stored_seq;
    uint64_t stored_digest;
    uint64_t snapshot_digest;     /* digest of the snapshot's policy, since the store is read before the journal's
                                   * records */
    uint64_t snapshot_policy_seq; /* the record of that policy; 0: not in a snapshot */

    /* the store's rows of its issues, sorted by sequence */
    uint32_t *sequences;
    uint64_t *digests; /* 0: equal to the journal's issue */
    size_t rows;
    size_t rows_capacity;
    size_t rows_matched;

    /* the journal */
    bool journalled;
    uint16_t partition;
    uint64_t acked_policy_seq; /* the last acknowledged record of its policy; 0: none */
    struct verify_policy policy;
    uint32_t snapshot_issued; /* number of issues in the snapshot, a lower bound */
    int64_t last_issued_at_us;
    uint64_t lag; /* issues that the store has neither acknowledged nor stored */
    struct verify_users users;
    struct verify_states states; /* in the store, and by the journal */
};

/* All zeros is an empty index. */
struct verify_index {
    struct verify_coupon **places;
    size_t mask; /* number of slots - 1; 0: none */
    size_t count;
};

void verify_index_deinit(struct verify_index *index);
/* Finds the coupon or adds it. */
struct verify_coupon *verify_index_get(struct verify_index *index, const char *id, size_t length);
/* All coupons in the byte order of their ids; free() the array. */
struct verify_coupon **verify_index_sorted(const struct verify_index *index);

/* Adds a row of the store; rows must come in sequence order. */
void verify_coupon_add_row(struct verify_coupon *coupon, const struct store_issue *issue);
/* The row's index, or SIZE_MAX. */
size_t verify_coupon_find_row(const struct verify_coupon *coupon, uint32_t sequence);

/* A digest of the row without its coupon; never 0. */
uint64_t verify_issue_digest(const struct store_issue *issue);
uint64_t verify_policy_digest(const struct store_coupon *policy);

#endif
