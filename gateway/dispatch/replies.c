#include "gateway/api/listing.h"
#include "gateway/connection/answer.h"
#include "gateway/dispatch/dispatch.h"
#include "gateway/dispatch/private.h"
#include "gateway/dispatch/verdicts.h"
#include "gateway/gateway_loop.h"
#include "gateway/policy/policies.h"
#include "shared/telemetry/log.h"

/* The exchange that waits for this reply; NULL, and counted, when nobody does (any more). */
static struct exchange *find_waiting(struct gateway_loop *loop, uint16_t partition, uint64_t tag)
{
    struct exchange *exchange = exchange_find(&loop->exchanges, tag);

    if (exchange != NULL && (exchange->waiting & (1ull << partition)) != 0)
        return exchange;
    metrics_add(loop->metrics, METRIC_GATEWAY_REPLIES_LATE, 0, 1);
    return NULL;
}

void dispatch_answer_nonsense(struct gateway_loop *loop, const struct answer *answer, uint16_t partition,
                              unsigned verdict)
{
    metrics_add(loop->metrics, METRIC_GATEWAY_FRAMES_DROPPED, METRIC_DROP_MALFORMED, 1);
    log_debug("gateway", "a reply of the issuer makes no sense partition=%u verdict=%u", partition, verdict);
    answer_error(answer, ERROR_OUTCOME_UNKNOWN, NULL);
}

void dispatch_on_issue_reply(void *arg, uint16_t partition, const struct frame_issue_reply *reply)
{
    struct gateway_loop *loop = arg;
    struct exchange *exchange = find_waiting(loop, partition, reply->tag);
    struct answer answer;
    int status = 0;

    if (exchange == NULL)
        return;
    policies_on_issue_reply(loop, partition, exchange, reply);
    answer = answer_begin(loop, exchange);
    if (exchange->kind == EXCHANGE_ISSUE)
        status = verdict_answer_issue(answer.out, &loop->clock, answer.style, exchange, reply);
    if (status != 0)
        answer_end(&answer, status);
    else
        dispatch_answer_nonsense(loop, &answer, partition, reply->verdict);
}

static void finish_listing(struct gateway_loop *loop, struct exchange *exchange)
{
    struct answer answer = answer_begin(loop, exchange);
    struct reply reply = {.status = 200, .type = REPLY_JSON};

    listing_json_append(exchange->listing, &loop->scratch);
    reply.body = loop->scratch.data;
    reply.body_length = loop->scratch.length;
    reply_write(answer.out, &loop->clock, answer.style, &reply);
    buffer_clear(&loop->scratch, 0);
    answer_end(&answer, 200);
}

static bool take_listed(struct exchange *exchange, uint16_t partition, const struct frame_coupon_reply *reply)
{
    struct coupon coupon;

    return reply->verdict == VERDICT_FOUND && frame_coupon_whole(&reply->coupon) &&
           frame_coupon_read(&reply->coupon, &coupon) &&
           listing_add(exchange->listing, partition, &coupon, reply->now_us);
}

/* One coupon of one partition's page, or its only reply when it has none. */
static void on_listed(struct gateway_loop *loop, struct exchange *exchange, uint16_t partition,
                      const struct frame_coupon_reply *reply)
{
    struct answer answer;

    if (reply->verdict == VERDICT_LATE) {
        answer_exchange_with_error(loop, exchange, ERROR_ISSUER_UNAVAILABLE);
        return;
    }
    if (reply->verdict != VERDICT_NONE && !take_listed(exchange, partition, reply)) {
        answer = answer_begin(loop, exchange);
        dispatch_answer_nonsense(loop, &answer, partition, reply->verdict);
        return;
    }
    if (reply->remaining != 0)
        return;
    if (exchange->waiting == 1ull << partition)
        finish_listing(loop, exchange);
    else
        exchange->waiting &= ~(1ull << partition);
}

static void on_coupon(struct gateway_loop *loop, struct exchange *exchange, uint16_t partition,
                      const struct frame_coupon_reply *reply)
{
    struct answer answer;
    int status = 0;

    if (policies_answer(loop, exchange, reply))
        return;
    answer = answer_begin(loop, exchange);
    if (exchange->kind == EXCHANGE_COUPON)
        status = verdict_answer_coupon(answer.out, &loop->clock, answer.style, reply);
    if (status != 0)
        answer_end(&answer, status);
    else
        dispatch_answer_nonsense(loop, &answer, partition, reply->verdict);
}

void dispatch_on_coupon_reply(void *arg, uint16_t partition, const struct frame_coupon_reply *reply)
{
    struct gateway_loop *loop = arg;
    struct exchange *exchange = NULL;

    if (policies_take_reply(loop, partition, reply))
        return;
    exchange = find_waiting(loop, partition, reply->tag);
    if (exchange == NULL)
        return;
    if (exchange->kind == EXCHANGE_LIST)
        on_listed(loop, exchange, partition, reply);
    else
        on_coupon(loop, exchange, partition, reply);
}

/* ---- no reply ---- */

void dispatch_on_unsent(void *arg, uint16_t partition, uint64_t tag)
{
    struct gateway_loop *loop = arg;
    struct exchange *exchange = exchange_find(&loop->exchanges, tag);

    (void)partition;
    policies_on_unsent(loop, tag);
    if (exchange != NULL)
        answer_exchange_with_error(loop, exchange, ERROR_ISSUER_UNAVAILABLE);
}

/* Nobody knows what became of it: a change may have been made. */
static void give_up(struct gateway_loop *loop, struct exchange *exchange)
{
    if (exchange->kind == EXCHANGE_COUPON && exchange->op != COUPON_GET)
        policies_changed(loop, (struct span){exchange->coupon_id, exchange->coupon_id_length});
    answer_exchange_with_error(loop, exchange, ERROR_OUTCOME_UNKNOWN);
}

static bool only_looks(const struct exchange *exchange)
{
    return exchange->kind == EXCHANGE_LIST || (exchange->kind == EXCHANGE_ISSUE && exchange->op == ISSUE_LOOKUP) ||
           (exchange->kind == EXCHANGE_COUPON && exchange->op == COUPON_GET);
}

static void lose(struct gateway_loop *loop, uint16_t partition, bool all)
{
    struct exchange *next = NULL;

    for (struct exchange *exchange = loop->exchanges.oldest; exchange != NULL; exchange = next) {
        next = exchange->newer;
        if ((exchange->waiting & (1ull << partition)) == 0)
            continue;
        if (only_looks(exchange))
            answer_exchange_with_error(loop, exchange, ERROR_ISSUER_UNAVAILABLE);
        else if (all)
            give_up(loop, exchange);
    }
    policies_partition_lost(loop, partition);
}

void dispatch_partition_lost(struct gateway_loop *loop, uint16_t partition)
{
    lose(loop, partition, false);
}

void dispatch_on_restart(void *arg, uint16_t partition)
{
    lose(arg, partition, true);
}

void dispatch_expire(struct gateway_loop *loop)
{
    int64_t latest_us = gateway_loop_now_us(loop) - loop->options->gateway_issuer_timeout_ms * 1000;

    while (loop->exchanges.oldest != NULL && loop->exchanges.oldest->begun_us <= latest_us)
        give_up(loop, loop->exchanges.oldest);
}
