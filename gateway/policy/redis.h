/*
 * A shared cache of coupons in Redis: queries one, stores one unless a newer one is present, and publishes and receives
 * changes. Nothing depends on it: when Redis is slow, gone, full or wrong, queries are answered "not there" within two
 * or three ticks, and it is left alone for a growing time. On the gateway thread; two connections, or one on threads
 * that do not subscribe.
 *
 *   key coupond:policy:ID       a value of policy/value.h, which expires
 *   channel coupond:policies    NONCE ID: this coupon has changed; NONCE, of 16 digits, is the sender's process
 */
#ifndef COUPOND_POLICY_REDIS_H
#define COUPOND_POLICY_REDIS_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "gateway/http/span.h"
#include "shared/coupon.h"
#include "shared/options/options.h"
#include "shared/telemetry/metrics.h"

struct policy_redis;

struct policy_redis_events {
    /* The result of a query: untrusted bytes, or SPAN_NONE when there is none. */
    void (*on_result)(void *arg, uint64_t tag, struct span bytes);
    /* Another gateway has changed this coupon. */
    void (*on_news)(void *arg, struct span id);
    /* Notifications may have been missed. */
    void (*on_news_gap)(void *arg);
    void *arg;
};

/* `subscribes`: this thread subscribes to notifications. Connects with the first tick. All pointers are borrowed. */
struct policy_redis *policy_redis_create(const struct options *options, bool subscribes, uint64_t nonce,
                                         const struct policy_redis_events *events, struct metrics *metrics,
                                         uv_loop_t *uv);
/* Closes the connections; the loop must run once more before the destruction. */
void policy_redis_end(struct policy_redis *redis);
void policy_redis_destroy(struct policy_redis **redis);

/* Queries a coupon; on_result follows. False when Redis cannot be queried. */
bool policy_redis_ask(struct policy_redis *redis, struct span id, uint64_t tag);
/* Stores a coupon that the issuer reported at `issuer_us` of its clock, unless a newer one is present. */
void policy_redis_store(struct policy_redis *redis, const struct coupon *coupon, int64_t issuer_us);
/* Notifies the other gateways that this coupon has changed. */
void policy_redis_announce(struct policy_redis *redis, struct span id);

/* Sends queued commands. */
void policy_redis_flush(struct policy_redis *redis);
/* Call every 25 ms: connects, and ends commands that have waited too long. */
void policy_redis_tick(struct policy_redis *redis);

#endif
