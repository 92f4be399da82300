/*
 * What the rows that are there say to those that come: contradictions are found and worded here, so that every store
 * judges alike.
 */
#ifndef COUPOND_STORE_JUDGE_H
#define COUPOND_STORE_JUDGE_H

#include "shared/error.h"
#include "shared/store/backend.h"
#include "shared/store/progress.h"
#include "shared/store/rows.h"

/* STORE_REJECTED, with both rows in words. */
enum store_result store_issue_conflict(const struct store_issue *wanted, const struct store_issue *there,
                                       struct error *error);
/* STORE_REJECTED: issues of a coupon that is not in the store. */
enum store_result store_coupon_missing(const struct store_issue *issue, struct error *error);

/*
 * What to do with a policy for a coupon that is there already: STORE_OK, and *newer tells whether it replaces the
 * stored one; STORE_REJECTED when the same journal record, or the time of creation, says something else than before.
 */
enum store_result store_policy_judge(const struct coupon *wanted, const struct coupon *there, bool *newer,
                                     struct error *error);

/* STORE_FAILED, in words. */
enum store_result store_id_missing(const struct store *store, struct error *error);
/* STORE_OTHER when the batch is meant for another store than the one with store->id. */
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
/* What can never come again counts as there, so that the store is asked only for what can. */
void store_pass_over_gone(const struct store_batch *batch, struct store_progress *progress);
/* STORE_BEHIND when a store that is so far with the batch's journal lacks what was acknowledged. Passes over what is
 * gone. */
enum store_result store_behind_judge(struct store *store, const struct store_batch *batch,
                                     struct store_progress *progress, struct error *error);

/* STORE_OK for STORE_SCHEMA_VERSION; STORE_FAILED for another, 0 meaning that there is no schema. */
enum store_result store_schema_judge(const struct store *store, int64_t version, struct error *error);
/* The same of the schema that is there, and STORE_FAILED when its tables are not what they must be. */
enum store_result store_schema_check(struct store *store, struct error *error);

#endif
