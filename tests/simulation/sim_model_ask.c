/* Issue and coupon requests. */
#include "sim_model_ask.h"

#include <string.h>

#include "shared/error.h"

static void tell(struct model_answer *answer, enum verdict verdict, const struct model_issue *issue)
{
    answer->verdict = verdict;
    answer->issue = *issue;
    answer->whole = true;
}

/* --- issues --- */

/* What a user holds of a coupon. */
struct held {
    const struct model_issue *all[NTH_MAX]; /* from the first on */
    uint32_t count;
    uint32_t counting;              /* those that count for the limit */
    const struct model_issue *live; /* the latest that is not revoked; NULL: none */
};

static struct held *hold(const struct model_coupon *coupon, const char *user_id)
{
    static struct held held;
    held.count = held.counting = 0;
    held.live = NULL;
    for (uint32_t i = 0; i < coupon->issued; i++) {
        const struct model_issue *issue = &coupon->issues[i];
        if (strcmp(issue->user_id, user_id) != 0)
            continue;
        held.all[held.count++] = issue;
        held.counting += issue->state != ISSUE_REVOKED || !issue->again;
        held.live = issue->state != ISSUE_REVOKED ? issue : held.live;
    }
    return &held;
}

/* The verdict for a user who may have one. */
static enum verdict judge(const struct model_coupon *coupon, int64_t now_us)
{
    const struct model_policy *policy = &coupon->policy;
    if (policy->archived || (policy->ends_at_us != TIME_NONE && now_us >= policy->ends_at_us))
        return VERDICT_ENDED;
    if (policy->paused)
        return VERDICT_PAUSED;
    if (policy->starts_at_us != TIME_NONE && now_us < policy->starts_at_us)
        return VERDICT_NOT_STARTED;
    bool unlimited = policy->quantity == QUANTITY_UNLIMITED;
    return !unlimited && coupon->issued - model_returned(coupon) >= policy->quantity ? VERDICT_SOLD_OUT
                                                                                     : VERDICT_ISSUED;
}

/* True when the key is that of one of the user's latest eight issues. */
static bool repeats(const struct held *held, const struct frame_issue_request *request, struct model_answer *answer)
{
    for (uint32_t i = held->count; request->request_key != 0 && i > 0 && i + 8 > held->count; i--) {
        if (held->all[i - 1]->request_key != request->request_key)
            continue;
        tell(answer, VERDICT_REPLAYED, held->all[i - 1]);
        return true;
    }
    return false;
}

/* True when the nth issue is there, or must not be the next one. */
static bool has_nth(const struct model_coupon *coupon, const struct held *held,
                    const struct frame_issue_request *request, struct model_answer *answer)
{
    if (request->nth >= 1 && request->nth <= held->count) {
        tell(answer, VERDICT_ALREADY_ISSUED, held->all[request->nth - 1]);
        return true;
    }
    answer->verdict = VERDICT_NOT_ISSUED;
    return request->nth > held->count + 1 && held->counting < coupon->policy.per_user_limit;
}

static void issue_one(const struct model_coupon *coupon, const struct held *held, struct model_answer *answer)
{
    struct model_record *record = &answer->record;
    int64_t last_us = coupon->issued > 0 ? coupon->issues[coupon->issued - 1].issued_at_us : 0;
    record->sequence = coupon->issued + 1;
    record->nth = (uint16_t)(held->count + 1);
    record->time_us = record->time_us < last_us ? last_us : record->time_us;
    answer->journalled = true;
    tell(answer, VERDICT_ISSUED,
         &(struct model_issue){
             .sequence = record->sequence, .nth = record->nth, .state = ISSUE_ISSUED, .issued_at_us = record->time_us});
}

/* The same for this user, who may have to be in one of the coupon's segments. */
static enum verdict judge_user(const struct model_coupon *coupon, const struct frame_issue_request *request,
                               const struct held *held, int64_t now_us)
{
    enum verdict verdict = judge(coupon, now_us);
    uint32_t wanted = coupon->policy.segments;
    if (wanted == 0 || request->segments == wanted || request->segments == SEGMENTS_EXEMPT)
        return verdict;
    bool holds = held->live != NULL;
    return verdict == VERDICT_ISSUED || (verdict == VERDICT_SOLD_OUT && !holds) ? VERDICT_NOT_ELIGIBLE : verdict;
}

