#include "gateway/dispatch/change.h"

#include <stdlib.h>
#include <string.h>

#include "gateway/connection/request_note.h"
#include "gateway/dispatch/audit.h"
#include "gateway/dispatch/traces.h"
#include "gateway/dispatch/verdicts.h"
#include "gateway/reading/readers.h"
#include "gateway/service/answer.h"
#include "shared/code.h"
#include "shared/error.h"

/* What is known of a request that takes more than one step:
 *
 *   code  RESOLVING ──► FINDING_USER (in the store) ──► ASKING ──► answered
 *   all   a reply without the details of a change ──► COMPLETING (from the store) ──► answered
 *   user  ERASING (every partition) ──► answered
 */
enum change_step { CHANGE_RESOLVING, CHANGE_FINDING_USER, CHANGE_ASKING, CHANGE_COMPLETING, CHANGE_ERASING };

struct change_progress {
    enum change_step step;
    struct frame_change_request request; /* of a code: what is wanted */
    struct frame_change_reply reply;     /* COMPLETING: what will be answered */
    bool noted;                          /* ERASING: a partition has noted it */
    bool refused;                        /* ERASING: a partition has not, because of `refusal` */
    enum error_code refusal;
};

static struct change_progress *progress_create(enum change_step step)
{
    struct change_progress *progress = calloc(1, sizeof *progress);
    CHECK(progress != NULL);
    progress->step = step;
    return progress;
}

/* --- sending --- */

/* A holder's own redemption names no actor: an erasure cannot hide ids in records that follow it, and beside the
 * fingerprint of an erased holder the actor would tell whose it is. */
static void name_actor(struct frame_change_request *record, const struct request_note *note)
{
    struct span holder = {record->user_id, record->user_id_length};
    record->actor_length = (uint8_t)request_note_copy_actor(note, record->actor);
    bool redeems = record->op == CHANGE_REDEEM || record->op == CHANGE_UNDO;
    if (!redeems || !span_equals((struct span){record->actor, record->actor_length}, holder))
        return;
    memset(record->actor, 0, record->actor_length);
    record->actor_length = 0;
}

/* A record of this exchange, blank but for the op and the ids. */
static struct frame_change_request *add_record(struct service *service, uint16_t partition,
                                               const struct exchange *exchange, enum change_op op)
{
    struct frame_change_request *record =
        partition_link_add_change(service->links[partition], exchange->begun_us, service_until_us(service));
    record->tag = exchange_tag(exchange);
    record->op = (uint8_t)op;
    record->coupon_id_length = exchange->coupon_id_length;
    record->user_id_length = exchange->user_id_length;
    memcpy(record->coupon_id, exchange->coupon_id, exchange->coupon_id_length);
    memcpy(record->user_id, exchange->user_id, exchange->user_id_length);
    if (exchange->note != NULL) {
        record->request_id_length = (uint8_t)request_note_copy_id(exchange->note, record->request_id);
        name_actor(record, exchange->note);
    }
    traces_send(service, partition, exchange);
    return record;
}

static void fill(struct frame_change_request *record, const struct api_call *call)
{
    record->sequence = call->sequence;
    record->flags = call->revocation.flags | (call->owned ? CHANGE_IF_OWNER : 0);
    record->reference_length = (uint8_t)call->reference.length;
    record->reason_length = (uint8_t)call->revocation.reason_length;
    if (call->reference.length > 0)
        memcpy(record->reference, call->reference.at, call->reference.length);
    memcpy(record->reason, call->revocation.reason, call->revocation.reason_length);
}

static enum exchange_kind kind_of(const struct api_call *call)
{
    if (call->kind == API_SWEEP)
        return EXCHANGE_SWEEP;
    return call->kind == API_ERASE ? EXCHANGE_ERASE : EXCHANGE_CHANGE;
}

