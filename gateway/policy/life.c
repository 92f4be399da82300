#include "gateway/policy/life.h"

#include <stdlib.h>

#include "gateway/policy/fetching.h"
#include "gateway/policy/reports.h"
#include "shared/error.h"

struct policies *policies_create(struct service *service, struct policy_board *board, bool subscribes)
{
    const struct options *options = service->options;
    struct policies *policies = calloc(1, sizeof *policies);
    CHECK(policies != NULL);
    policies->board = board;
    policies->ttl_us = options->gateway_policy_ttl_ms * 1000;
    policies->timeout_us = options_request_timeout_ms(options) * 1000;
    policies->cache = policy_cache_create(POLICY_CACHE_ENTRIES, policies->ttl_us);
    policies->redis_events =
        (struct policy_redis_events){policies_on_redis_result, policies_on_redis_news, policies_on_redis_gap, service};
    if (policies->ttl_us > 0 && options->gateway_redis[0] != '\0')
        policies->redis = policy_redis_create(options, subscribes, policy_board_nonce(board), &policies->redis_events,
                                              service->metrics, service->connections->uv);
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

void policies_flush(struct service *service)
{
    if (service->policies->redis != NULL)
        policy_redis_flush(service->policies->redis);
}

void policies_tick(struct service *service)
{
    int64_t latest_us = service_now_us(service) - service->policies->timeout_us;
    if (service->policies->redis != NULL)
        policy_redis_tick(service->policies->redis);
    for (size_t i = 0; i < POLICY_FETCHES; i++) {
        struct policy_fetch *fetch = &service->policies->fetches.places[i];
        if (fetch->stage == FETCH_ISSUER && fetch->asked_us <= latest_us)
            policies_fail_fetch(service, fetch, ERROR_OUTCOME_UNKNOWN);
    }
}
