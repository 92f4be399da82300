#include "gateway/dispatch/audit.h"

#include "gateway/connection/request_note.h"
#include "shared/telemetry/log.h"

bool audit_concerns(const struct api_call *call)
{
    switch (call->kind) {
    case API_COUPON:
        return call->coupon_op != COUPON_GET;
    case API_CHANGE:
    case API_CODE:
        return call->change_op != CHANGE_SHOW && (call->change_op == CHANGE_REVOKE || call->principal.id_length > 0);
    case API_SWEEP:
        return call->change_op == CHANGE_SWEEP;
    case API_ERASE:
        return true;
    case API_READING:
        return call->question.scope == READING_LETTER;
    case API_VERIFY:
        return call->verification_op == VERIFICATION_START;
    case API_REHEARSE:
        return call->rehearsal.users > 0;
    default:
        return false;
    }
}

/* NULL for a verdict that is no change. A sweep that is SWEPT at once had nothing to revoke. */
static const char *name_of(const struct exchange *exchange, enum verdict verdict)
{
    switch (verdict) {
    case VERDICT_COUPON_CREATED:
    case VERDICT_COUPON_CHANGED:
    case VERDICT_REDEEMED:
    case VERDICT_REDEMPTION_UNDONE:
    case VERDICT_REVOKED:
    case VERDICT_ERASED:
        return verdict_name(verdict);
    case VERDICT_SWEEPING:
        return exchange->op == CHANGE_SWEEP ? "all_revoked" : NULL;
    default:
        return NULL;
    }
}

/* Redemptions are as many as issues. */
static enum log_level level_of(enum verdict verdict)
{
    return verdict == VERDICT_REDEEMED || verdict == VERDICT_REDEMPTION_UNDONE ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO;
}

void audit_log(const struct exchange *exchange, enum verdict verdict, uint32_t sequence)
{
    const struct request_note *note = exchange->note;
    const char *name = name_of(exchange, verdict);
    if (name == NULL || note == NULL)
        return;
    log_write(level_of(verdict), "gateway", "change what=%s coupon=%.*s sequence=%u actor=%s request_id=%s", name,
              exchange->coupon_id_length > 0 ? (int)exchange->coupon_id_length : 1,
              exchange->coupon_id_length > 0 ? exchange->coupon_id : "-", sequence,
              note->actor[0] != '\0' ? note->actor : "-", note->id);
}
