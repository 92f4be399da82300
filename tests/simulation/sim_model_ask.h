/*
 * What the model answers to a request. The ids in requests are valid, as received.
 */
#ifndef COUPOND_SIM_MODEL_ASK_H
#define COUPOND_SIM_MODEL_ASK_H

#include "sim_model.h"

/* The expected answer. */
struct model_answer {
    enum verdict verdict;
    bool journalled; /* `record` must be, unless the disk is full */
    struct model_record record;
    const struct model_coupon *coupon; /* that the answer is about, as it is before; NULL: none */
    struct model_issue issue;          /* as the answer has it, without its code; its sequence is 0: none */
    bool whole;                        /* the answer has the user's part of the issue, too */
};

void model_ask_issue(const struct model *model, const struct frame_issue_request *request, int64_t now_us,
                     struct model_answer *answer);
void model_ask_coupon(const struct model *model, const struct frame_coupon_request *request, int64_t now_us,
                      struct model_answer *answer);
/* CHANGE_RESOLVE: knows only codes that were told. */
void model_ask_change(const struct model *model, const struct frame_change_request *request, int64_t now_us,
                      struct model_answer *answer);

/* When the issue can no longer be redeemed; TIME_NONE: never. */
int64_t model_redeemable_until_us(const struct model_coupon *coupon, int64_t issued_at_us);

/* The records of the next step of the coupon's sweep, at most `records_max` of them. Returns their number. */
size_t model_sweep_step(const struct model *model, const char *coupon_id, size_t records_max, int64_t now_us,
                        struct model_record out[MODEL_SWEEP_RECORDS_MAX]);

#endif
