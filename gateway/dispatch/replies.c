#include "gateway/api/listing.h"
#include "gateway/dispatch/audit.h"
#include "gateway/dispatch/change.h"
#include "gateway/dispatch/dispatch.h"
#include "gateway/dispatch/eligibility.h"
#include "gateway/dispatch/traces.h"
#include "gateway/dispatch/verdicts.h"
#include "gateway/dispatch/verification.h"
#include "gateway/policy/policies.h"
#include "gateway/policy/reports.h"
#include "gateway/reading/readers.h"
#include "gateway/service/answer.h"
#include "gateway/tracing/port.h"

/* The exchange that waits for this reply; NULL, and counted as late, when there is none. */
static struct exchange *find_waiting(struct service *service, uint16_t partition, uint64_t tag)
{
    struct exchange *exchange = exchange_find(&service->exchanges, tag);
    if (exchange != NULL && (exchange->waiting & (1ull << partition)) != 0)
        return exchange;
    metrics_add(service->metrics, METRIC_GATEWAY_REPLIES_LATE, 0, 1);
    return NULL;
}

/* The outcome of each verdict that has one, plus 1. */
static const uint8_t outcomes[VERDICT_COUNT] = {
#define X(id, name) [VERDICT_##id] = METRIC_OUTCOME_##id + 1,
    METRIC_OUTCOME_TABLE(X)
#undef X
};

static void count_outcome(struct service *service, const struct exchange *exchange, unsigned verdict)
{
    if (exchange->op != ISSUE_LOOKUP && verdict < VERDICT_COUNT && outcomes[verdict] != 0)
        metrics_add(service->metrics, METRIC_GATEWAY_OUTCOMES, outcomes[verdict] - 1u, 1);
}

void dispatch_on_issue_reply(void *arg, uint16_t partition, const struct frame_issue_reply *reply)
{
    struct service *service = arg;
    struct exchange *exchange = find_waiting(service, partition, reply->tag);
    int status = 0;
    if (exchange == NULL)
        return;
    traces_reply(service, partition, exchange, reply->verdict);
    policies_on_issue_reply(service, partition, exchange, reply);
    if (exchange->kind == EXCHANGE_ISSUE && change_ask_details(service, partition, exchange, reply))
        return;
    if (exchange->kind == EXCHANGE_ISSUE && eligibility_ask_again(service, partition, exchange, reply))
        return;
    struct answer answer = answer_begin(service, exchange);
    if (exchange->kind == EXCHANGE_ISSUE)
        status = verdict_answer_issue(answer.out, &service->clock, answer.style, exchange, reply);
    if (status == 0) {
        answer_nonsense(&answer, partition, reply->verdict);
        return;
    }
    count_outcome(service, exchange, reply->verdict);
    answer_end(&answer, status);
}

static void finish_listing(struct service *service, struct exchange *exchange)
{
    struct answer answer = answer_begin(service, exchange);
    struct reply reply = {.status = 200, .type = REPLY_JSON};
    listing_json_append(exchange->listing, &service->scratch);
    reply.body = service->scratch.data;
    reply.body_length = service->scratch.length;
    reply_write(answer.out, &service->clock, answer.style, &reply);
    buffer_clear(&service->scratch, 0);
    answer_end(&answer, 200);
}

/* A coupon, or without one the id up to which the partition has looked: "" if it has looked at all. False when the
 * reply is invalid. */
static bool take_listed(struct exchange *exchange, uint16_t partition, const struct frame_coupon_reply *reply)
{
    const struct frame_coupon *coupon = &reply->coupon;
    if (reply->verdict == VERDICT_FOUND)
        return frame_coupon_whole(coupon) && listing_add(exchange->listing, partition, coupon, reply->now_us);
    if (reply->verdict != VERDICT_NONE || coupon->id_length == 0)
        return reply->verdict == VERDICT_NONE;
    if (!coupon_id_valid(coupon->id, coupon->id_length))
        return false;
    listing_cut(exchange->listing, (struct span){coupon->id, coupon->id_length});
    return true;
}

static void on_listed(struct service *service, struct exchange *exchange, uint16_t partition,
                      const struct frame_coupon_reply *reply)
{
    if (reply->verdict == VERDICT_LATE) {
        answer_exchange_with_error(service, exchange, ERROR_ISSUER_UNAVAILABLE);
        return;
    }
    if (!take_listed(exchange, partition, reply)) {
        struct answer answer = answer_begin(service, exchange);
        answer_nonsense(&answer, partition, reply->verdict);
        return;
    }
    if (reply->remaining != 0)
        return;
    if (exchange->waiting == 1ull << partition)
        finish_listing(service, exchange);
    else
        exchange->waiting &= ~(1ull << partition);
}

static void on_coupon(struct service *service, struct exchange *exchange, uint16_t partition,
                      const struct frame_coupon_reply *reply)
{
    int status = 0;
    if (policies_answer(service, exchange, reply))
        return;
    audit_log(exchange, (enum verdict)reply->verdict, 0);
    struct answer answer = answer_begin(service, exchange);
    if (exchange->kind == EXCHANGE_COUPON || exchange->kind == EXCHANGE_LIVE)
        status = verdict_answer_coupon(answer.out, &service->clock, answer.style, reply);
    if (status != 0)
        answer_end(&answer, status);
    else
        answer_nonsense(&answer, partition, reply->verdict);
}