static void ask_for_one(const struct model_coupon *coupon, const struct held *held,
                        const struct frame_issue_request *request, int64_t now_us, struct model_answer *answer)
{
    enum verdict verdict = judge_user(coupon, request, held, now_us);
    bool wants = request->op == ISSUE_POST || request->nth != 0 || held->live == NULL;
    bool more = wants && held->counting < coupon->policy.per_user_limit;
    bool comes = verdict == VERDICT_ISSUED || verdict == VERDICT_NOT_ELIGIBLE;
    if (held->live != NULL && (!more || !comes))
        tell(answer, VERDICT_ALREADY_ISSUED, held->live);
    else if (!more)
        tell(answer, VERDICT_ISSUE_REVOKED, held->all[held->count - 1]);
    else if (verdict == VERDICT_NOT_ELIGIBLE && held->live != NULL)
        tell(answer, verdict, held->live);
    else if (verdict == VERDICT_ISSUED)
        issue_one(coupon, held, answer);
    else
        answer->verdict = verdict;
    if (answer->verdict == VERDICT_NOT_STARTED)
        answer->issue.issued_at_us = coupon->policy.starts_at_us;
}

void model_ask_issue(const struct model *model, const struct frame_issue_request *request, int64_t now_us,
                     struct model_answer *answer)
{
    *answer = (struct model_answer){.verdict = VERDICT_COUPON_NOT_FOUND};
    struct model_record *record = &answer->record;
    record->type = JOURNAL_ISSUE;
    record->time_us = now_us;
    record->request_key = request->op == ISSUE_POST ? request->request_key : 0;
    memcpy(record->coupon_id, request->coupon_id, request->coupon_id_length);
    memcpy(record->user_id, request->user_id, request->user_id_length);
    const struct model_coupon *coupon = answer->coupon = model_find(model, record->coupon_id);
    if (coupon == NULL)
        return;
    const struct held *held = hold(coupon, record->user_id);
    answer->verdict = VERDICT_NOT_ISSUED;
    if (request->op == ISSUE_LOOKUP) {
        if (held->count > 0)
            tell(answer, VERDICT_FOUND, held->all[held->count - 1]);
        return;
    }
    if (request->op == ISSUE_POST && repeats(held, request, answer))
        return;
    if (request->op == ISSUE_ENSURE && has_nth(coupon, held, request, answer))
        return;
    ask_for_one(coupon, held, request, now_us, answer);
}

/* --- coupons --- */

static void change(struct model_policy *policy, const struct model_policy *wanted, unsigned fields)
{
    static const unsigned of_text[COUPON_TEXTS] = {COUPON_FIELD_TITLE,   COUPON_FIELD_DESCRIPTION,
                                                   COUPON_FIELD_BENEFIT, COUPON_FIELD_METADATA,
                                                   COUPON_FIELD_OWNER,   COUPON_FIELD_SEGMENTS};
    for (unsigned i = 0; i < COUPON_TEXTS; i++)
        policy->texts[i] = fields & of_text[i] ? wanted->texts[i] : policy->texts[i];
#define TAKE(field, member) policy->member = (fields & (field)) != 0 ? wanted->member : policy->member
    TAKE(COUPON_FIELD_QUANTITY, quantity);
    TAKE(COUPON_FIELD_PER_USER_LIMIT, per_user_limit);
    TAKE(COUPON_FIELD_STARTS_AT, starts_at_us);
    TAKE(COUPON_FIELD_ENDS_AT, ends_at_us);
    TAKE(COUPON_FIELD_REDEEM_UNTIL, redeem_until_us);
    TAKE(COUPON_FIELD_REDEEM_WITHIN, redeem_within_s);
    TAKE(COUPON_FIELD_PAUSED, paused);
    TAKE(COUPON_FIELD_ARCHIVED, archived);
    TAKE(COUPON_FIELD_SEGMENTS, segments);
#undef TAKE
}

