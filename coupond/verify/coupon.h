/*
 * What `verify` keeps of each coupon: what the store holds (12 bytes a row, in order), how far the journal has come,
 * who holds how many. Pure; found by id.
 */
#ifndef COUPOND_VERIFY_COUPON_H
#define COUPOND_VERIFY_COUPON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "coupond/verify/users.h"
#include "shared/journal/format.h"
#include "shared/store/store.h"

struct verify_coupon {
    char id[COUPON_ID_MAX + 1];
    bool broken;

    /* the store's row of the coupon */
    bool stored;
    bool stored_matched; /* its policy is the one of the journal record that it names */
    uint32_t stored_issued;
    uint64_t stored_seq;
    uint64_t stored_digest;
    uint64_t snapshot_digest;     /* of the snapshot's policy; the store is read before any record of the journal */
    uint64_t snapshot_policy_seq; /* the record of that policy; 0: not in a snapshot */

    /* the store's rows of its issues, by sequence */
    uint32_t *sequences;
    uint64_t *digests; /* 0: the journal has it just so */
    size_t rows;
    size_t rows_capacity;
    size_t rows_matched;

    /* the journal */
    bool journalled;
    uint16_t partition;
    uint64_t acked_policy_seq; /* the last record of the policy that the store has acknowledged; 0: none */
    struct coupon policy;      /* `issued` is the last sequence */
    uint32_t snapshot_issued;  /* of a snapshot: at least so many are issued */
    int64_t last_issued_at_us;
    uint64_t lag; /* issues that the store has not acknowledged and does not hold */
    struct verify_users users;
};

/* All zeros is an empty index. */
struct verify_index {
    struct verify_coupon **places;
    size_t mask; /* places - 1; 0: none */
    size_t count;
};

void verify_index_deinit(struct verify_index *index);
/* Finds the coupon or adds it. */
struct verify_coupon *verify_index_get(struct verify_index *index, const char *id, size_t length);
/* All coupons in the byte order of their ids; free() the array. */
struct verify_coupon **verify_index_sorted(const struct verify_index *index);

/* Keeps a row of the store; rows come in the order of their sequences. */
void verify_coupon_add_row(struct verify_coupon *coupon, const struct store_issue *issue);
/* The row's place, or SIZE_MAX. */
size_t verify_coupon_find_row(const struct verify_coupon *coupon, uint32_t sequence);

/* What identifies a row but for its coupon; never 0. */
uint64_t verify_issue_digest(const struct store_issue *issue);
uint64_t verify_policy_digest(const struct coupon *policy);

#endif