/* NULL when there is no room for the exchange, which is answered. */
static struct exchange *begin(struct service *service, struct connection *connection,
                              const struct http_request *request, const struct api_call *call, uint64_t partitions)
{
    struct exchange *exchange = answer_exchange_waiting(service, connection, request, call->route, partitions);
    if (exchange == NULL)
        return NULL;
    exchange->kind = kind_of(call);
    exchange->op = (uint8_t)call->change_op;
    exchange->coupon_id_length = (uint8_t)call->coupon_id.length;
    exchange->user_id_length = (uint8_t)call->user_id.length;
    if (call->coupon_id.length > 0)
        memcpy(exchange->coupon_id, call->coupon_id.at, call->coupon_id.length);
    if (call->user_id.length > 0)
        memcpy(exchange->user_id, call->user_id.at, call->user_id.length);
    return exchange;
}

/* A code tells its partition, and the issuer which issue it is. */
static void send_code(struct service *service, struct connection *connection, const struct http_request *request,
                      const struct api_call *call)
{
    uint16_t partition = code_partition(call->code % CODE_NUMBER_END, service->partitions);
    if (service->readers == NULL) {
        answer_local_with_error(service, connection, request, call->route, ERROR_STORE_UNAVAILABLE);
        return;
    }
    if (!service_may_ask(service, partition)) {
        answer_local_with_error(service, connection, request, call->route, ERROR_ISSUER_UNAVAILABLE);
        return;
    }
    struct exchange *exchange = begin(service, connection, request, call, 1ull << partition);
    if (exchange == NULL)
        return;
    exchange->change = progress_create(CHANGE_RESOLVING);
    fill(&exchange->change->request, call);
    exchange->change->request.op = (uint8_t)call->change_op;
    exchange->op = CHANGE_RESOLVE;
    add_record(service, partition, exchange, CHANGE_RESOLVE)->code = call->code;
}

void change_send(struct service *service, struct connection *connection, const struct http_request *request,
                 const struct api_call *call)
{
    if (call->kind == API_CODE) {
        send_code(service, connection, request, call);
        return;
    }
    uint16_t partition = coupon_partition(call->coupon_id.at, call->coupon_id.length, service->partitions);
    if (!service_may_ask(service, partition)) {
        answer_local_with_error(service, connection, request, call->route, ERROR_ISSUER_UNAVAILABLE);
        return;
    }
    struct exchange *exchange = begin(service, connection, request, call, 1ull << partition);
    if (exchange != NULL)
        fill(add_record(service, partition, exchange, call->change_op), call);
}

void change_send_erasure(struct service *service, struct connection *connection, const struct http_request *request,
                         const struct api_call *call)
{
    if (!service_may_ask_all(service)) {
        answer_local_with_error(service, connection, request, call->route, ERROR_ISSUER_UNAVAILABLE);
        return;
    }
    struct exchange *exchange = begin(service, connection, request, call, service_all_partitions(service));
    if (exchange == NULL)
        return;
    exchange->change = progress_create(CHANGE_ERASING);
    for (uint16_t p = 0; p < service->partitions; p++)
        add_record(service, p, exchange, CHANGE_ERASE);
}

bool change_ask_details(struct service *service, uint16_t partition, struct exchange *exchange,
                        const struct frame_issue_reply *reply)
{
    if (exchange->op != ISSUE_LOOKUP || reply->verdict != VERDICT_FOUND || !frame_issue_whole(&reply->issue) ||
        (reply->issue.state != ISSUE_REDEEMED && reply->issue.state != ISSUE_REVOKED))
        return false;
    exchange->kind = EXCHANGE_CHANGE;
    exchange->op = CHANGE_SHOW;
    add_record(service, partition, exchange, CHANGE_SHOW)->sequence = reply->issue.sequence;
    return true;
}

/* --- asking the store --- */

/* Asks for the issue that the exchange is about. False when that is not possible. */
static bool ask_store(struct service *service, struct exchange *exchange, enum change_step step, uint32_t sequence)
{
    struct reading_question question = {
        .scope = READING_ISSUE, .id_length = exchange->coupon_id_length, .limit = 1, .after = {.sequence = sequence}};
    if (service->readers == NULL)
        return false;
    memcpy(question.id, exchange->coupon_id, exchange->coupon_id_length);
    reading_port_drop(&exchange->reading);
    exchange->reading = reading_request_create(service->reading_port, &question, exchange);
    if (!readers_submit(service->readers, exchange->reading, service_now_us(service))) {
        reading_port_drop(&exchange->reading);
        return false;
    }
    exchange_settle(&service->exchanges, exchange);
    exchange->change->step = step;
    return true;
}

