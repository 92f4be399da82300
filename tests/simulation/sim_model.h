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

#define MODEL_SWEEP_RECORDS_MAX 16 /* of one step */

/* A coupon's policy; a text is its hash. */
struct model_policy {
    char id[COUPON_ID_MAX + 1];
    bool paused;
    bool archived;
    uint32_t number;
    uint32_t quantity;
    uint32_t per_user_limit;
    uint32_t redeem_within_s;
    int64_t starts_at_us;
    int64_t ends_at_us;
    int64_t redeem_until_us;
    int64_t created_at_us;
    int64_t updated_at_us;
    uint64_t journal_seq;
    uint64_t texts[COUPON_TEXTS];
    uint32_t segments; /* as requests name them; 0: none */
};

/* A journal record. Texts are hashes, 0: none. */
struct model_record {
    enum journal_record_type type;
    int64_t time_us;
    char coupon_id[COUPON_ID_MAX + 1]; /* "": an erasure */
    char user_id[USER_ID_MAX + 1];     /* of an issue, a change, an erasure; "": revoked by a sweep */
    struct model_policy policy;        /* of a coupon */
    uint32_t sequence;                 /* of a sweep: the last one */
    uint16_t nth;
    uint64_t request_key;
    enum journal_change_kind kind; /* of a change */
    bool restock;
    bool again;
    bool ended; /* of a sweep */
    uint64_t reference, reason, actor, request_id;
};

struct model_issue {
    char user_id[USER_ID_MAX + 1];
    uint32_t sequence;
    uint16_t nth;
    enum issue_state state;
    int64_t issued_at_us;
    uint64_t request_key;
    uint64_t reference; /* of its redemption */
    bool restock;
    bool again;
    size_t changed; /* the number of the record that changed it last; 0: none */
    uint64_t code;  /* as told; 0: not yet */
};

struct model_coupon {
    struct model_policy policy;
    struct model_issue *issues; /* in the order of their sequences, from 1 */
    uint32_t issued, room;
    struct {
        size_t begun; /* the number of its record; 0: none goes on */
        uint32_t examined, until;
    } sweep;
};

struct model {
    struct model_record *log;
    size_t log_count, log_room;
    struct model_coupon *coupons;
    size_t coupons_count, coupons_room;
};

void model_init(struct model *model);
void model_deinit(struct model *model);

/* Adds a record. NULL, or the promise that it breaks, with nothing changed. */
const char *model_add(struct model *model, const struct model_record *record);
/* Drops all records but the first `count`. */
void model_truncate(struct model *model, size_t count);
/* The process was started again: sweeps examine the issues from the first one on. */
void model_restart(struct model *model);

struct model_coupon *model_find(const struct model *model, const char *coupon_id);
/* NULL: there is no such issue. */
struct model_issue *model_find_issue(const struct model *model, const char *coupon_id, uint32_t sequence);
/* Issues of the coupon in that state. */
uint32_t model_count(const struct model_coupon *coupon, enum issue_state state);
/* Revoked issues that went back to the stock. */
uint32_t model_returned(const struct model_coupon *coupon);
bool model_sweeps(const struct model *model);

/* --- records --- */

/* A text as a number; 0 when it is empty. */
uint64_t model_text(const char *text, size_t length);
void model_policy_read(const struct coupon *coupon, struct model_policy *policy);
bool model_policy_equal(const struct model_policy *a, const struct model_policy *b);
bool model_record_equal(const struct model_record *a, const struct model_record *b);
void model_record_read(const struct journal_record *journalled, struct model_record *record);

#endif
