/*
 * Internal to the simulated database: its tables, as lists that are searched from the front.
 */
#ifndef COUPOND_SIM_DATABASE_ROWS_H
#define COUPOND_SIM_DATABASE_ROWS_H

#include "shared/store/backend.h"
#include "shared/store/progress.h"
#include "sim.h"

#define SIM_COUPONS_MAX 64

struct sim_journal_row {
    bool known;
    uint8_t journal_id[16];
    struct store_progress progress;
};

struct sim_issue_row {
    char coupon_id[COUPON_ID_MAX + 1];
    char user_id[USER_ID_MAX + 1];
    uint16_t nth;
    uint32_t sequence;
    int64_t issued_at_us;
    uint64_t journal_seq;
};

struct sim_letter_row {
    bool gone; /* removed again */
    uint16_t partition;
    uint64_t journal_seq;
    bool is_coupon;
    char coupon_id[COUPON_ID_MAX + 1];
};

struct sim_rows {
    uint8_t id[STORE_ID_BYTES]; /* zeros: of a version without ids */
    struct sim_journal_row journals[SIM_PARTITIONS_MAX];
    struct coupon coupons[SIM_COUPONS_MAX];
    size_t coupons_count;
    struct sim_issue_row *issues;
    size_t issues_count, issues_room;
    struct sim_letter_row *letters;
    size_t letters_count, letters_room;
};

/* The state that a transaction rolls back to. */
struct sim_rows_mark {
    struct sim_journal_row journals[SIM_PARTITIONS_MAX];
    struct coupon coupons[SIM_COUPONS_MAX];
    size_t coupons_count;
    size_t issues_count;
};

void sim_rows_clear(struct sim_rows *rows);
void sim_rows_copy(struct sim_rows *to, const struct sim_rows *from);

/* Dead letters are written last, after everything that may be rejected, so they need no rollback. */
void sim_rows_begin(const struct sim_rows *rows, struct sim_rows_mark *mark);
void sim_rows_roll_back(struct sim_rows *rows, const struct sim_rows_mark *mark);

/* NULL when there is none. */
struct coupon *sim_rows_coupon(const struct sim_rows *rows, const char *id, size_t length);
void sim_rows_add_coupon(struct sim_rows *rows, const struct coupon *coupon);
/* The row under one of the two keys of an issue. */
bool sim_rows_find_issue(const struct sim_rows *rows, const struct store_issue *issue, struct store_issue *there);
void sim_rows_add_issue(struct sim_rows *rows, const struct store_issue *issue);
void sim_rows_remove_letters(struct sim_rows *rows, const struct store_batch *batch);
void sim_rows_add_letter(struct sim_rows *rows, const struct store_dead_letter *letter);
void sim_rows_each_dead_coupon(const struct sim_rows *rows, store_dead_coupon_fn each, void *arg);

/* For the checker. */
size_t sim_rows_count_issue(const struct sim_rows *rows, const char *coupon_id, const char *user_id, uint32_t sequence,
                            uint32_t nth, int64_t issued_at_us, uint64_t journal_seq);
size_t sim_rows_count_letters(const struct sim_rows *rows, uint16_t partition, uint64_t journal_seq);
size_t sim_rows_issue_letters(const struct sim_rows *rows);

#endif