/* --- replies --- */

static void accept_erasure(struct service *service, struct exchange *exchange)
{
    static const char body[] = "{}";
    audit_log(exchange, VERDICT_ERASED, 0);
    struct answer answer = answer_begin(service, exchange);
    struct reply accepted = {.status = 202, .type = REPLY_JSON, .body = body, .body_length = sizeof body - 1};
    reply_write(answer.out, &service->clock, answer.style, &accepted);
    answer_end(&answer, 202);
}

/* Answers once it is known of every partition whether it has noted the erasure. A refusal says that nothing was done,
 * so it is one only if no partition has. */
static void end_part(struct service *service, uint16_t partition, struct exchange *exchange)
{
    const struct change_progress *change = exchange->change;
    if (exchange->waiting != 1ull << partition)
        exchange->waiting &= ~(1ull << partition);
    else if (change->refused)
        answer_exchange_with_error(service, exchange, change->noted ? ERROR_OUTCOME_UNKNOWN : change->refusal);
    else
        accept_erasure(service, exchange);
}

static void refuse_part(struct service *service, uint16_t partition, struct exchange *exchange, enum error_code refusal)
{
    struct change_progress *change = exchange->change;
    if (!change->refused || refusal == ERROR_OUTCOME_UNKNOWN)
        change->refusal = refusal;
    change->refused = true;
    end_part(service, partition, exchange);
}

static void on_erased(struct service *service, uint16_t partition, struct exchange *exchange,
                      const struct frame_change_reply *reply)
{
    switch (reply->verdict) {
    case VERDICT_ERASED:
        exchange->change->noted = true;
        end_part(service, partition, exchange);
        break;
    case VERDICT_LATE:
        refuse_part(service, partition, exchange, ERROR_ISSUER_UNAVAILABLE);
        break;
    case VERDICT_OVERLOADED:
        refuse_part(service, partition, exchange, ERROR_OVERLOADED);
        break;
    default:
        answer_note_nonsense(service, partition, reply->verdict);
        refuse_part(service, partition, exchange, ERROR_OUTCOME_UNKNOWN);
    }
}

void change_on_unsent_erasure(struct service *service, uint16_t partition, struct exchange *exchange)
{
    refuse_part(service, partition, exchange, ERROR_ISSUER_UNAVAILABLE);
}

static void answer_reply(struct service *service, uint16_t partition, struct exchange *exchange,
                         const struct frame_change_reply *reply)
{
    audit_log(exchange, (enum verdict)reply->verdict, reply->issue.sequence);
    struct answer answer = answer_begin(service, exchange);
    int status = 0;
    if (exchange->kind == EXCHANGE_CHANGE)
        status = verdict_answer_change(answer.out, &service->clock, answer.style, exchange, reply);
    else if (exchange->kind == EXCHANGE_SWEEP)
        status = verdict_answer_sweep(answer.out, &service->clock, answer.style, exchange, reply);
    if (status != 0)
        answer_end(&answer, status);
    else
        answer_nonsense(&answer, partition, reply->verdict);
}

/* An issue that is redeemed or revoked, without saying how: the store has acknowledged it, and knows. */
static bool lacks_details(const struct frame_change_reply *reply)
{
    bool changed = reply->issue.state == ISSUE_REDEEMED || reply->issue.state == ISSUE_REVOKED;
    return changed && reply->details.changed_at_us == 0 && frame_issue_whole(&reply->issue);
}

/* True when the reply names an issue of this partition. */
static bool resolves(const struct service *service, uint16_t partition, const struct frame_change_reply *reply)
{
    return reply->verdict == VERDICT_FOUND && reply->issue.sequence > 0 &&
           coupon_id_valid(reply->coupon_id, reply->coupon_id_length) &&
           coupon_partition(reply->coupon_id, reply->coupon_id_length, service->partitions) == partition;
}

static void answer_unresolved(struct service *service, uint16_t partition, struct exchange *exchange,
                              enum verdict verdict)
{
    static const struct problem_extras extras = {.detail = "No issue has this code."};
    struct answer answer = answer_begin(service, exchange);
    if (verdict == VERDICT_CODE_NOT_FOUND)
        answer_error(&answer, ERROR_NOT_FOUND, &extras);
    else if (verdict == VERDICT_LATE)
        answer_error(&answer, ERROR_ISSUER_UNAVAILABLE, NULL);
    else
        answer_nonsense(&answer, partition, verdict);
}

