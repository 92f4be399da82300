#include "sim_model.h"

#include <stdlib.h>
#include <string.h>

#include "shared/error.h"

void model_init(struct model *model)
{
    *model = (struct model){.log_count = 0};
}

void model_deinit(struct model *model)
{
    free(model->log);
    free(model->coupons);
    model_init(model);
}

static struct model_coupon *find(const struct model *model, const char *coupon_id)
{
    for (size_t i = 0; i < model->coupons_count; i++) {
        if (strcmp(model->coupons[i].policy.id, coupon_id) == 0)
            return &model->coupons[i];
    }
    return NULL;
}

const struct model_coupon *model_find(const struct model *model, const char *coupon_id)
{
    return find(model, coupon_id);
}

/* The user's latest issue of the coupon; NULL: none. */
static const struct model_record *latest(const struct model *model, const char *coupon_id, const char *user_id)
{
    for (size_t i = model->log_count; i-- > 0;) {
        const struct model_record *record = &model->log[i];
        if (!record->is_coupon && strcmp(record->user_id, user_id) == 0 && strcmp(record->coupon_id, coupon_id) == 0)
            return record;
    }
    return NULL;
}

/* --- asking --- */

/* The verdict for a user who holds none. */
static enum verdict judge(const struct coupon *coupon, int64_t now_us)
{
    if (coupon->ends_at_us != TIME_NONE && now_us >= coupon->ends_at_us)
        return VERDICT_ENDED;
    if (coupon->paused)
        return VERDICT_PAUSED;
    if (coupon->starts_at_us != TIME_NONE && now_us < coupon->starts_at_us)
        return VERDICT_NOT_STARTED;
    return coupon->issued >= coupon->quantity ? VERDICT_SOLD_OUT : VERDICT_ISSUED;
}

static void answer_with(struct model_answer *answer, enum verdict verdict, const struct model_record *issue)
{
    answer->verdict = verdict;
    answer->sequence = issue->sequence;
    answer->time_us = issue->time_us;
}

void model_ask_issue(const struct model *model, const struct frame_issue_request *request, int64_t now_us,
                     struct model_answer *answer)
{
    struct model_record wanted = {.time_us = now_us};
    memcpy(wanted.coupon_id, request->coupon_id, request->coupon_id_length);
    memcpy(wanted.user_id, request->user_id, request->user_id_length);
    *answer = (struct model_answer){.verdict = VERDICT_COUPON_NOT_FOUND};
    const struct model_coupon *coupon = find(model, wanted.coupon_id);
    if (coupon == NULL)
        return;
    const struct model_record *held = latest(model, wanted.coupon_id, wanted.user_id);
    if (request->op == ISSUE_LOOKUP) {
        if (held != NULL)
            answer_with(answer, VERDICT_FOUND, held);
        else
            answer->verdict = VERDICT_NOT_ISSUED;
        return;
    }
    enum verdict verdict = judge(&coupon->policy, now_us);
    bool may_have_more = request->op == ISSUE_POST && (held == NULL || held->nth < coupon->policy.per_user_limit);
    if (held != NULL && (verdict != VERDICT_ISSUED || !may_have_more)) {
        answer_with(answer, VERDICT_ALREADY_ISSUED, held);
        return;
    }
    wanted.sequence = coupon->policy.issued + 1;
    wanted.nth = held == NULL ? 1 : held->nth + 1;
    answer->verdict = verdict;
    if (wanted.time_us < coupon->last_issue_us)
        wanted.time_us = coupon->last_issue_us;
    answer->record = wanted;
    if (verdict == VERDICT_ISSUED)
        answer_with(answer, verdict, &wanted);
    else if (verdict == VERDICT_NOT_STARTED)
        answer->time_us = coupon->policy.starts_at_us;
}

static void change(struct coupon *coupon, const struct coupon *wanted, unsigned fields)
{
    if (fields & COUPON_FIELD_TITLE)
        strcpy(coupon->title, wanted->title);
    coupon->quantity = fields & COUPON_FIELD_QUANTITY ? wanted->quantity : coupon->quantity;
    coupon->starts_at_us = fields & COUPON_FIELD_STARTS_AT ? wanted->starts_at_us : coupon->starts_at_us;
    coupon->ends_at_us = fields & COUPON_FIELD_ENDS_AT ? wanted->ends_at_us : coupon->ends_at_us;
    coupon->paused = fields & COUPON_FIELD_PAUSED ? wanted->paused : coupon->paused;
}

static void ask_change(const struct model_coupon *there, const struct coupon *wanted, unsigned fields, int64_t now_us,
                       struct model_answer *answer)
{
    struct coupon changed = there->policy;
    change(&changed, wanted, fields);
    changed.updated_at_us = now_us;
    answer->coupon = &there->policy;
    if (changed.quantity < changed.issued)
        answer->verdict = VERDICT_QUANTITY_BELOW_ISSUED;
    else if (changed.starts_at_us != TIME_NONE && changed.ends_at_us != TIME_NONE &&
             changed.starts_at_us >= changed.ends_at_us)
        answer->verdict = VERDICT_WINDOW_INVALID;
    else
        answer->verdict = VERDICT_COUPON_CHANGED;
    answer->record.policy = changed;
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
    struct coupon wanted;
    memset(&wanted, 0, sizeof wanted);
    CHECK(frame_coupon_read(&request->coupon, &wanted));
    const struct model_coupon *there = find(model, wanted.id);
    *answer = (struct model_answer){.record = {.is_coupon = true, .time_us = now_us}};
    if (request->op == COUPON_LIST) {
        answer->verdict = any_after(model, wanted.id) ? VERDICT_FOUND : VERDICT_NONE;
    } else if (request->op == COUPON_CREATE && there == NULL) {
        answer->verdict = VERDICT_COUPON_CREATED;
        answer->record.policy = wanted;
        answer->record.policy.issued = 0;
        answer->record.policy.paused = false;
        answer->record.policy.created_at_us = answer->record.policy.updated_at_us = now_us;
    } else if (there == NULL) {
        answer->verdict = VERDICT_COUPON_NOT_FOUND;
    } else if (request->op == COUPON_CHANGE) {
        ask_change(there, &wanted, request->fields, now_us, answer);
    } else {
        answer->verdict = request->op == COUPON_GET ? VERDICT_FOUND : VERDICT_COUPON_EXISTS;
        answer->coupon = &there->policy;
    }
    answer->record.policy.journal_seq = model->log_count + 1;
    strcpy(answer->record.coupon_id, wanted.id);
}

