#include "gateway/policy/watching.h"

#include <string.h>

#include "gateway/policy/fetching.h"

#define FRESH_US POLICY_UNKNOWN_TTL_US /* a stream does not begin with anything older */

static struct span id_of(const struct exchange *exchange)
{
    return (struct span){exchange->coupon_id, exchange->coupon_id_length};
}

static uint16_t partition_of(const struct service *service, struct span id)
{
    return coupon_partition(id.at, id.length, service->partitions);
}

/* Its question's place is taken, so that the exchange asks on its own. */
static void ask_alone(struct service *service, struct exchange *exchange, uint16_t partition)
{
    struct frame_coupon_request *record = NULL;
    if (!service_may_ask(service, partition)) {
        answer_exchange_with_error(service, exchange, ERROR_ISSUER_UNAVAILABLE);
        return;
    }
    exchange_wait(&service->exchanges, exchange, 1ull << partition, service_now_us(service));
    record = partition_link_add_coupon(service->links[partition], exchange->begun_us, service_until_us(service));
    record->tag = exchange_tag(exchange);
    record->op = COUPON_GET;
    record->coupon.id_length = exchange->coupon_id_length;
    memcpy(record->coupon.id, exchange->coupon_id, exchange->coupon_id_length);
}

void policies_find_watched(struct service *service, struct exchange *exchange)
{
    struct policies *policies = service->policies;
    struct span id = id_of(exchange);
    int64_t now_us = service_now_us(service);
    int64_t changed_us = policy_board_changed_us(policies->board, policy_hash(id));
    int64_t after_us = changed_us > now_us - FRESH_US ? changed_us : now_us - FRESH_US;
    const struct policy_entry *entry = policy_cache_newer(policies->cache, id, now_us, after_us);
    struct policy_fetch *fetch = policy_fetch_place(&policies->fetches, id);
    if (entry != NULL) {
        policies_count_read(service, METRIC_POLICY_LOCAL, 1);
        policies_answer_watched(service, exchange, entry);
    } else if (fetch->stage != FETCH_IDLE && !policy_fetch_serves(fetch, id, changed_us)) {
        ask_alone(service, exchange, partition_of(service, id));
    } else if (fetch->stage == FETCH_IDLE && !policies_begin_fetch(service, fetch, id, FRESH_US)) {
        answer_exchange_with_error(service, exchange, ERROR_ISSUER_UNAVAILABLE);
    } else {
        exchange_wait(&service->exchanges, exchange, 1ull << fetch->partition, now_us);
        policy_fetch_wait(fetch, exchange_tag(exchange));
    }
}

const struct policy_entry *policies_newer(struct service *service, struct span id, int64_t after_us)
{
    return policy_cache_newer(service->policies->cache, id, service_now_us(service), after_us);
}

bool policies_ask(struct service *service, struct span id, int64_t age_us)
{
    struct policy_fetch *fetch = policy_fetch_place(&service->policies->fetches, id);
    if (fetch->stage != FETCH_IDLE)
        return span_equals(policy_fetch_id(fetch), id);
    return policies_begin_fetch(service, fetch, id, age_us);
}
