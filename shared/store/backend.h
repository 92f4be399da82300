/*
 * Internal to the store: a store is a table of operations with a common head. Included by shared/store only.
 */
#ifndef COUPOND_STORE_BACKEND_H
#define COUPOND_STORE_BACKEND_H

#include "shared/error.h"
#include "shared/options/options.h"
#include "shared/store/rows.h"
#include "shared/store/view.h"

#define STORE_DESCRIPTION_MAX 1024

typedef bool (*store_journal_fn)(void *arg, const struct store_journal *journal);
typedef bool (*store_coupon_fn)(void *arg, const struct coupon *coupon);
typedef bool (*store_issue_fn)(void *arg, const struct store_issue *issue);
typedef bool (*store_change_fn)(void *arg, const struct store_change *change);
typedef bool (*store_history_fn)(void *arg, const struct store_history_row *history);
typedef bool (*store_erasure_fn)(void *arg, const struct store_erasure *erasure);
typedef bool (*store_dead_letter_fn)(void *arg, const struct store_dead_letter *letter);
typedef bool (*store_dead_coupon_fn)(void *arg, const char *coupon_id, const char *reason);

/* What a query of shared/store/query.h reads. */
enum store_issues {
    STORE_ISSUES_OF_USER,
    STORE_ISSUES_OF_COUPON,
    STORE_ISSUES_OF_ALL,
};

struct store;

/* Each as its namesake in store/store.h. */
struct store_ops {
    void (*destroy)(struct store *store);
    enum store_result (*connect)(struct store *store, struct error *error);
    enum store_result (*migrate)(struct store *store, struct error *error);
    enum store_result (*schema_version)(struct store *store, int64_t *version, struct error *error);
    /* Called with the schema at STORE_SCHEMA_VERSION: STORE_FAILED when the tables do not match it. */
    enum store_result (*check_tables)(struct store *store, struct error *error);
    enum store_result (*read_id)(struct store *store, uint8_t id[STORE_ID_BYTES], struct error *error);
    enum store_result (*write)(struct store *store, const struct store_batch *batch, struct error *error);
    enum store_result (*each_dead_coupon)(struct store *store, const uint8_t journal_id[16], store_dead_coupon_fn each,
                                          void *arg, struct error *error);
    enum store_result (*adopt_journal)(struct store *store, const struct store_journal *journal, struct error *error);
    enum store_result (*read_begin)(struct store *store, struct error *error);
    enum store_result (*each_journal)(struct store *store, store_journal_fn each, void *arg, struct error *error);
    enum store_result (*each_coupon)(struct store *store, store_coupon_fn each, void *arg, struct error *error);
    enum store_result (*each_issue)(struct store *store, store_issue_fn each, void *arg, struct error *error);
    enum store_result (*each_change)(struct store *store, store_change_fn each, void *arg, struct error *error);
    enum store_result (*each_history)(struct store *store, const char *coupon_id, store_history_fn each, void *arg,
                                      struct error *error);
    enum store_result (*each_erasure)(struct store *store, store_erasure_fn each, void *arg, struct error *error);
    enum store_result (*each_dead_letter)(struct store *store, const struct store_dead_letter *after, size_t limit,
                                          store_dead_letter_fn each, void *arg, struct error *error);
    enum store_result (*read_issues)(struct store *store, enum store_issues which,
                                     const struct store_issue_query *query, store_view_fn each, void *arg,
                                     struct error *error);
    enum store_result (*read_earlier)(struct store *store, const struct store_earlier_query *query, store_issue_fn each,
                                      void *arg, struct error *error);
    enum store_result (*read_history)(struct store *store, const struct store_history_query *query,
                                      store_history_fn each, void *arg, struct error *error);
    enum store_result (*find_owner)(struct store *store, const char *id, size_t length,
                                    struct store_coupon_owner *owner, struct error *error);
    enum store_result (*create_ownership)(struct store *store, const struct store_ownership *row, struct error *error);
    enum store_result (*read_ownership)(struct store *store, uint16_t partition, struct store_ownership *row,
                                        bool *found, struct error *error);
    enum store_result (*change_ownership)(struct store *store, const struct store_ownership *from,
                                          const struct store_ownership *to, bool *matched, struct error *error);
    void (*read_end)(struct store *store);
};

struct store {
    const struct store_ops *ops;
    uint8_t id[STORE_ID_BYTES];  /* as of the last write */
    uint64_t behind_seq;         /* set with STORE_BEHIND */
    uint8_t fingerprint_key[16]; /* of the current write's journal; zeros: unknown */
    bool awaits_setup;           /* for store_awaits_setup() */
    bool only_reads;             /* store_only_read() was called */
    char description[STORE_DESCRIPTION_MAX];
};

struct store *store_sqlite_create(const struct options *options, struct error *error);
struct store *store_mysql_create(const struct options *options, struct error *error);

#define STORE_ID_QUERY "SELECT store_id FROM schema_version WHERE store_id IS NOT NULL ORDER BY version LIMIT 1"

#endif
