#include "gateway/policy/requests.h"

#include <stdlib.h>
#include <string.h>

#include "gateway/policy/fetching.h"
#include "gateway/service/answer.h"

/* --- reads --- */

static void wait_for_fetch(struct service *service, struct connection *connection, const struct http_request *request,
                           const struct api_call *call, struct policy_fetch *fetch)
{
    struct exchange *exchange =
        answer_exchange_waiting(service, connection, request, call->route, 1ull << fetch->partition);
    if (exchange == NULL)
        return;
    exchange->kind = EXCHANGE_COUPON;
    exchange->op = COUPON_GET;
    exchange->if_match = http_request_if_match(request);
    exchange->if_none_match = http_request_if_none_match(request);
    policy_fetch_wait(fetch, exchange_tag(exchange));
}

/* False when another fetch occupies the coupon's slot. */
static bool join_or_begin(struct service *service, struct connection *connection, const struct http_request *request,
                          const struct api_call *call, int64_t changed_us)
{
    struct policy_fetch *fetch = policy_fetch_place(&service->policies->fetches, call->coupon_id);
    if (fetch->stage != FETCH_IDLE && !policy_fetch_serves(fetch, call->coupon_id, changed_us))
        return false;
    if (fetch->stage == FETCH_IDLE &&
        !policies_begin_fetch(service, fetch, call->coupon_id, service->policies->ttl_us)) {
        answer_local_with_error(service, connection, request, call->route, ERROR_ISSUER_UNAVAILABLE);
        return true;
    }
    wait_for_fetch(service, connection, request, call, fetch);
    return true;
}

bool policies_read(struct service *service, struct connection *connection, const struct http_request *request,
                   const struct api_call *call)
{
    struct policies *policies = service->policies;
    const struct policy_entry *entry = NULL;
    int64_t changed_us = 0;
    if (policies->ttl_us == 0 || request->no_cache)
        return false;
    changed_us = policy_board_changed_us(policies->board, policy_hash(call->coupon_id));
    entry = policy_cache_find(policies->cache, call->coupon_id, service_now_us(service), changed_us);
    if (entry == NULL)
        return join_or_begin(service, connection, request, call, changed_us);
    policies_count_read(service, METRIC_POLICY_LOCAL, 1);
    struct answer answer = answer_begin_local(service, connection, request, call->route);
    char *if_match = http_request_if_match(request);
    char *if_none_match = http_request_if_none_match(request);
    policies_answer_entry(&answer, entry, if_match, if_none_match);
    free(if_match);
    free(if_none_match);
    return true;
}

/* --- refusals --- */

/*
 * Only an entry that this thread received from the issuer refuses requests, never one from Redis. Lookups always go to
 * the issuer.
 */
bool policies_refuse(struct service *service, struct connection *connection, const struct http_request *request,
                     const struct api_call *call)
{
    struct policies *policies = service->policies;
    struct policy_start start = {0};
    int64_t changed_us = 0;
    enum error_code code = ERROR_CODE_COUNT;
    if (call->issue_op == ISSUE_LOOKUP || !policy_cache_refuses(policies->cache, service_now_us(service)))
        return false;
    changed_us = policy_board_changed_us(policies->board, policy_hash(call->coupon_id));
    code = policy_cache_refusal(policies->cache, call->coupon_id, service_now_us(service), changed_us, &start);
    if (code == ERROR_CODE_COUNT)
        return false;
    metrics_add(service->metrics, METRIC_GATEWAY_POLICY_REFUSALS, 0, 1);
    metrics_add(service->metrics, METRIC_GATEWAY_OUTCOMES,
                code == ERROR_NOT_STARTED ? METRIC_OUTCOME_NOT_STARTED : METRIC_OUTCOME_COUPON_NOT_FOUND, 1);
    struct answer answer = answer_begin_local(service, connection, request, call->route);
    answer_error(&answer, code,
                 &(struct problem_extras){.retry_after_s = start.in_s, .starts_at_us = start.starts_at_us});
    return true;
}