void dispatch_on_coupon_reply(void *arg, uint16_t partition, const struct frame_coupon_reply *reply)
{
    struct service *service = arg;
    struct exchange *exchange = NULL;
    if (eligibility_take_reply(service, partition, reply) || policies_take_reply(service, partition, reply))
        return;
    exchange = find_waiting(service, partition, reply->tag);
    if (exchange == NULL)
        return;
    traces_reply(service, partition, exchange, reply->verdict);
    if (exchange->kind == EXCHANGE_LIST)
        on_listed(service, exchange, partition, reply);
    else
        on_coupon(service, exchange, partition, reply);
}

void dispatch_on_change_reply(void *arg, uint16_t partition, const struct frame_change_reply *reply)
{
    struct service *service = arg;
    struct exchange *exchange = find_waiting(service, partition, reply->tag);
    if (exchange == NULL)
        return;
    traces_reply(service, partition, exchange, reply->verdict);
    change_on_reply(service, partition, exchange, reply);
}

void dispatch_on_verification_reply(void *arg, uint16_t partition, const struct frame_verification_reply *reply)
{
    struct service *service = arg;
    struct exchange *exchange = find_waiting(service, partition, reply->tag);
    if (exchange != NULL)
        verification_on_reply(service, partition, exchange, reply);
}

void dispatch_on_pong(void *arg, uint16_t partition, const struct frame_pong *pong)
{
    struct service *service = arg;
    service->pongs[partition] = (struct service_pong){true, pong->journal_seq};
    if (service->traces != NULL)
        trace_port_on_stored(service->traces, partition, pong->acked_seq, service_now_us(service));
    if (!policies_is_time(pong->now_us))
        metrics_add(service->metrics, METRIC_GATEWAY_FRAMES_DROPPED, METRIC_DROP_MALFORMED, 1);
    else if (service->readers != NULL)
        reading_horizon_note(readers_horizon(service->readers), partition, pong->journal_seq, pong->now_us);
}

/* --- no reply --- */

void dispatch_on_unsent(void *arg, uint16_t partition, uint64_t tag)
{
    struct service *service = arg;
    struct exchange *exchange = exchange_find(&service->exchanges, tag);
    policies_on_unsent(service, tag);
    eligibility_on_unsent(service, tag);
    if (exchange == NULL || (exchange->waiting & (1ull << partition)) == 0)
        return;
    if (exchange->kind == EXCHANGE_ERASE)
        change_on_unsent_erasure(service, partition, exchange);
    else
        answer_exchange_with_error(service, exchange, ERROR_ISSUER_UNAVAILABLE);
}

/* The result is unknown: a change may have been made. */
static void give_up(struct service *service, struct exchange *exchange)
{
    if (exchange->kind == EXCHANGE_COUPON && exchange->op != COUPON_GET)
        policies_changed(service, (struct span){exchange->coupon_id, exchange->coupon_id_length});
    answer_exchange_with_error(service, exchange, ERROR_OUTCOME_UNKNOWN);
}

bool dispatch_waits(void *arg, uint16_t partition, uint64_t tag)
{
    struct service *service = arg;
    const struct exchange *exchange = exchange_find(&service->exchanges, tag);
    if (exchange != NULL)
        return (exchange->waiting & (1ull << partition)) != 0;
    return policies_waits(service, tag) || eligibility_waits(service, tag);
}

void dispatch_on_unknown(void *arg, uint16_t partition, uint64_t tag)
{
    struct service *service = arg;
    struct exchange *exchange = exchange_find(&service->exchanges, tag);
    if (exchange != NULL && (exchange->waiting & (1ull << partition)) != 0)
        give_up(service, exchange);
}

static bool is_read(const struct exchange *exchange)
{
    return exchange->kind == EXCHANGE_LIST || exchange->kind == EXCHANGE_LIVE ||
           (exchange->kind == EXCHANGE_ISSUE && exchange->op == ISSUE_LOOKUP) ||
           (exchange->kind == EXCHANGE_CHANGE && (exchange->op == CHANGE_SHOW || exchange->op == CHANGE_RESOLVE)) ||
           (exchange->kind == EXCHANGE_VERIFICATION && exchange->op == VERIFICATION_READ) ||
           (exchange->kind == EXCHANGE_SWEEP && exchange->op == CHANGE_SWEPT) ||
           (exchange->kind == EXCHANGE_COUPON && exchange->op == COUPON_GET);
}

static void lose(struct service *service, uint16_t partition, bool all)
{
    struct exchange *next = NULL;
    for (struct exchange *exchange = service->exchanges.oldest; exchange != NULL; exchange = next) {
        next = exchange->newer;
        if ((exchange->waiting & (1ull << partition)) == 0)
            continue;
        if (is_read(exchange))
            answer_exchange_with_error(service, exchange, ERROR_ISSUER_UNAVAILABLE);
        else if (all)
            give_up(service, exchange);
    }
    policies_partition_lost(service, partition);
}

void dispatch_partition_lost(struct service *service, uint16_t partition)
{
    lose(service, partition, false);
}

void dispatch_on_restart(void *arg, uint16_t partition)
{
    lose(arg, partition, true);
}

void dispatch_expire(struct service *service)
{
    int64_t latest_us = service_now_us(service) - options_request_timeout_ms(service->options) * 1000;
    while (service->exchanges.oldest != NULL && service->exchanges.oldest->begun_us <= latest_us)
        give_up(service, service->exchanges.oldest);
}
