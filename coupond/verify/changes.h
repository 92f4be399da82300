/*
 * The part of `verify` about what became of issues: redeemed, revoked, erased. Pure. verify/verify.h says in which
 * order it is called.
 */
#ifndef COUPOND_VERIFY_CHANGES_H
#define COUPOND_VERIFY_CHANGES_H

#include "coupond/verify/coupon.h"
#include "coupond/verify/findings.h"
#include "shared/store/erased.h"

/* What `verify` knows of a coupon's journal. */
struct verify_bounds {
    uint64_t acked;     /* records up to this one are in the store */
    uint64_t first_seq; /* of the records in the remaining segments */
    bool is_dead;       /* the record that is being added is a dead letter */
    const struct store_erased *erased;
    const uint8_t *fingerprint_key; /* of the journal */
};

/* Adds a row of the store; a revocation whose record's segment is removed counts at once. */
void verify_changes_add_row(struct verify_coupon *coupon, const struct store_change *change, uint64_t first_seq);
/* Adds the journal's next change of an issue. True when the store need not have it yet. */
bool verify_changes_add_record(struct findings *findings, struct verify_coupon *coupon,
                               const struct store_change *change, const struct verify_bounds *bounds);
/* After all records: rows without a record, and the counters of the coupon's row. Rows of records from `damaged_seq` on
 * are not judged (UINT64_MAX: all are). */
void verify_changes_finish(struct findings *findings, struct verify_coupon *coupon, uint64_t first_seq,
                           uint64_t damaged_seq);

/* True when `digest` is that of the row of `issue`, whose user was erased by a later record. */
bool verify_is_erased(const struct store_erased *erased, const uint8_t key[16], const struct store_issue *issue,
                      uint64_t digest);
/* Replaces the issue's user by the erased id, if the user was ever erased, so that the issues before and after the
 * erasure count as one user's. */
void verify_take_erased(const struct store_erased *erased, const uint8_t key[16], struct store_issue *issue,
                        char id[ERASED_ID_LENGTH + 1]);

#endif
