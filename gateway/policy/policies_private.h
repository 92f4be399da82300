/*
 * What policy/policies.c (who looks, and who is refused) and policy/told.c (what issuer and Redis tell) share.
 */
#ifndef COUPOND_POLICIES_PRIVATE_H
#define COUPOND_POLICIES_PRIVATE_H

#include "gateway/policy/board.h"
#include "gateway/policy/cache.h"
#include "gateway/policy/fetch.h"
#include "gateway/policy/policies.h"
#include "gateway/policy/redis.h"

/* After a change it is the issuer that is asked, until all that Redis may still have from before has expired. */
#define REDIS_PASSED_BY_US 1000000 /* beyond the TTL */
#define REDIS_AHEAD_US     1000000 /* what claims to be told so far in the future is a lie; our clocks are no better */

struct policies {
    struct policy_board *board;
    struct policy_cache *cache; /* NULL: everybody asks the issuer */
    struct policy_redis *redis; /* NULL: there is none */
    struct policy_redis_events redis_events;
    int64_t ttl_us;
    int64_t timeout_us;
    int64_t issuer_ahead_us[PARTITIONS_MAX]; /* of clock_boot_us(), at the least; 0: not known yet */
    int64_t latest_ahead_us;                 /* the same, of the partition that told last */
    struct policy_fetches fetches;
};

void policies_count_read(struct gateway_loop *loop, enum metric_policy_source source, uint64_t times);
/* The If-None-Match that the exchange's request bore. */
struct span policies_condition_of(const struct exchange *exchange);

/* What the issuer's clock shows now, as far as its replies have told; 0 before the first. */
int64_t policies_issuer_now_us(const struct policies *policies, uint16_t partition);
/* Asks the issuer, now or after Redis. */
void policies_ask_issuer(struct gateway_loop *loop, struct policy_fetch *fetch);
/* Answers all who wait, and ends it. */
void policies_answer_fetch(struct gateway_loop *loop, struct policy_fetch *fetch, const struct policy_entry *entry,
                           enum metric_policy_source source);
void policies_fail_fetch(struct gateway_loop *loop, struct policy_fetch *fetch, enum error_code code);

/* The events of policy/redis.h; `arg` is the struct gateway_loop. */
void policies_on_redis_told(void *arg, uint64_t tag, struct span bytes);
void policies_on_redis_news(void *arg, struct span id);
void policies_on_redis_gap(void *arg);

#endif
