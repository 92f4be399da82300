#include "gateway/policy/reports.h"

#include <string.h>

#include "gateway/policy/fetching.h"
#include "gateway/policy/page.h"
#include "gateway/policy/value.h"
#include "gateway/service/answer.h"
#include "shared/clock.h"

#define REDIS_AHEAD_US 1000000 /* values from further in the future are invalid; clocks differ by less */

/* --- reports of the issuer --- */

static const struct policy_entry *keep(struct service *service, struct span id, const struct coupon *coupon,
                                       int64_t asked_us, int64_t issuer_us)
{
    struct policy_report report = {
        .id = id,
        .coupon = coupon,
        .from_issuer = true,
        .asked_us = asked_us,
        .reported_us = clock_mono_us(),
        .issuer_us = issuer_us,
    };
    return policy_cache_put(service->policies->cache, &report, service_now_us(service));
}

/* True when the reply contains this coupon; reads it into `coupon`. */
static bool bears(const struct frame_coupon_reply *reply, struct span id, struct coupon *coupon)
{
    return reply->verdict == VERDICT_FOUND && policies_is_time(reply->now_us) && frame_coupon_whole(&reply->coupon) &&
           frame_coupon_read(&reply->coupon, coupon) && span_equals((struct span){coupon->id, strlen(coupon->id)}, id);
}

/* Stores the coupon for the other gateways, and notifies them of a change. */
static void share(struct service *service, const struct coupon *coupon, int64_t issuer_us, bool changed)
{
    struct policy_redis *redis = service->policies->redis;
    if (redis == NULL)
        return;
    policy_redis_store(redis, coupon, issuer_us);
    if (changed)
        policy_redis_announce(redis, (struct span){coupon->id, strlen(coupon->id)});
}

static void fetch_makes_no_sense(struct service *service, struct policy_fetch *fetch)
{
    metrics_add(service->metrics, METRIC_GATEWAY_FRAMES_DROPPED, METRIC_DROP_MALFORMED, 1);
    policies_fail_fetch(service, fetch, ERROR_OUTCOME_UNKNOWN);
}

static void take_fetch_reply(struct service *service, struct policy_fetch *fetch,
                             const struct frame_coupon_reply *reply)
{
    const struct policy_entry *entry = NULL;
    if (reply->verdict == VERDICT_LATE) {
        policies_fail_fetch(service, fetch, ERROR_ISSUER_UNAVAILABLE);
        return;
    }
    struct coupon coupon;
    if (bears(reply, policy_fetch_id(fetch), &coupon)) {
        entry = keep(service, policy_fetch_id(fetch), &coupon, fetch->asked_us, reply->now_us);
        share(service, &coupon, reply->now_us, false);
    } else if (reply->verdict == VERDICT_COUPON_NOT_FOUND) {
        entry = keep(service, policy_fetch_id(fetch), NULL, fetch->asked_us, reply->now_us);
    }
    if (entry == NULL)
        fetch_makes_no_sense(service, fetch);
    else
        policies_answer_fetch(service, fetch, entry, METRIC_POLICY_ISSUER);
}

static void outdate(struct service *service, struct span id)
{
    policy_board_change(service->policies->board, policy_hash(id), clock_mono_us());
    metrics_add(service->metrics, METRIC_GATEWAY_POLICY_CHANGES, 0, 1);
}

void policies_changed(struct service *service, struct span id)
{
    outdate(service, id);
    if (service->policies->redis != NULL)
        policy_redis_announce(service->policies->redis, id);
}

static void take_change(struct service *service, const struct frame_coupon_reply *reply)
{
    struct coupon coupon;
    if (!frame_coupon_whole(&reply->coupon) || !frame_coupon_read(&reply->coupon, &coupon))
        return;
    outdate(service, (struct span){coupon.id, strlen(coupon.id)});
    share(service, &coupon, reply->now_us, true);
}

bool policies_take_reply(struct service *service, uint16_t partition, const struct frame_coupon_reply *reply)
{
    struct policy_fetch *fetch = policy_fetch_find(&service->policies->fetches, reply->tag);
    policies_note_time(service->policies, partition, reply->now_us);
    if (reply->verdict == VERDICT_COUPON_CREATED || reply->verdict == VERDICT_COUPON_CHANGED)
        take_change(service, reply);
    if (fetch != NULL && fetch->stage == FETCH_ISSUER && fetch->partition == partition)
        take_fetch_reply(service, fetch, reply);
    else if (policy_fetch_is_tag(reply->tag))
        metrics_add(service->metrics, METRIC_GATEWAY_REPLIES_LATE, 0, 1);
    return policy_fetch_is_tag(reply->tag);
}

static bool answer_watched(struct service *service, struct exchange *exchange, const struct frame_coupon_reply *reply)
{
    struct span id = {exchange->coupon_id, exchange->coupon_id_length};
    struct coupon coupon;
    if (!bears(reply, id, &coupon))
        return false;
    policies_count_read(service, METRIC_POLICY_ISSUER, 1);
    policies_answer_watched(service, exchange, keep(service, id, &coupon, exchange->begun_us, reply->now_us));
    return true;
}

