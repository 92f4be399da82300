#include "issuer/turn/coupons.h"

#include <stddef.h>
#include <string.h>

#include "shared/code.h"
#include "shared/error.h"

#define LIST_EXAMINED_MAX 20000u /* coupons of one listing; more would keep other requests waiting */

/* --- creating and changing --- */

static struct journal_origin origin_of(const struct frame_coupon_request *request)
{
    return (struct journal_origin){request->actor, request->actor_length, request->request_id,
                                   request->request_id_length};
}

static bool has_room(const struct turn_context *context, enum verdict verdict, const struct coupon *coupon)
{
    return context->room && (verdict != VERDICT_COUPON_CREATED ||
                             (context->memory && coupon->number <= code_coupons_max(context->meta->partitions)));
}

/* Decides, journals, applies. */
static enum verdict decide(struct turn_context *context, const struct frame_coupon_request *request,
                           struct coupon *result)
{
    struct coupon wanted;
    struct ledger *ledger = context->ledger;
    const struct ledger_owner actor = {request->actor, request->actor_length};
    CHECK(frame_coupon_read(&request->coupon, &wanted));
    enum verdict verdict = request->op == COUPON_CREATE
                               ? ledger_decide_create(ledger, &wanted, context->now_us, result)
                               : ledger_decide_change(ledger, &wanted, request->fields,
                                                      request->if_owner ? &actor : NULL, context->now_us, result);
    if (verdict != VERDICT_COUPON_CREATED && verdict != VERDICT_COUPON_CHANGED)
        return verdict;
    if (!has_room(context, verdict, result))
        return VERDICT_OVERLOADED;
    struct journal_origin origin = origin_of(request);
    result->journal_seq = journal_append_coupon(context->journal, result, &origin);
    ledger_apply_coupon(ledger, result);
    coupon_gauges_note(context->gauges, ledger_entry(ledger, result->id, strlen(result->id)), context->passed_us);
    return verdict;
}

/* --- answering --- */

static size_t append(const struct turn_context *context, uint64_t tag, enum verdict verdict, uint32_t remaining,
                     const struct coupon *coupon, unsigned char *out)
{
    struct frame_coupon_reply reply; /* 8 KiB, of which frame_coupon_write() sets all that is sent */
    memset(&reply, 0, offsetof(struct frame_coupon_reply, coupon));
    reply.tag = tag;
    reply.verdict = (uint8_t)verdict;
    reply.remaining = remaining;
    reply.now_us = context->now_us;
    frame_coupon_write(&reply.coupon, coupon);
    return frame_coupon_reply_append(out, &reply);
}

/* --- listing --- */

static bool is_owned_by(const struct ledger_coupon *coupon, const struct frame_coupon *wanted)
{
    const char *owner = wanted->texts, *its = ledger_coupon_text(coupon, COUPON_TEXT_OWNER);
    for (unsigned i = 0; i < COUPON_TEXT_OWNER; i++)
        owner += wanted->text_lengths[i];
    size_t length = wanted->text_lengths[COUPON_TEXT_OWNER];
    return strlen(its) == length && memcmp(its, owner, length) == 0;
}

static bool passes(const struct frame_coupon_request *request, const struct ledger_coupon *coupon, int64_t now_us)
{
    if ((request->filter & COUPON_FILTER_ARCHIVED) != 0 && coupon->archived)
        return false;
    if ((request->filter & COUPON_FILTER_STATE) != 0 && ledger_coupon_state(coupon, now_us) != request->state)
        return false;
    return (request->filter & COUPON_FILTER_OWNER) == 0 || is_owned_by(coupon, &request->coupon);
}

/* The coupons of a listing. */
struct found {
    const struct ledger_coupon *coupons[COUPON_LIST_MAX];
    uint32_t count;
    char examined[COUPON_ID_MAX + 1]; /* the listing ends early, after this one; "": it does not */
};

/* Examines the coupons after `found->examined`. False at the end of all. */
static bool examine(const struct turn_context *context, const struct frame_coupon_request *request, uint32_t limit,
                    struct found *found)
{
    const struct ledger_coupon *next[COUPON_LIST_MAX];
    size_t count = ledger_list(context->ledger, found->examined, COUPON_LIST_MAX, next);
    for (size_t i = 0; i < count && found->count < limit; i++) {
        memcpy(found->examined, next[i]->id, sizeof found->examined);
        if (passes(request, next[i], context->now_us))
            found->coupons[found->count++] = next[i];
    }
    return count == COUPON_LIST_MAX;
}

static void find(const struct turn_context *context, const struct frame_coupon_request *request, struct found *found)
{
    uint32_t limit = request->coupon.quantity, examined = 0;
    *found = (struct found){.count = 0};
    memcpy(found->examined, request->coupon.id, request->coupon.id_length);
    bool more = true;
    while (more && found->count < limit && examined < LIST_EXAMINED_MAX) {
        more = examine(context, request, limit, found);
        examined += COUPON_LIST_MAX;
    }
    if (!more || found->count == limit)
        found->examined[0] = '\0';
}

static size_t list(struct turn_context *context, const struct frame_coupon_request *request, unsigned char *out,
                   uint32_t *count)
{
    struct found found;
    struct coupon coupon;
    size_t bytes = 0;
    find(context, request, &found);
    bool cut = found.examined[0] != '\0' || found.count == 0;
    *count = found.count + cut;
    context->verdicts[found.count > 0 ? VERDICT_FOUND : VERDICT_NONE]++;
    for (uint32_t i = 0; i < found.count; i++) {
        ledger_coupon_read(found.coupons[i], &coupon);
        bytes += append(context, request->tag, VERDICT_FOUND, *count - 1 - i, &coupon, out + bytes);
    }
    coupon = (struct coupon){.id = ""};
    memcpy(coupon.id, found.examined, sizeof coupon.id);
    return cut ? bytes + append(context, request->tag, VERDICT_NONE, 0, &coupon, out + bytes) : bytes;
}

size_t turn_coupon_bytes_max(const struct frame_coupon_request *request)
{
    size_t replies = request->op == COUPON_LIST ? request->coupon.quantity + 1 : 1;
    return replies * sizeof(struct frame_coupon_reply);
}

size_t turn_coupon_answer(struct turn_context *context, const struct frame_coupon_request *request, bool late,
                          unsigned char *out, uint32_t *count)
{
    struct coupon result = {.id = ""};
    enum verdict verdict = VERDICT_LATE;
    *count = 1;
    if (!late && request->op == COUPON_LIST)
        return list(context, request, out, count);
    if (!late && request->op == COUPON_GET) {
        const struct ledger_coupon *there =
            ledger_entry(context->ledger, request->coupon.id, request->coupon.id_length);
        verdict = there != NULL ? VERDICT_FOUND : VERDICT_COUPON_NOT_FOUND;
        if (there != NULL)
            ledger_coupon_read(there, &result);
    } else if (!late) {
        verdict = decide(context, request, &result);
    }
    context->verdicts[verdict]++;
    return append(context, request->tag, verdict, 0, &result, out);
}
