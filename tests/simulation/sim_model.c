#include "sim_model.h"

#include <stdlib.h>
#include <string.h>

#include "shared/error.h"

void model_init(struct model *model)
{
    *model = (struct model){.log_count = 0};
}

static void drop_coupons(struct model *model)
{
    for (size_t i = 0; i < model->coupons_count; i++)
        free(model->coupons[i].issues);
    model->coupons_count = 0;
}

void model_deinit(struct model *model)
{
    drop_coupons(model);
    free(model->log);
    free(model->coupons);
    model_init(model);
}

/* --- finding --- */

struct model_coupon *model_find(const struct model *model, const char *coupon_id)
{
    for (size_t i = 0; i < model->coupons_count; i++) {
        if (strcmp(model->coupons[i].policy.id, coupon_id) == 0)
            return &model->coupons[i];
    }
    return NULL;
}

struct model_issue *model_find_issue(const struct model *model, const char *coupon_id, uint32_t sequence)
{
    const struct model_coupon *coupon = model_find(model, coupon_id);
    return coupon != NULL && sequence >= 1 && sequence <= coupon->issued ? &coupon->issues[sequence - 1] : NULL;
}

uint32_t model_count(const struct model_coupon *coupon, enum issue_state state)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < coupon->issued; i++)
        count += coupon->issues[i].state == state;
    return count;
}

uint32_t model_returned(const struct model_coupon *coupon)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < coupon->issued; i++)
        count += coupon->issues[i].state == ISSUE_REVOKED && coupon->issues[i].restock;
    return count;
}

bool model_sweeps(const struct model *model)
{
    bool any = false;
    for (size_t i = 0; i < model->coupons_count; i++)
        any |= model->coupons[i].sweep.begun != 0;
    return any;
}

/* --- promises --- */

static const char *check_limit(const struct model_coupon *coupon, const struct model_record *record)
{
    uint32_t all = 0, counting = 0;
    for (uint32_t i = 0; i < coupon->issued; i++) {
        const struct model_issue *issue = &coupon->issues[i];
        if (strcmp(issue->user_id, record->user_id) != 0)
            continue;
        all++;
        counting += issue->state != ISSUE_REVOKED || !issue->again;
    }
    if (record->nth != all + 1)
        return "promise 2: a user's issues are not counted on";
    return counting < coupon->policy.per_user_limit ? NULL : "promise 2: a user holds more of a coupon than the limit";
}

static const char *check_issue(const struct model *model, const struct model_record *record)
{
    const struct model_coupon *coupon = model_find(model, record->coupon_id);
    if (coupon == NULL)
        return "an issue of a coupon that was never created";
    if (record->sequence != coupon->issued + 1)
        return "promise 4: the sequences of a coupon have a gap or a repetition";
    if (coupon->issued - model_returned(coupon) >= coupon->policy.quantity)
        return "promise 1: a coupon is issued more often than its quantity";
    if (coupon->issued > 0 && record->time_us < coupon->issues[coupon->issued - 1].issued_at_us)
        return "promise 4: the time of issue goes back";
    return check_limit(coupon, record);
}

static const char *check_coupon(const struct model *model, const struct model_record *record)
{
    const struct model_coupon *coupon = model_find(model, record->coupon_id);
    if (coupon == NULL)
        return NULL;
    if (record->policy.quantity < coupon->issued - model_returned(coupon))
        return "promise 1: a quantity is lowered below the number of issues";
    if (record->policy.per_user_limit < coupon->policy.per_user_limit)
        return "promise 2: the limit of a coupon is lowered";
    return record->policy.number != coupon->policy.number ? "the number of a coupon changed" : NULL;
}

static const char *check_change(const struct model *model, const struct model_record *record)
{
    const struct model_issue *issue = model_find_issue(model, record->coupon_id, record->sequence);
    const struct model_coupon *coupon = model_find(model, record->coupon_id);
    if (issue == NULL)
        return "a change of an issue that was never made";
    bool swept = record->user_id[0] == '\0' && coupon->sweep.begun != 0 && record->sequence <= coupon->sweep.until;
    if (!swept && strcmp(issue->user_id, record->user_id) != 0)
        return "a change of another user's issue";
    if (record->kind == JOURNAL_UNDONE)
        return issue->state == ISSUE_REDEEMED && issue->reference == record->reference
                   ? NULL
                   : "a redemption is taken back that is not there";
    if (issue->state == ISSUE_ISSUED)
        return NULL;
    return record->kind == JOURNAL_REDEEMED ? "an issue is redeemed that is redeemed or revoked already"
                                            : "an issue is revoked that is redeemed or revoked already";
}

