/*
 * Questions of readers to a store: pages of issues, without a transaction that outlives a page, so that a slow client
 * holds nothing. Call between store_read_begin() and store_read_end() (shared/store/store.h), which make the parts of
 * one page consistent. As everywhere, one thread uses a store.
 */
#ifndef COUPOND_STORE_QUERY_H
#define COUPOND_STORE_QUERY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/error.h"
#include "shared/store/store.h"
#include "shared/store/view.h"

/* Call before the first connect of a store that only reads: it gets a small cache. */
void store_only_read(struct store *store);

/*
 * Deliver issues until the callback returns false: a user's, newest first (by issued_at, coupon_id and sequence, each
 * descending); a coupon's, by sequence; all, by coupon_id and sequence.
 */
enum store_result store_read_user_issues(struct store *store, const struct store_issue_query *query, store_view_fn each,
                                         void *arg, struct error *error);
enum store_result store_read_coupon_issues(struct store *store, const struct store_issue_query *query,
                                           store_view_fn each, void *arg, struct error *error);
enum store_result store_read_all_issues(struct store *store, const struct store_issue_query *query, store_view_fn each,
                                        void *arg, struct error *error);

/* Delivers one issue, or nothing when the store does not have it. */
enum store_result store_read_issue(struct store *store, const struct store_issue *which, store_view_fn each, void *arg,
                                   struct error *error);

/* Delivers issues of a coupon from the latest to the first, without their request keys; none when the journal is not
 * known here. Works with the tables of earlier schema versions, too,
 * so that an issuer need not wait for their migration. */
enum store_result store_read_earlier_issues(struct store *store, const struct store_earlier_query *query,
                                            bool (*each)(void *arg, const struct store_issue *), void *arg,
                                            struct error *error);

/* Delivers the policies that a coupon had, the latest first. */
enum store_result store_read_history(struct store *store, const struct store_history_query *query,
                                     bool (*each)(void *arg, const struct store_history_row *), void *arg,
                                     struct error *error);

/* Whether the store has this coupon, and whose it is. */
enum store_result store_find_owner(struct store *store, const char *id, size_t length, struct store_coupon_owner *owner,
                                   struct error *error);

#endif
