/* Change requests, and the steps of sweeps. */
#include <string.h>

#include "shared/error.h"
#include "sim_model_ask.h"

static void tell(struct model_answer *answer, enum verdict verdict, const struct model_issue *issue,
                 enum issue_state after)
{
    answer->verdict = verdict;
    answer->issue = *issue;
    answer->issue.state = after;
    answer->whole = true;
}

int64_t model_redeemable_until_us(const struct model_coupon *coupon, int64_t issued_at_us)
{
    int64_t within_us = (int64_t)coupon->policy.redeem_within_s * 1000000;
    return within_us != 0 ? issued_at_us + within_us : coupon->policy.redeem_until_us;
}

static bool has_expired(const struct model_coupon *coupon, const struct model_issue *issue, int64_t now_us)
{
    int64_t until_us = model_redeemable_until_us(coupon, issue->issued_at_us);
    return until_us != TIME_NONE && now_us >= until_us;
}

/* --- choosing an issue --- */

enum wanted { REDEEMED_SO, REDEEMED_OTHERWISE, USABLE, EXPIRED, REVOKED, NOT_REDEEMED };

/* Which issues of the user a request is about. */
struct choice {
    const struct model_coupon *coupon;
    const char *user_id;
    uint32_t sequence; /* 0: any */
    uint64_t reference;
    int64_t now_us;
};

static bool is_one(const struct choice *choice, const struct model_issue *issue, enum wanted wanted)
{
    bool redeemed = issue->state == ISSUE_REDEEMED, same = issue->reference == choice->reference;
    bool expired = has_expired(choice->coupon, issue, choice->now_us);
    switch (wanted) {
    case REDEEMED_SO:
        return redeemed && same;
    case REDEEMED_OTHERWISE:
        return redeemed && !same;
    case USABLE:
        return issue->state == ISSUE_ISSUED && !expired;
    case EXPIRED:
        return issue->state == ISSUE_ISSUED && expired;
    case NOT_REDEEMED:
        return issue->state == ISSUE_ISSUED;
    default:
        return issue->state == ISSUE_REVOKED;
    }
}

static bool concerns(const struct choice *choice, const struct model_issue *issue)
{
    return strcmp(issue->user_id, choice->user_id) == 0 &&
           (choice->sequence == 0 || issue->sequence == choice->sequence);
}

/* The oldest or the latest; NULL: there is none. */
static const struct model_issue *choose(const struct choice *choice, enum wanted wanted, bool oldest)
{
    const struct model_issue *found = NULL;
    for (uint32_t i = 0; i < choice->coupon->issued; i++) {
        const struct model_issue *issue = &choice->coupon->issues[i];
        if (concerns(choice, issue) && is_one(choice, issue, wanted) && (found == NULL || !oldest))
            found = issue;
    }
    return found;
}

static const struct model_issue *latest(const struct choice *choice)
{
    const struct model_issue *found = NULL;
    for (uint32_t i = 0; i < choice->coupon->issued; i++) {
        if (concerns(choice, &choice->coupon->issues[i]))
            found = &choice->coupon->issues[i];
    }
    return found;
}

/* --- redeeming, undoing, revoking --- */

static void ask_redeem(const struct choice *choice, struct model_answer *answer)
{
    const struct model_issue *issue;
    if ((issue = choose(choice, REDEEMED_SO, false)) != NULL) {
        tell(answer, VERDICT_REDEEMED_BEFORE, issue, ISSUE_REDEEMED);
    } else if ((issue = choose(choice, USABLE, true)) != NULL) {
        tell(answer, VERDICT_REDEEMED, issue, ISSUE_REDEEMED);
        answer->journalled = true;
    } else if ((issue = choose(choice, REDEEMED_OTHERWISE, false)) != NULL) {
        tell(answer, VERDICT_ALREADY_REDEEMED, issue, ISSUE_REDEEMED);
    } else if ((issue = choose(choice, EXPIRED, false)) != NULL) {
        tell(answer, VERDICT_ISSUE_EXPIRED, issue, ISSUE_ISSUED);
    } else {
        tell(answer, VERDICT_ISSUE_REVOKED, choose(choice, REVOKED, false), ISSUE_REVOKED);
    }
}

