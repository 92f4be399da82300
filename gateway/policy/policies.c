#include "gateway/policy/policies.h"

#include <stdlib.h>

#include "gateway/dispatch/private.h"
#include "gateway/policy/page.h"
#include "gateway/policy/policies_private.h"
#include "shared/error.h"

/* ---- life ---- */

struct policies *policies_create(struct gateway_loop *loop, struct policy_board *board, bool hears)
{
    const struct options *options = loop->options;
    struct policies *policies = calloc(1, sizeof(*policies));

    CHECK(policies != NULL);
    policies->board = board;
    policies->ttl_us = options->gateway_policy_ttl_ms * 1000;
    policies->timeout_us = options->gateway_issuer_timeout_ms * 1000;
    if (policies->ttl_us > 0)
        policies->cache = policy_cache_create(POLICY_CACHE_ENTRIES, policies->ttl_us);
    policies->redis_events =
        (struct policy_redis_events){policies_on_redis_told, policies_on_redis_news, policies_on_redis_gap, loop};
    if (policies->cache != NULL && options->gateway_redis[0] != '\0')
        policies->redis = policy_redis_create(options, hears, policy_board_nonce(board), &policies->redis_events,
                                              loop->metrics, &loop->uv);
    return policies;
}

void policies_end(struct policies *policies)
{
    if (policies->redis != NULL)
        policy_redis_end(policies->redis);
}

void policies_destroy(struct policies **policies)
{
    struct policies *self = *policies;

    if (self == NULL)
        return;
    policy_redis_destroy(&self->redis);
    policy_fetches_deinit(&self->fetches);
    policy_cache_destroy(&self->cache);
    free(self);
    *policies = NULL;
}

/* ---- answers ---- */

void policies_count_read(struct gateway_loop *loop, enum metric_policy_source source, uint64_t times)
{
    metrics_add(loop->metrics, METRIC_GATEWAY_POLICY_READS, source, times);
}

static void answer_entry(const struct answer *answer, const struct policy_entry *entry, const char *if_match,
                         struct span if_none_match)
{
    struct gateway_loop *loop = answer->loop;
    int64_t now_us = gateway_loop_now_us(loop);
    struct policy_page page;

    if (!entry->known) {
        answer_error(answer, ERROR_COUPON_NOT_FOUND, NULL);
        return;
    }
    page = (struct policy_page){
        .coupon_id = {entry->coupon->id, strlen(entry->coupon->id)},
        .body = {entry->body.data, entry->body.length},
        .version = entry->coupon->journal_seq,
        .etag = entry->etag,
        .age_us = now_us > entry->asked_us ? now_us - entry->asked_us : 0,
        .ttl_us = loop->policies->ttl_us,
        .until_change_us = policy_until_change_us(entry->coupon, policy_entry_issuer_us(entry, now_us)),
    };
    if (policy_page_passes(if_match, &page))
        answer_end(answer, policy_page_write(answer->out, &loop->clock, answer->style, &page, if_none_match));
    else
        answer_error(answer, ERROR_STALE_VERSION, NULL);
}

struct span policies_condition_of(const struct exchange *exchange)
{
    if (exchange->if_none_match == NULL)
        return SPAN_NONE;
    return (struct span){exchange->if_none_match, strlen(exchange->if_none_match)};
}

/* ---- fetches ---- */

void policies_ask_issuer(struct gateway_loop *loop, struct policy_fetch *fetch)
{
    struct frame_coupon_request *record = NULL;

    fetch->stage = FETCH_ISSUER;
    fetch->asked_us = gateway_loop_now_us(loop);
    record = issuer_link_add_coupon(loop->links[fetch->partition], fetch->asked_us, dispatch_until_us(loop));
    record->tag = policy_fetch_tag(&loop->policies->fetches, fetch);
    record->op = COUPON_GET;
    record->coupon.id_length = fetch->id_length;
    memcpy(record->coupon.id, fetch->id, fetch->id_length);
}

/* Whether Redis can be asked: not for a while after a change, since it may still have what was before; and not before
 * the issuer has told its time, by which the age of what Redis has is known. */
static bool ask_redis(struct gateway_loop *loop, struct policy_fetch *fetch)
{
    struct policies *policies = loop->policies;
    struct span id = policy_fetch_id(fetch);
    int64_t now_us = gateway_loop_now_us(loop);
    int64_t changed_us = policy_board_coupon_changed_us(policies->board, policy_hash(id));

    if (policies->redis == NULL || changed_us > now_us - policies->ttl_us - REDIS_PASSED_BY_US)
        return false;
    if (policies_issuer_now_us(policies, fetch->partition) == 0)
        return false;
    if (!policy_redis_ask(policies->redis, id, policy_fetch_tag(&policies->fetches, fetch)))
        return false;
    fetch->stage = FETCH_REDIS;
    fetch->asked_us = now_us;
    return true;
}

void policies_fail_fetch(struct gateway_loop *loop, struct policy_fetch *fetch, enum error_code code)
{
    for (size_t i = 0; i < fetch->waiters_count; i++) {
        struct exchange *exchange = exchange_find(&loop->exchanges, fetch->waiters[i]);
        if (exchange != NULL)
            answer_exchange_with_error(loop, exchange, code);
    }
    policy_fetch_end(fetch);
}