/* --- the log --- */

static const char *check_issue(const struct model *model, const struct model_record *record)
{
    const struct model_coupon *coupon = find(model, record->coupon_id);
    if (coupon == NULL)
        return "an issue of a coupon that was never created";
    const struct model_record *held = latest(model, record->coupon_id, record->user_id);
    if (record->sequence != coupon->policy.issued + 1)
        return "promise 4: the sequences of a coupon have a gap or a repetition";
    if (record->sequence > coupon->policy.quantity)
        return "promise 1: a coupon is issued more often than its quantity";
    if (record->nth != (held == NULL ? 1 : held->nth + 1))
        return "promise 2: a user's issues are not counted on";
    if (record->nth > coupon->policy.per_user_limit)
        return "promise 2: a user holds more of a coupon than the limit";
    if (record->time_us < coupon->last_issue_us)
        return "promise 4: the time of issue goes back";
    return NULL;
}

static const char *check_coupon(const struct model *model, const struct model_record *record)
{
    const struct model_coupon *coupon = find(model, record->coupon_id);
    if (coupon != NULL && record->policy.quantity < coupon->policy.issued)
        return "promise 1: a quantity is lowered below the number of issues";
    if (coupon != NULL && record->policy.per_user_limit != coupon->policy.per_user_limit)
        return "promise 2: the limit of a coupon changed";
    return NULL;
}

static void *grow(void *array, size_t count, size_t *room, size_t size)
{
    if (count < *room)
        return array;
    *room = *room ? 2 * *room : 32;
    array = realloc(array, *room * size);
    CHECK(array != NULL);
    return array;
}

static void apply(struct model *model, const struct model_record *record)
{
    struct model_coupon *coupon = find(model, record->coupon_id);
    if (coupon == NULL) {
        model->coupons = grow(model->coupons, model->coupons_count, &model->coupons_room, sizeof *model->coupons);
        coupon = &model->coupons[model->coupons_count++];
        *coupon = (struct model_coupon){.last_issue_us = 0};
    }
    uint32_t issued = coupon->policy.issued;
    if (record->is_coupon) {
        coupon->policy = record->policy;
        coupon->policy.issued = issued;
        return;
    }
    coupon->policy.issued++;
    coupon->last_issue_us = record->time_us;
}

const char *model_add(struct model *model, const struct model_record *record)
{
    const char *wrong = record->is_coupon ? check_coupon(model, record) : check_issue(model, record);
    if (wrong != NULL)
        return wrong;
    apply(model, record);
    model->log = grow(model->log, model->log_count, &model->log_room, sizeof *model->log);
    model->log[model->log_count++] = *record;
    return NULL;
}

void model_truncate(struct model *model, size_t count)
{
    CHECK(count <= model->log_count);
    model->log_count = count;
    model->coupons_count = 0;
    for (size_t i = 0; i < count; i++)
        apply(model, &model->log[i]);
}

/* --- records --- */

static bool policy_equal(const struct coupon *a, const struct coupon *b)
{
    return strcmp(a->id, b->id) == 0 && strcmp(a->title, b->title) == 0 && a->quantity == b->quantity &&
           a->per_user_limit == b->per_user_limit && a->paused == b->paused && a->starts_at_us == b->starts_at_us &&
           a->ends_at_us == b->ends_at_us && a->created_at_us == b->created_at_us &&
           a->updated_at_us == b->updated_at_us && a->journal_seq == b->journal_seq;
}

bool model_record_equal(const struct model_record *a, const struct model_record *b)
{
    if (a->is_coupon != b->is_coupon || a->time_us != b->time_us || strcmp(a->coupon_id, b->coupon_id) != 0)
        return false;
    if (a->is_coupon)
        return policy_equal(&a->policy, &b->policy);
    return strcmp(a->user_id, b->user_id) == 0 && a->sequence == b->sequence && a->nth == b->nth;
}

void model_record_read(const struct journal_record *journalled, struct model_record *record)
{
    memset(record, 0, sizeof *record);
    record->is_coupon = journalled->type == JOURNAL_COUPON;
    record->time_us = journalled->time_us;
    memcpy(record->coupon_id, journalled->coupon_id, journalled->coupon_id_length);
    if (record->is_coupon) {
        journal_record_coupon(journalled, &record->policy);
        return;
    }
    memcpy(record->user_id, journalled->issue.user_id, journalled->issue.user_id_length);
    record->sequence = journalled->issue.sequence;
    record->nth = journalled->issue.nth;
}
