/* The records of the model as values, and from the bytes of a journal. */
#include <string.h>

#include "sim_model.h"
#include "sim_random.h"

uint64_t model_text(const char *text, size_t length)
{
    return length == 0 ? 0 : sim_hash(1, text, length);
}

void model_policy_read(const struct coupon *coupon, struct model_policy *policy)
{
    *policy = (struct model_policy){
        .paused = coupon->paused,
        .archived = coupon->archived,
        .number = coupon->number,
        .quantity = coupon->quantity,
        .per_user_limit = coupon->per_user_limit,
        .redeem_within_s = coupon->redeem_within_s,
        .starts_at_us = coupon->starts_at_us,
        .ends_at_us = coupon->ends_at_us,
        .redeem_until_us = coupon->redeem_until_us,
        .created_at_us = coupon->created_at_us,
        .updated_at_us = coupon->updated_at_us,
        .journal_seq = coupon->journal_seq,
    };
    strcpy(policy->id, coupon->id);
    for (unsigned i = 0; i < COUPON_TEXTS; i++)
        policy->texts[i] = model_text(coupon_text(coupon, i), strlen(coupon_text(coupon, i)));
    policy->segments = coupon_segments_hash(coupon->segments, strlen(coupon->segments));
}

bool model_policy_equal(const struct model_policy *a, const struct model_policy *b)
{
    return strcmp(a->id, b->id) == 0 && a->paused == b->paused && a->archived == b->archived &&
           a->number == b->number && a->quantity == b->quantity && a->per_user_limit == b->per_user_limit &&
           a->redeem_within_s == b->redeem_within_s && a->starts_at_us == b->starts_at_us &&
           a->ends_at_us == b->ends_at_us && a->redeem_until_us == b->redeem_until_us &&
           a->created_at_us == b->created_at_us && a->updated_at_us == b->updated_at_us &&
           a->journal_seq == b->journal_seq && memcmp(a->texts, b->texts, sizeof a->texts) == 0;
}

bool model_record_equal(const struct model_record *a, const struct model_record *b)
{
    bool same = a->type == b->type && a->time_us == b->time_us && strcmp(a->coupon_id, b->coupon_id) == 0 &&
                a->actor == b->actor && a->request_id == b->request_id;
    if (a->type == JOURNAL_COUPON)
        return same && model_policy_equal(&a->policy, &b->policy);
    return same && strcmp(a->user_id, b->user_id) == 0 && a->sequence == b->sequence && a->nth == b->nth &&
           a->request_key == b->request_key && a->kind == b->kind && a->restock == b->restock && a->again == b->again &&
           a->ended == b->ended && a->reference == b->reference && a->reason == b->reason;
}

/* --- from a journal --- */

static void copy_user(struct model_record *record, const char *user_id, size_t length)
{
    if (length > 0)
        memcpy(record->user_id, user_id, length);
}

static void read_change(const struct journal_record *journalled, struct model_record *record)
{
    copy_user(record, journalled->change.user_id, journalled->change.user_id_length);
    record->kind = journalled->change.kind;
    record->sequence = journalled->change.sequence;
    record->restock = journalled->change.restock;
    record->again = journalled->change.again;
    record->reference = model_text(journalled->change.reference, journalled->change.reference_length);
    record->reason = model_text(journalled->change.reason, journalled->change.reason_length);
}

static void read_sweep(const struct journal_record *journalled, struct model_record *record)
{
    record->ended = journalled->sweep.ended;
    record->sequence = journalled->sweep.until;
    record->restock = journalled->sweep.restock;
    record->again = journalled->sweep.again;
    record->reason = model_text(journalled->sweep.reason, journalled->sweep.reason_length);
}

void model_record_read(const struct journal_record *journalled, struct model_record *record)
{
    *record = (struct model_record){.type = journalled->type, .time_us = journalled->time_us};
    struct coupon policy;
    memcpy(record->coupon_id, journalled->coupon_id, journalled->coupon_id_length);
    if (record->type != JOURNAL_ISSUE) {
        record->actor = model_text(journalled->origin.actor, journalled->origin.actor_length);
        record->request_id = model_text(journalled->origin.request_id, journalled->origin.request_id_length);
    }
    switch (record->type) {
    case JOURNAL_ISSUE:
        copy_user(record, journalled->issue.user_id, journalled->issue.user_id_length);
        record->sequence = journalled->issue.sequence;
        record->nth = journalled->issue.nth;
        record->request_key = journalled->issue.request_key;
        break;
    case JOURNAL_CHANGE:
        read_change(journalled, record);
        break;
    case JOURNAL_SWEEP:
        read_sweep(journalled, record);
        break;
    case JOURNAL_ERASURE:
        copy_user(record, journalled->erasure.user_id, journalled->erasure.user_id_length);
        break;
    default:
        journal_record_coupon(journalled, &policy);
        model_policy_read(&policy, &record->policy);
    }
}
