/*
 * Compares incoming rows with stored ones: conflicts are found and described here, so that all stores judge alike.
 */
#ifndef COUPOND_STORE_JUDGE_H
#define COUPOND_STORE_JUDGE_H

#include "shared/error.h"
#include "shared/store/backend.h"
#include "shared/store/progress.h"
#include "shared/store/rows.h"

/* STORE_REJECTED, with both rows in the error. */
enum store_result store_issue_conflict(const struct store_issue *wanted, const struct store_issue *there,
                                       struct error *error);
/* STORE_REJECTED, because the coupon of the issue or the change is not in the store. */
enum store_result store_coupon_missing(const struct store_issue *issue, struct error *error);
enum store_result store_changed_coupon_missing(const struct store_change *change, struct error *error);

/* Judges a policy for a coupon that is already stored. STORE_OK, with *newer true when it replaces the stored one;
 * STORE_REJECTED when it contradicts the stored policy of the same journal record, or the creation time. */
enum store_result store_policy_judge(const struct store_coupon *wanted, const struct store_coupon *there, bool *newer,
                                     struct error *error);

/* What a change does to the counters of its coupon. */
struct store_count {
    int32_t returned;
    int32_t redeemed;
};
/*
 * Judges a change of an issue that has the state `there`, or NULL: none yet. STORE_OK, with *newer true when it
 * replaces the stored one, and the difference added to `count`; STORE_REJECTED when it contradicts the stored state
 * of the same journal record.
 */
enum store_result store_change_judge(const struct store_change *wanted, const struct store_change *there, bool *newer,
                                     struct store_count *count, struct error *error);

/* STORE_FAILED, with an error that says so. */
enum store_result store_id_missing(const struct store *store, struct error *error);
/* STORE_OTHER when the batch is meant for a store with another id than store->id. */
enum store_result store_id_judge(const struct store *store, const struct store_batch *batch, struct error *error);

/* The rows of the table journal, compared with a batch one after the other. */
struct store_journals {
    const struct store_batch *batch;
    enum store_result result;       /* STORE_FOREIGN when a row is of another issuer than the batch's */
    bool known;                     /* the batch's journal has a row */
    struct store_progress progress; /* of that row */
};

/* Compares the next row. False, and `error`, when the batch cannot be written; then no more rows are needed. */
bool store_journals_judge(struct store_journals *journals, const struct store_journal *there,
                          const struct store_progress *progress, struct error *error);
/* Marks records that can never be sent again as present, so that the store is asked only for those that can. */
void store_pass_over_gone(const struct store_batch *batch, struct store_progress *progress);
/* STORE_BEHIND when a store with this progress of the batch's journal lacks acknowledged records. Ignores those that
 * are gone. */
enum store_result store_behind_judge(struct store *store, const struct store_batch *batch,
                                     struct store_progress *progress, struct error *error);

/* STORE_OK for STORE_SCHEMA_VERSION, STORE_FAILED for any other; 0 means that there is no schema. */
enum store_result store_schema_judge(const struct store *store, int64_t version, struct error *error);
/* The same for the stored schema; also STORE_FAILED when its tables do not match it. */
enum store_result store_schema_check(struct store *store, struct error *error);

#endif