/* Caches the coupon for other clients, too. */
bool policies_answer(struct service *service, struct exchange *exchange, const struct frame_coupon_reply *reply)
{
    struct span id = {exchange->coupon_id, exchange->coupon_id_length};
    struct policy_page page = {.ttl_us = service->policies->ttl_us};
    struct coupon coupon;
    if (exchange->kind == EXCHANGE_LIVE)
        return answer_watched(service, exchange, reply);
    if (exchange->kind != EXCHANGE_COUPON || exchange->op != COUPON_GET || !bears(reply, id, &coupon))
        return false;
    if (service->policies->ttl_us > 0)
        keep(service, id, &coupon, exchange->begun_us, reply->now_us);
    policies_count_read(service, METRIC_POLICY_ISSUER, 1);
    page.coupon_id = id;
    page.version = coupon.journal_seq;
    page.etag = policy_page_render(&service->scratch, &coupon, reply->now_us);
    page.body = (struct span){service->scratch.data, service->scratch.length};
    page.until_change_us = policy_until_change_us(&coupon, reply->now_us);
    struct answer answer = answer_begin(service, exchange);
    if (policy_page_passes(exchange->if_match, &page))
        answer_end(&answer,
                   policy_page_write(answer.out, &service->clock, answer.style, &page, exchange->if_none_match));
    else
        answer_error(&answer, ERROR_STALE_VERSION, NULL);
    buffer_clear(&service->scratch, 0);
    return true;
}

/* Refreshes the entry so that further early requests are refused locally; no exchange waits for this fetch. */
static void refresh(struct service *service, const struct exchange *exchange)
{
    struct policies *policies = service->policies;
    struct span id = {exchange->coupon_id, exchange->coupon_id_length};
    struct policy_fetch *fetch = policy_fetch_place(&policies->fetches, id);
    uint16_t partition = coupon_partition(id.at, id.length, service->partitions);
    int64_t changed_us = policy_board_changed_us(policies->board, policy_hash(id));
    if (fetch->stage != FETCH_IDLE || !service_partition_up(service, partition))
        return;
    if (!policy_cache_is_recent(policies->cache, id, service_now_us(service), changed_us)) {
        policy_fetch_begin(fetch, id, partition);
        policies_ask_issuer(service, fetch);
    }
}

void policies_on_issue_reply(struct service *service, uint16_t partition, const struct exchange *exchange,
                             const struct frame_issue_reply *reply)
{
    policies_note_time(service->policies, partition, reply->now_us);
    if (service->policies->ttl_us == 0 || exchange->kind != EXCHANGE_ISSUE)
        return;
    if (reply->verdict == VERDICT_NOT_STARTED)
        refresh(service, exchange);
    else if (reply->verdict == VERDICT_COUPON_NOT_FOUND)
        keep(service, (struct span){exchange->coupon_id, exchange->coupon_id_length}, NULL, exchange->begun_us,
             reply->now_us);
}

/* --- values of Redis --- */

/* Caches a value from Redis. NULL when it is invalid, too old, or older than a change. */
static const struct policy_entry *cache_value(struct service *service, const struct policy_fetch *fetch,
                                              struct span bytes)
{
    struct policies *policies = service->policies;
    struct policy_report report = {.id = policy_fetch_id(fetch)};
    struct coupon coupon;
    int64_t age_us = 0;
    if (policy_value_read(bytes, report.id, &coupon, &report.issuer_us))
        age_us = policies_issuer_now_us(policies, fetch->partition) - report.issuer_us;
    else
        age_us = -REDIS_AHEAD_US - 1;
    if (age_us < -REDIS_AHEAD_US) {
        metrics_add(service->metrics, METRIC_GATEWAY_REDIS_ERRORS, METRIC_REDIS_GARBAGE, 1);
        return NULL;
    }
    age_us = age_us < 0 ? 0 : age_us;
    report.coupon = &coupon;
    report.asked_us = report.reported_us = clock_mono_us() - age_us;
    if (age_us >= fetch->age_us || report.asked_us <= policy_board_changed_us(policies->board, policy_hash(report.id)))
        return NULL;
    return policy_cache_put(policies->cache, &report, service_now_us(service));
}

void policies_on_redis_result(void *arg, uint64_t tag, struct span bytes)
{
    struct service *service = arg;
    struct policy_fetch *fetch = policy_fetch_find(&service->policies->fetches, tag);
    const struct policy_entry *entry = NULL;
    if (fetch == NULL || fetch->stage != FETCH_REDIS)
        return;
    if (bytes.at != NULL)
        entry = cache_value(service, fetch, bytes);
    if (entry != NULL)
        policies_answer_fetch(service, fetch, entry, METRIC_POLICY_REDIS);
    else if (service_may_ask(service, fetch->partition))
        policies_ask_issuer(service, fetch);
    else
        policies_fail_fetch(service, fetch, ERROR_ISSUER_UNAVAILABLE);
}

void policies_on_redis_news(void *arg, struct span id)
{
    outdate(arg, id);
}

void policies_on_redis_gap(void *arg)
{
    struct service *service = arg;
    policy_board_change_all(service->policies->board, clock_mono_us());
}

/* --- no reply --- */

bool policies_waits(struct service *service, uint64_t tag)
{
    return policy_fetch_find(&service->policies->fetches, tag) != NULL;
}

void policies_on_unsent(struct service *service, uint64_t tag)
{
    struct policy_fetch *fetch = policy_fetch_find(&service->policies->fetches, tag);
    if (fetch != NULL)
        policies_fail_fetch(service, fetch, ERROR_ISSUER_UNAVAILABLE);
}

void policies_partition_lost(struct service *service, uint16_t partition)
{
    for (size_t i = 0; i < POLICY_FETCHES; i++) {
        struct policy_fetch *fetch = &service->policies->fetches.places[i];
        if (fetch->stage == FETCH_ISSUER && fetch->partition == partition)
            policies_fail_fetch(service, fetch, ERROR_ISSUER_UNAVAILABLE);
    }
}
