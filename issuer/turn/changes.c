#include "issuer/turn/changes.h"

#include <string.h>

#include "issuer/ledger/change.h"
#include "issuer/ledger/issue_list.h"
#include "issuer/turn/sweep.h"
#include "shared/code.h"
#include "shared/error.h"

void turn_issue_write(const struct turn_context *context, const struct ledger_coupon *coupon,
                      const struct user_issue *issue, uint64_t value, struct frame_issue *out)
{
    const struct journal_meta *meta = context->meta;
    *out = (struct frame_issue){
        .sequence = issue->sequence,
        .nth = issue->nth,
        .state = (uint8_t)issue_state_of(value),
        .issued_at_us = issue->issued_at_us,
        .redeemable_until_us = ledger_redeemable_until_us(coupon, issue->issued_at_us),
        .code = UINT64_MAX, /* unknown */
    };
    if (coupon->number != 0 && coupon->number <= code_coupons_max(meta->partitions))
        out->code = code_make(meta->code_key, meta->partition, meta->partitions, coupon->number, issue->sequence);
}

/* --- redeeming, undoing, revoking --- */

static struct ledger_change change_of(const struct frame_change_request *request, const struct ledger_owner *owner)
{
    return (struct ledger_change){
        .op = (enum change_op)request->op,
        .coupon_id = request->coupon_id,
        .coupon_id_length = request->coupon_id_length,
        .user_id = request->user_id,
        .user_id_length = request->user_id_length,
        .reference = request->reference,
        .reference_length = request->reference_length,
        .sequence = request->sequence,
        .owner = (request->flags & CHANGE_IF_OWNER) != 0 ? owner : NULL,
        .restock = (request->flags & CHANGE_RESTOCK) != 0,
        .again = (request->flags & CHANGE_AGAIN) != 0,
    };
}

static struct journal_origin origin_of(const struct frame_change_request *request)
{
    return (struct journal_origin){request->actor, request->actor_length, request->request_id,
                                   request->request_id_length};
}

static struct journal_record record_of(const struct turn_context *context, const struct frame_change_request *request,
                                       const struct ledger_change_decision *decision)
{
    bool revokes = request->op == CHANGE_REVOKE;
    struct journal_record record = {
        .type = JOURNAL_CHANGE,
        .time_us = context->now_us > decision->issue.issued_at_us ? context->now_us : decision->issue.issued_at_us,
        .coupon_id = request->coupon_id,
        .coupon_id_length = request->coupon_id_length,
        .origin = origin_of(request),
        .change = {.kind = revokes                        ? JOURNAL_REVOKED
                           : request->op == CHANGE_REDEEM ? JOURNAL_REDEEMED
                                                          : JOURNAL_UNDONE,
                   .sequence = decision->issue.sequence,
                   .restock = revokes && (request->flags & CHANGE_RESTOCK) != 0,
                   .again = revokes && (request->flags & CHANGE_AGAIN) != 0,
                   .user_id = request->user_id,
                   .user_id_length = request->user_id_length,
                   .reference = request->reference,
                   .reference_length = revokes ? 0 : request->reference_length,
                   .reason = request->reason,
                   .reason_length = revokes ? request->reason_length : 0},
    };
    return record;
}

static enum verdict change(struct turn_context *context, const struct frame_change_request *request,
                           struct frame_change_reply *reply)
{
    const struct ledger_owner actor = {request->actor, request->actor_length};
    struct ledger_change wanted = change_of(request, &actor);
    struct ledger_change_decision decision;
    ledger_decide_change_of(context->ledger, &wanted, context->now_us, &decision);
    if (decision.issue.sequence == 0)
        return decision.verdict;
    if (ledger_change_changes(decision.verdict)) {
        if (!context->room || !context->memory)
            return VERDICT_OVERLOADED;
        struct journal_record record = record_of(context, request, &decision);
        record.seq = journal_append_change(context->journal, &record);
        ledger_apply_change(&decision);
        details_add(context->details, &record);
        coupon_gauges_note(context->gauges, decision.coupon, context->passed_us);
    }
    turn_issue_write(context, decision.coupon, &decision.issue, decision.value, &reply->issue);
    if (reply->issue.state != ISSUE_ISSUED)
        details_find(context->details, request->coupon_id, request->coupon_id_length, decision.issue.sequence,
                     &reply->details);
    return decision.verdict;
}

/* --- the others --- */

/* Every wrong code takes the same steps up to the comparison. */
static enum verdict resolve(const struct turn_context *context, const struct frame_change_request *request,
                            struct frame_change_reply *reply)
{
    const struct journal_meta *meta = context->meta;
    uint32_t number, sequence;
    uint64_t value, code = request->code % CODE_NUMBER_END;
    code_open(meta->code_key, meta->partitions, code, &number, &sequence);
    const struct ledger_coupon *coupon = ledger_find_issue(context->ledger, number, sequence, &value);
    if (coupon == NULL || code != request->code ||
        code_make(meta->code_key, meta->partition, meta->partitions, number, sequence) != code)
        return VERDICT_CODE_NOT_FOUND;
    reply->coupon_id_length = (uint8_t)strlen(coupon->id);
    memcpy(reply->coupon_id, coupon->id, reply->coupon_id_length);
    reply->issue = (struct frame_issue){.sequence = sequence, .state = (uint8_t)issue_state_of(value), .code = code};
    return VERDICT_FOUND;
}

/* The ledger has no ids; the store replaces this one by the user's fingerprint. */
static enum verdict erase(struct turn_context *context, const struct frame_change_request *request)
{
    if (!context->room)
        return VERDICT_OVERLOADED;
    struct journal_record record = {
        .type = JOURNAL_ERASURE,
        .origin = origin_of(request),
        .erasure = {.user_id = request->user_id, .user_id_length = request->user_id_length},
    };
    ledger_user_fingerprint(context->ledger, request->user_id, request->user_id_length, record.erasure.fingerprint);
    journal_append_erasure(context->journal, &record);
    return VERDICT_ERASED;
}

static enum verdict decide(struct turn_context *context, const struct frame_change_request *request,
                           struct frame_change_reply *reply)
{
    switch (request->op) {
    case CHANGE_RESOLVE:
        return resolve(context, request, reply);
    case CHANGE_ERASE:
        return erase(context, request);
    case CHANGE_SWEEP:
    case CHANGE_SWEPT:
        return turn_sweep_answer(context, request, reply);
    default:
        return change(context, request, reply);
    }
}

void turn_change_answer(struct turn_context *context, const struct frame_change_request *request, bool late,
                        struct frame_change_reply *reply)
{
    *reply = (struct frame_change_reply){.tag = request->tag, .now_us = context->now_us};
    enum verdict verdict = late ? VERDICT_LATE : decide(context, request, reply);
    reply->verdict = (uint8_t)verdict;
    context->verdicts[verdict]++;
}