static void ask_undo(const struct choice *choice, struct model_answer *answer)
{
    const struct model_issue *issue;
    if ((issue = choose(choice, REDEEMED_SO, false)) != NULL) {
        tell(answer, VERDICT_REDEMPTION_UNDONE, issue, ISSUE_ISSUED);
        answer->journalled = true;
    } else if ((issue = choose(choice, NOT_REDEEMED, false)) != NULL) {
        tell(answer, VERDICT_NOT_REDEEMED, issue, ISSUE_ISSUED);
    } else if ((issue = choose(choice, REDEEMED_OTHERWISE, false)) != NULL) {
        tell(answer, VERDICT_REFERENCE_MISMATCH, issue, ISSUE_REDEEMED);
    } else {
        tell(answer, VERDICT_NOT_REDEEMED, latest(choice), ISSUE_REVOKED);
    }
}

static void ask_revoke(const struct choice *choice, struct model_answer *answer)
{
    const struct model_issue *issue = latest(choice);
    if (issue->state == ISSUE_REVOKED) {
        tell(answer, VERDICT_REVOKED_BEFORE, issue, ISSUE_REVOKED);
    } else if (issue->state == ISSUE_REDEEMED) {
        tell(answer, VERDICT_ALREADY_REDEEMED, issue, ISSUE_REDEEMED);
    } else {
        tell(answer, VERDICT_REVOKED, issue, ISSUE_REVOKED);
        answer->journalled = true;
    }
}

static void ask_about_issue(const struct frame_change_request *request, int64_t now_us, struct model_answer *answer)
{
    struct model_record *record = &answer->record;
    struct choice choice = {answer->coupon, record->user_id, request->sequence,
                            model_text(request->reference, request->reference_length), now_us};
    answer->verdict = VERDICT_NOT_ISSUED;
    if (latest(&choice) == NULL)
        return;
    record->type = JOURNAL_CHANGE;
    if (request->op == CHANGE_SHOW) {
        tell(answer, VERDICT_FOUND, latest(&choice), latest(&choice)->state);
    } else if (request->op == CHANGE_REVOKE) {
        ask_revoke(&choice, answer);
        record->kind = JOURNAL_REVOKED;
        record->restock = (request->flags & CHANGE_RESTOCK) != 0;
        record->again = (request->flags & CHANGE_AGAIN) != 0;
        record->reason = model_text(request->reason, request->reason_length);
    } else {
        record->reference = choice.reference;
        record->kind = request->op == CHANGE_REDEEM ? JOURNAL_REDEEMED : JOURNAL_UNDONE;
        if (request->op == CHANGE_REDEEM)
            ask_redeem(&choice, answer);
        else
            ask_undo(&choice, answer);
    }
    record->sequence = answer->issue.sequence;
    record->time_us = now_us < answer->issue.issued_at_us ? answer->issue.issued_at_us : now_us;
}

/* --- the others --- */

static void ask_code(const struct model *model, uint64_t code, struct model_answer *answer)
{
    answer->verdict = VERDICT_CODE_NOT_FOUND;
    for (size_t i = 0; i < model->coupons_count; i++) {
        const struct model_coupon *coupon = &model->coupons[i];
        for (uint32_t k = 0; k < coupon->issued; k++) {
            if (coupon->issues[k].code == 0 || coupon->issues[k].code != code)
                continue;
            answer->coupon = coupon;
            tell(answer, VERDICT_FOUND, &coupon->issues[k], coupon->issues[k].state);
            answer->whole = false;
        }
    }
}