/* The first of those who wait has asked; the others were told for nothing. */
void policies_answer_fetch(struct gateway_loop *loop, struct policy_fetch *fetch, const struct policy_entry *entry,
                           enum metric_policy_source source)
{
    uint64_t answered = 0;

    for (size_t i = 0; i < fetch->waiters_count; i++) {
        struct exchange *exchange = exchange_find(&loop->exchanges, fetch->waiters[i]);
        struct answer answer;
        if (exchange == NULL)
            continue;
        answer = answer_begin(loop, exchange);
        answer_entry(&answer, entry, exchange->if_match, policies_condition_of(exchange));
        answered++;
    }
    policies_count_read(loop, source, 1);
    if (answered > 1)
        policies_count_read(loop, METRIC_POLICY_LOCAL, answered - 1);
    policy_fetch_end(fetch);
}

/* ---- reads ---- */

static void wait_for_fetch(struct connection *connection, const struct http_request *request,
                           const struct api_call *call, struct policy_fetch *fetch)
{
    struct exchange *exchange = dispatch_begin_exchange(connection, request, call->route, 1ull << fetch->partition);

    if (exchange == NULL)
        return;
    exchange->kind = EXCHANGE_COUPON;
    exchange->op = COUPON_GET;
    exchange->if_match = dispatch_if_match(request);
    if (request->if_none_match.at != NULL)
        exchange->if_none_match = strndup(request->if_none_match.at, request->if_none_match.length);
    policy_fetch_wait(fetch, exchange_tag(exchange));
}

/* True when who asks now may be told what this fetch brings. */
static bool may_join(const struct policy_fetch *fetch, struct span id, int64_t changed_us)
{
    return fetch->stage != FETCH_IDLE && span_equals(policy_fetch_id(fetch), id) && fetch->asked_us > changed_us;
}

/* False when there is nobody to ask. */
static bool begin_fetch(struct gateway_loop *loop, struct policy_fetch *fetch, struct span id)
{
    uint16_t partition = coupon_partition(id.at, id.length, loop->partitions);

    policy_fetch_begin(fetch, id, partition);
    if (ask_redis(loop, fetch))
        return true;
    if (!dispatch_partition_up(loop, partition))
        return false;
    policies_ask_issuer(loop, fetch);
    return true;
}

/* False when the coupon's place is taken. */
static bool join_or_begin(struct connection *connection, const struct http_request *request,
                          const struct api_call *call, int64_t changed_us)
{
    struct gateway_loop *loop = connection->loop;
    struct policy_fetch *fetch = policy_fetch_place(&loop->policies->fetches, call->coupon_id);

    if (fetch->stage != FETCH_IDLE && !may_join(fetch, call->coupon_id, changed_us))
        return false;
    if (fetch->stage == FETCH_IDLE && !begin_fetch(loop, fetch, call->coupon_id)) {
        dispatch_answer_code(connection, request, call->route, ERROR_ISSUER_UNAVAILABLE);
        return true;
    }
    wait_for_fetch(connection, request, call, fetch);
    return true;
}

bool policies_read(struct connection *connection, const struct http_request *request, const struct api_call *call)
{
    struct gateway_loop *loop = connection->loop;
    struct policies *policies = loop->policies;
    const struct policy_entry *entry = NULL;
    struct answer answer;
    char *if_match = NULL;
    int64_t changed_us = 0;

    if (policies->cache == NULL || request->no_cache)
        return false;
    changed_us = policy_board_changed_us(policies->board, policy_hash(call->coupon_id));
    entry = policy_cache_find(policies->cache, call->coupon_id, gateway_loop_now_us(loop), changed_us);
    if (entry == NULL)
        return join_or_begin(connection, request, call, changed_us);
    policies_count_read(loop, METRIC_POLICY_LOCAL, 1);
    answer = dispatch_begin_local(connection, request, call->route);
    if_match = dispatch_if_match(request);
    answer_entry(&answer, entry, if_match, request->if_none_match);
    free(if_match);
    return true;
}

/* ---- refusals ---- */

/*
 * Only what the issuer told this very thread refuses anybody; what came through Redis never does. A lookup is always
 * the issuer's.
 */
bool policies_refuse(struct connection *connection, const struct http_request *request, const struct api_call *call)
{
    struct gateway_loop *loop = connection->loop;
    struct policies *policies = loop->policies;
    struct policy_start start = {0};
    struct answer answer;
    int64_t changed_us = 0;
    enum error_code code = ERROR_CODE_COUNT;

    if (policies->cache == NULL || call->issue_op == ISSUE_LOOKUP ||
        !policy_cache_refuses(policies->cache, gateway_loop_now_us(loop)))
        return false;
    changed_us = policy_board_changed_us(policies->board, policy_hash(call->coupon_id));
    code = policy_cache_refusal(policies->cache, call->coupon_id, gateway_loop_now_us(loop), changed_us, &start);
    if (code == ERROR_CODE_COUNT)
        return false;
    metrics_add(loop->metrics, METRIC_GATEWAY_POLICY_REFUSALS, 0, 1);
    answer = dispatch_begin_local(connection, request, call->route);
    answer_error(&answer, code,
                 &(struct problem_extras){.retry_after_s = start.in_s, .starts_at_us = start.starts_at_us});
    return true;
}