static void on_resolved(struct service *service, uint16_t partition, struct exchange *exchange,
                        const struct frame_change_reply *reply)
{
    if (!resolves(service, partition, reply)) {
        answer_unresolved(service, partition, exchange, (enum verdict)reply->verdict);
        return;
    }
    exchange->coupon_id_length = reply->coupon_id_length;
    memcpy(exchange->coupon_id, reply->coupon_id, reply->coupon_id_length);
    if (exchange->note != NULL)
        request_note_set_coupon(exchange->note, (struct span){exchange->coupon_id, exchange->coupon_id_length});
    exchange->change->request.sequence = reply->issue.sequence;
    if (!ask_store(service, exchange, CHANGE_FINDING_USER, reply->issue.sequence))
        answer_exchange_with_error(service, exchange, ERROR_OVERLOADED);
}

void change_on_reply(struct service *service, uint16_t partition, struct exchange *exchange,
                     const struct frame_change_reply *reply)
{
    if (exchange->kind == EXCHANGE_ERASE) {
        on_erased(service, partition, exchange, reply);
        return;
    }
    if (exchange->change != NULL && exchange->change->step == CHANGE_RESOLVING) {
        on_resolved(service, partition, exchange, reply);
        return;
    }
    if (exchange->kind == EXCHANGE_CHANGE && lacks_details(reply)) {
        if (exchange->change == NULL)
            exchange->change = progress_create(CHANGE_COMPLETING);
        exchange->change->reply = *reply;
        if (ask_store(service, exchange, CHANGE_COMPLETING, reply->issue.sequence))
            return;
    }
    answer_reply(service, partition, exchange, reply);
}

/* --- the store's answers --- */

static uint16_t partition_of(const struct service *service, const struct exchange *exchange)
{
    return coupon_partition(exchange->coupon_id, exchange->coupon_id_length, service->partitions);
}

/* Now that the user is known, the request is like one without a code. */
static void ask_issuer(struct service *service, struct exchange *exchange, const struct reading_one *one)
{
    const struct frame_change_request *wanted = &exchange->change->request;
    uint16_t partition = partition_of(service, exchange);
    if (!service_may_ask(service, partition)) {
        answer_exchange_with_error(service, exchange, ERROR_ISSUER_UNAVAILABLE);
        return;
    }
    exchange->user_id_length = one->user_id_length;
    memcpy(exchange->user_id, one->user_id, one->user_id_length);
    exchange->op = wanted->op;
    exchange->change->step = CHANGE_ASKING;
    exchange_wait(&service->exchanges, exchange, 1ull << partition, service_now_us(service));
    struct frame_change_request *record = add_record(service, partition, exchange, (enum change_op)wanted->op);
    record->sequence = wanted->sequence;
    record->reference_length = wanted->reference_length;
    memcpy(record->reference, wanted->reference, wanted->reference_length);
}

/* Whether the store's row is the change that the issuer decided on. A revocation is the last one of its issue; a
 * redemption may have been replaced since. The times tell: the store has acknowledged the one that the issuer saw, so
 * that is of an earlier turn. */
static bool is_of_decision(const struct reading_one *one, const struct frame_change_reply *reply)
{
    if (one->issue.state != reply->issue.state)
        return false;
    return reply->issue.state == ISSUE_REVOKED || one->details.changed_at_us < reply->now_us;
}

void change_on_read(struct service *service, struct exchange *exchange, const struct reading_one *one)
{
    struct change_progress *change = exchange->change;
    bool found = one != NULL && one->found;
    if (change->step == CHANGE_FINDING_USER && found) {
        ask_issuer(service, exchange, one);
    } else if (change->step == CHANGE_FINDING_USER) {
        answer_exchange_with_error(service, exchange, ERROR_STORE_UNAVAILABLE);
    } else {
        if (found && is_of_decision(one, &change->reply))
            change->reply.details = one->details;
        answer_reply(service, partition_of(service, exchange), exchange, &change->reply);
    }
}
