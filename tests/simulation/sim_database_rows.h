/*
 * Internal to the simulated database: its tables, as lists that are searched from the front.
 */
#ifndef COUPOND_SIM_DATABASE_ROWS_H
#define COUPOND_SIM_DATABASE_ROWS_H

#include "shared/store/backend.h"
#include "shared/store/progress.h"
#include "sim.h"
#include "sim_model.h"

#define SIM_COUPONS_MAX 64

struct sim_journal_row {
    bool known;
    uint8_t journal_id[16];
    struct store_progress progress;
};

/* A text of the policy is its hash, as in the model. */
struct sim_coupon_row {
    struct model_policy policy;
    uint32_t issued;
    int32_t returned;
    int32_t redeemed;
};

struct sim_issue_row {
    char coupon_id[COUPON_ID_MAX + 1];
    char user_id[USER_ID_MAX + 1];
    uint16_t nth;
    uint32_t sequence;
    int64_t issued_at_us;
    uint64_t journal_seq;
    uint64_t request_key;
};

struct sim_state_row {
    struct store_change change; /* points into what follows; set by sim_rows_state() */
    char coupon_id[COUPON_ID_MAX + 1];
    char reference[REFERENCE_MAX];
    char reason[REASON_MAX];
    char actor[ACTOR_MAX];
};

struct sim_erasure_row {
    uint16_t partition;
    uint64_t journal_seq;
    uint8_t fingerprint[16];
};

struct sim_letter_row {
    bool gone; /* removed again */
    uint16_t partition;
    uint64_t journal_seq;
    enum journal_record_type type;
    char coupon_id[COUPON_ID_MAX + 1];
};

struct sim_rows {
    uint8_t id[STORE_ID_BYTES]; /* zeros: of a version without ids */
    struct sim_journal_row journals[SIM_PARTITIONS_MAX];
    struct sim_coupon_row coupons[SIM_COUPONS_MAX];
    size_t coupons_count;
    struct sim_issue_row *issues;
    size_t issues_count, issues_room;
    struct sim_state_row *states;
    size_t states_count, states_room;
    struct sim_erasure_row *erasures;
    size_t erasures_count, erasures_room;
    struct sim_letter_row *letters;
    size_t letters_count, letters_room;
};

/* What a transaction rolls back to: it writes coupons and issues before a row can be rejected. */
struct sim_rows_mark {
    struct sim_journal_row journals[SIM_PARTITIONS_MAX];
    struct sim_coupon_row coupons[SIM_COUPONS_MAX];
    size_t coupons_count;
    size_t issues_count;
};

void sim_rows_clear(struct sim_rows *rows);
void sim_rows_copy(struct sim_rows *to, const struct sim_rows *from);

void sim_rows_begin(const struct sim_rows *rows, struct sim_rows_mark *mark);
void sim_rows_roll_back(struct sim_rows *rows, const struct sim_rows_mark *mark);

/* NULL when there is none. */
struct sim_coupon_row *sim_rows_coupon(const struct sim_rows *rows, const char *id, size_t length);
void sim_rows_add_coupon(struct sim_rows *rows, const struct model_policy *policy);
/* The row under one of the two keys of an issue. */
bool sim_rows_find_issue(const struct sim_rows *rows, const struct store_issue *issue, struct store_issue *there);
void sim_rows_add_issue(struct sim_rows *rows, const struct store_issue *issue);
/* The state of an issue; NULL: it was never changed. */
const struct store_change *sim_rows_state(const struct sim_rows *rows, const char *coupon_id, size_t length,
                                          uint32_t sequence);
/* Replaces the state of the issue, or adds it. */
void sim_rows_set_state(struct sim_rows *rows, const struct store_change *change);
/* Keeps the erasure, and replaces the user's id in the rows of earlier records. */
void sim_rows_erase(struct sim_rows *rows, const struct store_batch *batch, const struct store_erasure *erasure);
/* Replaces the ids of users in the issues of the batch who were erased by later records. */
void sim_rows_erase_written(struct sim_rows *rows, const struct store_batch *batch);
void sim_rows_remove_letters(struct sim_rows *rows, const struct store_batch *batch);
void sim_rows_add_letter(struct sim_rows *rows, const struct store_dead_letter *letter);
void sim_rows_each_dead_coupon(const struct sim_rows *rows, store_dead_coupon_fn each, void *arg);

/* For the checker. */
size_t sim_rows_count_issue(const struct sim_rows *rows, const struct model_record *issue, uint64_t journal_seq,
                            const char *stored_id);
bool sim_rows_has_erasure(const struct sim_rows *rows, uint16_t partition, uint64_t journal_seq);
size_t sim_rows_count_letters(const struct sim_rows *rows, uint16_t partition, uint64_t journal_seq);
size_t sim_rows_issue_letters(const struct sim_rows *rows);

#endif