/* An issue that was redeemed when the sweep passed it may have been undone since. */
static const char *check_sweep(const struct model *model, const struct model_record *record)
{
    const struct model_coupon *coupon = model_find(model, record->coupon_id);
    if (coupon == NULL || record->sequence > coupon->issued)
        return "a sweep of issues that were never made";
    if ((coupon->sweep.begun != 0) != record->ended)
        return record->ended ? "the end of a sweep that never began" : "a second sweep of a coupon";
    for (uint32_t i = 0; record->ended && i < coupon->sweep.until; i++) {
        const struct model_issue *issue = &coupon->issues[i];
        if (issue->state == ISSUE_ISSUED && issue->changed < coupon->sweep.begun)
            return "a sweep ends although it has not revoked all issues";
    }
    return NULL;
}

static const char *check(const struct model *model, const struct model_record *record)
{
    switch (record->type) {
    case JOURNAL_ISSUE:
        return check_issue(model, record);
    case JOURNAL_CHANGE:
        return check_change(model, record);
    case JOURNAL_SWEEP:
        return check_sweep(model, record);
    case JOURNAL_ERASURE:
        return NULL;
    default:
        return check_coupon(model, record);
    }
}

/* --- the log --- */

static void *grow(void *array, size_t count, size_t *room, size_t size)
{
    if (count < *room)
        return array;
    *room = *room ? 2 * *room : 32;
    array = realloc(array, *room * size);
    CHECK(array != NULL);
    return array;
}

static void apply_coupon(struct model *model, const struct model_record *record)
{
    struct model_coupon *coupon = model_find(model, record->coupon_id);
    if (coupon == NULL) {
        model->coupons = grow(model->coupons, model->coupons_count, &model->coupons_room, sizeof *model->coupons);
        coupon = &model->coupons[model->coupons_count++];
        *coupon = (struct model_coupon){.issued = 0};
    }
    coupon->policy = record->policy;
}

static void apply_issue(struct model_coupon *coupon, const struct model_record *record)
{
    size_t room = coupon->room;
    coupon->issues = grow(coupon->issues, coupon->issued, &room, sizeof *coupon->issues);
    coupon->room = (uint32_t)room;
    struct model_issue *issue = &coupon->issues[coupon->issued++];
    *issue = (struct model_issue){.sequence = record->sequence,
                                  .nth = record->nth,
                                  .state = ISSUE_ISSUED,
                                  .issued_at_us = record->time_us,
                                  .request_key = record->request_key};
    memcpy(issue->user_id, record->user_id, sizeof issue->user_id);
}

static void apply_change(struct model_coupon *coupon, const struct model_record *record, size_t number)
{
    static const enum issue_state states[] = {
        [JOURNAL_REDEEMED] = ISSUE_REDEEMED, [JOURNAL_UNDONE] = ISSUE_ISSUED, [JOURNAL_REVOKED] = ISSUE_REVOKED};
    struct model_issue *issue = &coupon->issues[record->sequence - 1];
    issue->state = states[record->kind];
    issue->reference = record->kind == JOURNAL_REDEEMED ? record->reference : 0;
    issue->restock = record->restock;
    issue->again = record->again;
    issue->changed = number;
    if (record->user_id[0] == '\0')
        coupon->sweep.examined = record->sequence;
}

static void apply(struct model *model, const struct model_record *record, size_t number)
{
    struct model_coupon *coupon = model_find(model, record->coupon_id);
    switch (record->type) {
    case JOURNAL_ISSUE:
        apply_issue(coupon, record);
        break;
    case JOURNAL_CHANGE:
        apply_change(coupon, record, number);
        break;
    case JOURNAL_SWEEP:
        coupon->sweep.begun = record->ended ? 0 : number;
        coupon->sweep.until = record->ended ? 0 : record->sequence;
        coupon->sweep.examined = 0;
        break;
    case JOURNAL_ERASURE:
        break;
    default:
        apply_coupon(model, record);
    }
}

const char *model_add(struct model *model, const struct model_record *record)
{
    const char *wrong = check(model, record);
    if (wrong != NULL)
        return wrong;
    apply(model, record, model->log_count + 1);
    model->log = grow(model->log, model->log_count, &model->log_room, sizeof *model->log);
    model->log[model->log_count++] = *record;
    return NULL;
}

void model_truncate(struct model *model, size_t count)
{
    CHECK(count <= model->log_count);
    model->log_count = count;
    drop_coupons(model);
    for (size_t i = 0; i < count; i++)
        apply(model, &model->log[i], i + 1);
}

void model_restart(struct model *model)
{
    for (size_t i = 0; i < model->coupons_count; i++)
        model->coupons[i].sweep.examined = 0;
}
