/*
 * What a gateway thread knows of coupons as people look at them: its cache, its way to Redis, the fetches that are
 * under way, and how far the issuer's clock is from its own. On that thread; what the threads share is the board.
 *
 *   life.h      begins and ends it
 *   look.h      who looks at a coupon, and whose issue request the cache refuses
 *   fetching.h  asks Redis and the issuer, once for all who wait for the same coupon
 *   told.h      what issuer and Redis tell
 */
#ifndef COUPOND_POLICIES_H
#define COUPOND_POLICIES_H

#include "gateway/policy/board.h"
#include "gateway/policy/cache.h"
#include "gateway/policy/fetch.h"
#include "gateway/policy/redis.h"
#include "gateway/service/service.h"

struct policies {
    struct policy_board *board; /* borrowed */
    struct policy_cache *cache; /* NULL: everybody asks the issuer */
    struct policy_redis *redis; /* NULL: there is none */
    struct policy_redis_events redis_events;
    int64_t ttl_us;
    int64_t timeout_us;
    int64_t issuer_ahead_us[PARTITIONS_MAX]; /* of clock_boot_us(), at the least; 0: not known yet */
    int64_t latest_ahead_us;                 /* the same, of the partition that told last */
    struct policy_fetches fetches;
};

/* True for what an issuer's clock can say. */
bool policies_is_time(int64_t us);
/* A reply of the partition says that its clock shows this; what no clock can show is left. */
void policies_note_time(struct policies *policies, uint16_t partition, int64_t issuer_us);
/* What the issuer's clock shows now, as far as its replies have told; 0 before the first. */
int64_t policies_issuer_now_us(const struct policies *policies, uint16_t partition);
/* The time of day: the issuer's, whatever this machine's clock shows; before the issuer has told it, that clock's. */
int64_t policies_time_us(const struct policies *policies);

void policies_count_read(struct service *service, enum metric_policy_source source, uint64_t times);

#endif
