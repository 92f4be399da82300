/*
 * Inside the store: what store/store.c, store_sqlite*.c and store_mysql*.c share, and nobody else includes.
 * A store is a table of operations behind a common head; rows are compared and contradictions worded here, so that
 * every store judges alike.
 */
#ifndef COUPOND_STORE_BACKEND_H
#define COUPOND_STORE_BACKEND_H

#include "shared/clock.h"
#include "shared/store/progress.h"
#include "shared/store/store.h"

#define STORE_DESCRIPTION_MAX 1024
#define JOURNAL_ID_TEXT_MAX   33 /* 32 hexadecimal digits and a NUL */

typedef bool (*store_journal_fn)(void *arg, const struct store_journal *journal);
typedef bool (*store_coupon_fn)(void *arg, const struct coupon *coupon);
typedef bool (*store_issue_fn)(void *arg, const struct store_issue *issue);
typedef bool (*store_dead_letter_fn)(void *arg, const struct store_dead_letter *letter);
typedef bool (*store_dead_coupon_fn)(void *arg, const char *coupon_id, const char *reason);

/* Each as its namesake in store.h. */
struct store_ops {
    void (*destroy)(struct store *store);
    enum store_result (*connect)(struct store *store, struct error *error);
    enum store_result (*migrate)(struct store *store, struct error *error);
    enum store_result (*schema_version)(struct store *store, int64_t *version, struct error *error);
    /* With the schema at STORE_SCHEMA_VERSION: STORE_FAILED where the tables are not what it wants. */
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
    enum store_result (*each_dead_letter)(struct store *store, const struct store_dead_letter *after, size_t limit,
                                          store_dead_letter_fn each, void *arg, struct error *error);
    void (*read_end)(struct store *store);
};

struct store {
    const struct store_ops *ops;
    uint8_t id[STORE_ID_BYTES]; /* as the last write found it */
    uint64_t behind_seq;        /* with STORE_BEHIND */
    bool awaits_setup;          /* as store_awaits_setup() */
    char description[STORE_DESCRIPTION_MAX];
};

struct store *store_sqlite_create(const struct options *options, struct error *error);
struct store *store_mysql_create(const struct options *options, struct error *error);

/*
 * The rows of a batch in the order of their primary keys, so that writers of the same rows do not wait for each other
 * in a ring; the arrays are reused.
 */
struct store_order {
    const struct store_issue **rows; /* by (coupon_id, sequence); as many as the batch has */
    size_t capacity;
    const struct coupon **coupons; /* by id; of each coupon the newest record alone */
    size_t coupons_count;
    size_t coupons_capacity;
};

/*
 * Fills `order` with the batch's issues and with its coupons. STORE_REJECTED when two issues claim the same sequence of
 * a coupon, or two records of a coupon contradict each other.
 */
enum store_result store_order_fill(struct store_order *order, const struct store_batch *batch, struct error *error);
void store_order_deinit(struct store_order *order);

bool store_issue_same_coupon(const struct store_issue *a, const struct store_issue *b);
/* Whether both are the same issue of the same user: (coupon_id, user_id, nth). */
bool store_issue_same_holder(const struct store_issue *a, const struct store_issue *b);
/* Every column alike. */
bool store_issue_equal(const struct store_issue *a, const struct store_issue *b);

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

/* A new one. */
void store_id_make(uint8_t id[STORE_ID_BYTES]);
#define STORE_ID_QUERY "SELECT store_id FROM schema_version WHERE store_id IS NOT NULL ORDER BY version LIMIT 1"
/* STORE_FAILED, in words. */
enum store_result store_id_missing(const struct store *store, struct error *error);
/* STORE_OTHER when the batch is meant for another store than the one with store->id. */
enum store_result store_id_judge(const struct store *store, const struct store_batch *batch, struct error *error);

/* STORE_FOREIGN when a journal that filled the store before cannot be of the same issuer as the batch's. */
enum store_result store_journal_judge(const struct store_batch *batch, const struct store_journal *there,
                                      struct error *error);
/* What can never come again counts as there, so that the store is asked only for what can. */
void store_pass_over_gone(const struct store_batch *batch, struct store_progress *progress);
/* STORE_BEHIND when a store that is so far with the batch's journal lacks what was acknowledged. Passes over what is
 * gone. */
enum store_result store_behind_judge(struct store *store, const struct store_batch *batch,
                                     struct store_progress *progress, struct error *error);

/* STORE_OK for STORE_SCHEMA_VERSION; STORE_FAILED for another, 0 meaning that there is no schema. */
enum store_result store_schema_judge(const struct store *store, int64_t version, struct error *error);

void journal_id_format(const uint8_t id[16], char out[JOURNAL_ID_TEXT_MAX]);
bool journal_id_parse(const char *text, size_t length, uint8_t id[16]);

/* The rows of a journal batch share one time: formats it once. */
struct time_text {
    int64_t us;
    char text[RFC3339_MAX]; /* empty: nothing formatted yet */
};

const char *time_text_of(struct time_text *time, int64_t us);

#endif
