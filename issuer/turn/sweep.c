#include "issuer/turn/sweep.h"

#include <string.h>

#include "issuer/ledger/sweep.h"
#include "shared/error.h"

#define EXAMINED_MAX 65536u /* issues in one step, most of which may be redeemed: a millisecond */

/* --- requests --- */

static void tell(const struct ledger_coupon *coupon, struct frame_progress *progress)
{
    const struct ledger_sweep *sweep = coupon->sweep;
    *progress = (struct frame_progress){.revoked = coupon->revoked};
    if (sweep != NULL) {
        progress->examined = sweep->examined;
        progress->until = sweep->until;
    }
}

static void begin(struct turn_context *context, const struct frame_change_request *request,
                  const struct ledger_coupon *coupon)
{
    struct journal_record record = {
        .type = JOURNAL_SWEEP,
        .coupon_id = request->coupon_id,
        .coupon_id_length = request->coupon_id_length,
        .origin = {request->actor, request->actor_length, request->request_id, request->request_id_length},
        .sweep = {.restock = (request->flags & CHANGE_RESTOCK) != 0,
                  .again = (request->flags & CHANGE_AGAIN) != 0,
                  .until = coupon->issued,
                  .reason = request->reason,
                  .reason_length = request->reason_length},
    };
    record.seq = journal_append_sweep(context->journal, &record);
    ledger_sweep_begin(context->ledger, &record);
}

/* True when the request asks for what is being done anyway. */
static bool is_same(const struct ledger_sweep *sweep, const struct frame_change_request *request)
{
    return sweep->until == sweep->coupon->issued && sweep->restock == ((request->flags & CHANGE_RESTOCK) != 0) &&
           sweep->again == ((request->flags & CHANGE_AGAIN) != 0) && sweep->reason_length == request->reason_length &&
           memcmp(sweep->reason, request->reason, request->reason_length) == 0;
}

enum verdict turn_sweep_answer(struct turn_context *context, const struct frame_change_request *request,
                               struct frame_change_reply *reply)
{
    const struct ledger_coupon *coupon = ledger_entry(context->ledger, request->coupon_id, request->coupon_id_length);
    if (coupon == NULL)
        return VERDICT_COUPON_NOT_FOUND;
    const struct ledger_owner actor = {request->actor, request->actor_length};
    if ((request->flags & CHANGE_IF_OWNER) != 0 && !ledger_is_owned_by(coupon, &actor))
        return VERDICT_FORBIDDEN;
    if (request->op == CHANGE_SWEEP && coupon->sweep != NULL && !is_same(coupon->sweep, request))
        return VERDICT_OVERLOADED; /* one after the other */
    if (request->op == CHANGE_SWEEP && coupon->sweep == NULL && coupon->issued > 0) {
        if (!context->room)
            return VERDICT_OVERLOADED;
        begin(context, request, coupon);
    }
    tell(coupon, &reply->progress);
    return coupon->sweep != NULL ? VERDICT_SWEEPING : VERDICT_SWEPT;
}

/* --- steps --- */

static void revoke(struct turn_context *context, const struct ledger_sweep *sweep,
                   const struct ledger_change_decision *decision)
{
    struct journal_record record = {
        .type = JOURNAL_CHANGE,
        .time_us = context->now_us > sweep->coupon->users.latest_us ? context->now_us : sweep->coupon->users.latest_us,
        .coupon_id = sweep->coupon->id,
        .coupon_id_length = strlen(sweep->coupon->id),
        .origin = {sweep->actor, sweep->actor_length, sweep->request_id, sweep->request_id_length},
        .change = {.kind = JOURNAL_REVOKED,
                   .sequence = decision->issue.sequence,
                   .restock = sweep->restock,
                   .again = sweep->again,
                   .reason = sweep->reason,
                   .reason_length = sweep->reason_length},
    };
    record.seq = journal_append_change(context->journal, &record);
    ledger_apply_change(decision);
    details_add(context->details, &record);
    context->verdicts[VERDICT_REVOKED]++;
}

static void end(struct turn_context *context, struct ledger_sweep *sweep)
{
    struct journal_record record;
    struct ledger_coupon *coupon = sweep->coupon;
    ledger_sweep_record(sweep, true, &record);
    journal_append_sweep(context->journal, &record);
    ledger_sweep_end(context->ledger, coupon);
    coupon_gauges_note(context->gauges, coupon, context->passed_us);
}

void turn_sweep_step(struct turn_context *context, size_t records_max)
{
    struct ledger_sweep *sweep = ledger_sweep_first(context->ledger);
    if (sweep == NULL || !context->room || !context->memory)
        return;
    uint32_t examined = sweep->examined, left = EXAMINED_MAX;
    struct ledger_change_decision decision;
    for (size_t i = 0; i < records_max - 1 && left > 0; i++) {
        if (ledger_sweep_step(sweep, left, &decision) == 0)
            break;
        revoke(context, sweep, &decision);
        uint32_t done = sweep->examined - examined;
        left = done < EXAMINED_MAX ? EXAMINED_MAX - done : 0;
    }
    if (sweep->examined == sweep->until)
        end(context, sweep);
}