static enum verdict judge_change(const struct model_coupon *there, const struct model_policy *changed)
{
    if (changed->quantity < there->issued - model_returned(there))
        return VERDICT_QUANTITY_BELOW_ISSUED;
    if (changed->starts_at_us != TIME_NONE && changed->ends_at_us != TIME_NONE &&
        changed->starts_at_us >= changed->ends_at_us)
        return VERDICT_WINDOW_INVALID;
    if (changed->redeem_until_us != TIME_NONE && changed->redeem_within_s != 0)
        return VERDICT_REDEMPTION_INVALID;
    return changed->per_user_limit < there->policy.per_user_limit ? VERDICT_LIMIT_LOWERED : VERDICT_COUPON_CHANGED;
}

static void ask_change(const struct model_coupon *there, const struct model_policy *wanted, unsigned fields,
                       int64_t now_us, struct model_answer *answer)
{
    struct model_policy changed = there->policy;
    bool same = wanted->journal_seq == changed.journal_seq;
    change(&changed, wanted, fields);
    changed.updated_at_us = now_us;
    answer->verdict = judge_change(there, &changed);
    if (((fields & COUPON_IF_VERSION) != 0 && !same) || ((fields & COUPON_UNLESS_VERSION) != 0 && same))
        answer->verdict = VERDICT_STALE_VERSION;
    answer->journalled = answer->verdict == VERDICT_COUPON_CHANGED;
    answer->record.policy = changed;
}

static void ask_create(const struct model *model, const struct model_policy *wanted, int64_t now_us,
                       struct model_answer *answer)
{
    struct model_policy *made = &answer->record.policy;
    answer->verdict = VERDICT_COUPON_CREATED;
    answer->journalled = true;
    *made = *wanted;
    made->archived = false;
    made->created_at_us = made->updated_at_us = now_us;
    made->number = 1;
    for (size_t i = 0; i < model->coupons_count; i++) {
        if (model->coupons[i].policy.number >= made->number)
            made->number = model->coupons[i].policy.number + 1;
    }
}

static bool any_after(const struct model *model, const char *coupon_id)
{
    for (size_t i = 0; i < model->coupons_count; i++) {
        if (strcmp(model->coupons[i].policy.id, coupon_id) > 0)
            return true;
    }
    return false;
}

void model_ask_coupon(const struct model *model, const struct frame_coupon_request *request, int64_t now_us,
                      struct model_answer *answer)
{
    struct coupon read = {.number = 0};
    struct model_policy wanted;
    CHECK(frame_coupon_read(&request->coupon, &read));
    model_policy_read(&read, &wanted);
    const struct model_coupon *there = model_find(model, wanted.id);
    *answer = (struct model_answer){.coupon = there, .record = {.type = JOURNAL_COUPON, .time_us = now_us}};
    answer->record.actor = model_text(request->actor, request->actor_length);
    answer->record.request_id = model_text(request->request_id, request->request_id_length);
    if (request->op == COUPON_LIST) {
        answer->verdict = any_after(model, wanted.id) ? VERDICT_FOUND : VERDICT_NONE;
        answer->coupon = NULL; /* any */
    } else if (request->op == COUPON_CREATE && there == NULL) {
        ask_create(model, &wanted, now_us, answer);
    } else if (there == NULL) {
        answer->verdict = VERDICT_COUPON_NOT_FOUND;
    } else if (request->op == COUPON_CHANGE && request->if_owner &&
               there->policy.texts[COUPON_TEXT_OWNER] != answer->record.actor) {
        answer->verdict = VERDICT_FORBIDDEN;
        answer->coupon = NULL; /* is not told */
    } else if (request->op == COUPON_CHANGE) {
        ask_change(there, &wanted, request->fields, now_us, answer);
    } else {
        answer->verdict = request->op == COUPON_GET ? VERDICT_FOUND : VERDICT_COUPON_EXISTS;
    }
    answer->record.policy.journal_seq = model->log_count + 1;
    strcpy(answer->record.coupon_id, wanted.id);
}
