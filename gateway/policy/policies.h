/*
 * A gateway thread's knowledge of coupons for reads: its cache, its Redis connections, the fetches in progress, and the
 * offset of each issuer clock. On that thread; the threads share only the board.
 *
 *   life.h      creates and ends it
 *   requests.h  answers reads, and refuses issue requests from the cache
 *   fetching.h  queries Redis and the issuer, once for all clients that wait for the same coupon
 *   reports.h   processes what issuer and Redis report
 *   watching.h  asks for coupons that clients watch
 */
#ifndef COUPOND_POLICIES_H
#define COUPOND_POLICIES_H

#include "gateway/connection/exchange.h"
#include "gateway/policy/board.h"
#include "gateway/policy/cache.h"
#include "gateway/policy/fetch.h"
#include "gateway/policy/redis.h"
#include "gateway/service/service.h"

struct policies {
    struct policy_board *board; /* borrowed */
    struct policy_cache *cache; /* without a TTL nothing in it is valid for reads */
    struct policy_redis *redis; /* NULL: not configured */
    struct policy_redis_events redis_events;
    int64_t ttl_us; /* 0: every read goes to the issuer */
    int64_t timeout_us;
    int64_t issuer_ahead_us[PARTITIONS_MAX]; /* lower bound on the offset to clock_boot_us(); 0: not known yet */
    int64_t latest_ahead_us;                 /* the same, of the partition that reported last */
    struct policy_fetches fetches;
    /* An EXCHANGE_LIVE has its coupon, which exists: its answer begins. Set by its owner. */
    void (*on_watched)(struct service *service, struct exchange *exchange, const struct policy_entry *entry);
};

/* True for a plausible value of an issuer's clock. */
bool policies_is_time(int64_t us);
/* Records the clock value in a partition's reply; ignores impossible values. */
void policies_note_time(struct policies *policies, uint16_t partition, int64_t issuer_us);
/* Estimate of the issuer's clock from its replies; 0 before the first. */
int64_t policies_issuer_now_us(const struct policies *policies, uint16_t partition);
/* The wall-clock time: the issuer's, independent of this machine's clock; this machine's before the first reply. */
int64_t policies_time_us(const struct policies *policies);

void policies_count_read(struct service *service, enum metric_policy_source source, uint64_t times);

#endif
