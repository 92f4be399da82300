#include "gateway/policy/fetching.h"

#include <string.h>

#include "gateway/policy/page.h"

/* After a change, reads go to the issuer until every older value in Redis has expired. */
#define REDIS_BYPASS_US 1000000 /* beyond the TTL */

/* --- answers --- */

void policies_answer_entry(const struct answer *answer, const struct policy_entry *entry, const char *if_match,
                           const char *if_none_match)
{
    struct service *service = answer->service;
    int64_t now_us = service_now_us(service);
    if (!entry->known) {
        answer_error(answer, ERROR_COUPON_NOT_FOUND, NULL);
        return;
    }
    struct policy_page page = {
        .coupon_id = {entry->coupon->id, strlen(entry->coupon->id)},
        .body = {entry->body.data, entry->body.length},
        .version = entry->coupon->journal_seq,
        .etag = entry->etag,
        .age_us = now_us > entry->asked_us ? now_us - entry->asked_us : 0,
        .ttl_us = service->policies->ttl_us,
        .until_change_us = policy_until_change_us(entry->coupon, policy_entry_issuer_us(entry, now_us)),
    };
    if (policy_page_passes(if_match, &page))
        answer_end(answer, policy_page_write(answer->out, &service->clock, answer->style, &page, if_none_match));
    else
        answer_error(answer, ERROR_STALE_VERSION, NULL);
}

void policies_answer_watched(struct service *service, struct exchange *exchange, const struct policy_entry *entry)
{
    if (entry->known)
        service->policies->on_watched(service, exchange, entry);
    else
        answer_exchange_with_error(service, exchange, ERROR_COUPON_NOT_FOUND);
}

/* --- fetches --- */

void policies_ask_issuer(struct service *service, struct policy_fetch *fetch)
{
    struct frame_coupon_request *record = NULL;
    fetch->stage = FETCH_ISSUER;
    fetch->asked_us = service_now_us(service);
    record = partition_link_add_coupon(service->links[fetch->partition], fetch->asked_us, service_until_us(service));
    record->tag = policy_fetch_tag(&service->policies->fetches, fetch);
    record->op = COUPON_GET;
    record->coupon.id_length = fetch->id_length;
    memcpy(record->coupon.id, fetch->id, fetch->id_length);
}

/* Queries Redis if possible: not for a while after a change, because it may still have the old value, and not before
 * the issuer's clock is known, from which the age of the value follows. */
static bool ask_redis(struct service *service, struct policy_fetch *fetch)
{
    struct policies *policies = service->policies;
    struct span id = policy_fetch_id(fetch);
    int64_t now_us = service_now_us(service);
    int64_t changed_us = policy_board_coupon_changed_us(policies->board, policy_hash(id));
    if (policies->redis == NULL || changed_us > now_us - policies->ttl_us - REDIS_BYPASS_US)
        return false;
    if (policies_issuer_now_us(policies, fetch->partition) == 0)
        return false;
    if (!policy_redis_ask(policies->redis, id, policy_fetch_tag(&policies->fetches, fetch)))
        return false;
    fetch->stage = FETCH_REDIS;
    fetch->asked_us = now_us;
    return true;
}

void policies_fail_fetch(struct service *service, struct policy_fetch *fetch, enum error_code code)
{
    for (size_t i = 0; i < fetch->waiters_count; i++) {
        struct exchange *exchange = exchange_find(&service->exchanges, fetch->waiters[i]);
        if (exchange != NULL)
            answer_exchange_with_error(service, exchange, code);
    }
    policy_fetch_end(fetch);
}

static void answer_waiter(struct service *service, struct exchange *exchange, const struct policy_entry *entry)
{
    if (exchange->kind == EXCHANGE_LIVE) {
        policies_answer_watched(service, exchange, entry);
        return;
    }
    struct answer answer = answer_begin(service, exchange);
    policies_answer_entry(&answer, entry, exchange->if_match, exchange->if_none_match);
}

/* The read that started the fetch counts for `source`, the others as local. */
void policies_answer_fetch(struct service *service, struct policy_fetch *fetch, const struct policy_entry *entry,
                           enum metric_policy_source source)
{
    uint64_t answered = 0;
    for (size_t i = 0; i < fetch->waiters_count; i++) {
        struct exchange *exchange = exchange_find(&service->exchanges, fetch->waiters[i]);
        if (exchange == NULL)
            continue;
        answer_waiter(service, exchange, entry);
        answered++;
    }
    policies_count_read(service, source, 1);
    if (answered > 1)
        policies_count_read(service, METRIC_POLICY_LOCAL, answered - 1);
    policy_fetch_end(fetch);
}

bool policies_begin_fetch(struct service *service, struct policy_fetch *fetch, struct span id, int64_t age_us)
{
    uint16_t partition = coupon_partition(id.at, id.length, service->partitions);
    policy_fetch_begin(fetch, id, partition);
    fetch->age_us = age_us < service->policies->ttl_us ? age_us : service->policies->ttl_us;
    if (ask_redis(service, fetch))
        return true;
    if (!service_may_ask(service, partition))
        return false;
    policies_ask_issuer(service, fetch);
    return true;
}
