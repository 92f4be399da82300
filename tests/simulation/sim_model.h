/*
 * The rules of a partition, written a second time as simply as possible: lists that are searched from the front. It
 * shares no code with the ledger. The checker compares every decided request with it, and loads it from the journal
 * after every start.
 */
#ifndef COUPOND_SIM_MODEL_H
#define COUPOND_SIM_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/coupon.h"
#include "shared/journal/format.h"
#include "shared/wire/frame.h"

/* A journal record. */
struct model_record {
    bool is_coupon;
    int64_t time_us;
    char coupon_id[COUPON_ID_MAX + 1];
    struct coupon policy; /* of a coupon */
    char user_id[USER_ID_MAX + 1];
    uint32_t sequence;
    uint32_t nth;
};

struct model_coupon {
    struct coupon policy; /* including its issues */
    int64_t last_issue_us;
};

struct model {
    struct model_record *log;
    size_t log_count, log_room;
    struct model_coupon *coupons;
    size_t coupons_count, coupons_room;
};

void model_init(struct model *model);
void model_deinit(struct model *model);

/* The expected answer to a request; `record` is what must be journalled when it is ISSUED, CREATED or CHANGED. */
struct model_answer {
    enum verdict verdict;
    uint32_t sequence;
    int64_t time_us;
    const struct coupon *coupon; /* in the answer; NULL: any */
    struct model_record record;
};

/* The ids in the requests are valid, as received. */
void model_ask_issue(const struct model *model, const struct frame_issue_request *request, int64_t now_us,
                     struct model_answer *answer);
void model_ask_coupon(const struct model *model, const struct frame_coupon_request *request, int64_t now_us,
                      struct model_answer *answer);

/* Adds a record. NULL, or the promise that it breaks, with nothing changed. */
const char *model_add(struct model *model, const struct model_record *record);
/* Drops all records but the first `count`. */
void model_truncate(struct model *model, size_t count);

bool model_record_equal(const struct model_record *a, const struct model_record *b);
void model_record_read(const struct journal_record *journalled, struct model_record *record);

const struct model_coupon *model_find(const struct model *model, const char *coupon_id);

#endif