/* True when another sweep goes on: there is one at a time. */
static bool sweeps_otherwise(const struct model *model, const struct model_coupon *coupon,
                             const struct model_record *wanted)
{
    if (coupon->sweep.begun == 0)
        return false;
    const struct model_record *there = &model->log[coupon->sweep.begun - 1];
    return coupon->sweep.until != coupon->issued || there->restock != wanted->restock ||
           there->again != wanted->again || there->reason != wanted->reason;
}

static void ask_sweep(const struct model *model, const struct frame_change_request *request,
                      struct model_answer *answer)
{
    struct model_record *record = &answer->record;
    const struct model_coupon *coupon = answer->coupon;
    bool begins = request->op == CHANGE_SWEEP && coupon->sweep.begun == 0 && coupon->issued > 0;
    record->type = JOURNAL_SWEEP;
    record->sequence = coupon->issued;
    record->restock = (request->flags & CHANGE_RESTOCK) != 0;
    record->again = (request->flags & CHANGE_AGAIN) != 0;
    record->reason = model_text(request->reason, request->reason_length);
    answer->verdict = begins || coupon->sweep.begun != 0 ? VERDICT_SWEEPING : VERDICT_SWEPT;
    answer->journalled = begins;
    if (request->op == CHANGE_SWEEP && sweeps_otherwise(model, coupon, record))
        answer->verdict = VERDICT_OVERLOADED;
}

void model_ask_change(const struct model *model, const struct frame_change_request *request, int64_t now_us,
                      struct model_answer *answer)
{
    *answer = (struct model_answer){.verdict = VERDICT_ERASED};
    struct model_record *record = &answer->record;
    record->type = JOURNAL_ERASURE;
    record->time_us = now_us;
    record->actor = model_text(request->actor, request->actor_length);
    record->request_id = model_text(request->request_id, request->request_id_length);
    memcpy(record->user_id, request->user_id, request->user_id_length);
    answer->journalled = request->op == CHANGE_ERASE;
    if (request->op == CHANGE_ERASE)
        return;
    if (request->op == CHANGE_RESOLVE) {
        ask_code(model, request->code, answer);
        return;
    }
    memcpy(record->coupon_id, request->coupon_id, request->coupon_id_length);
    answer->coupon = model_find(model, record->coupon_id);
    bool owned = (request->flags & CHANGE_IF_OWNER) != 0;
    if (answer->coupon == NULL)
        answer->verdict = VERDICT_COUPON_NOT_FOUND;
    else if (owned && answer->coupon->policy.texts[COUPON_TEXT_OWNER] != record->actor)
        answer->verdict = VERDICT_FORBIDDEN;
    else if (request->op == CHANGE_SWEEP || request->op == CHANGE_SWEPT)
        ask_sweep(model, request, answer);
    else
        ask_about_issue(request, now_us, answer);
}

/* --- sweeps --- */

size_t model_sweep_step(const struct model *model, const char *coupon_id, size_t records_max, int64_t now_us,
                        struct model_record out[MODEL_SWEEP_RECORDS_MAX])
{
    const struct model_coupon *coupon = model_find(model, coupon_id);
    CHECK(coupon != NULL && coupon->sweep.begun != 0 && records_max <= MODEL_SWEEP_RECORDS_MAX);
    struct model_record record = model->log[coupon->sweep.begun - 1];
    size_t count = 0;
    uint32_t at = coupon->sweep.examined;
    int64_t last_us = coupon->issues[coupon->issued - 1].issued_at_us;
    record.type = JOURNAL_CHANGE;
    record.kind = JOURNAL_REVOKED;
    record.time_us = now_us < last_us ? last_us : now_us;
    for (; at < coupon->sweep.until && count < records_max - 1; at++) {
        if (coupon->issues[at].state != ISSUE_ISSUED)
            continue;
        record.sequence = at + 1;
        out[count++] = record;
    }
    if (at < coupon->sweep.until)
        return count;
    record = model->log[coupon->sweep.begun - 1];
    record.time_us = now_us;
    record.ended = true;
    out[count++] = record;
    return count;
}
