/*
 * Coupons in Redis, for the gateways together: asking for one, storing one unless a newer one is there, telling the
 * others of a change and hearing of theirs. A cache beside the way of things: when it is slow, gone, full or wrong,
 * its questions are answered "not there" within two ticks or three, and it is left alone for a while that grows.
 * On the gateway thread; two connections, or one where nobody has to hear.
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
    /* The answer to a question: bytes that anybody may have written, or SPAN_NONE when there are none to be had. */
    void (*on_told)(void *arg, uint64_t tag, struct span bytes);
    /* Another gateway has changed this coupon. */
    void (*on_news)(void *arg, struct span id);
    /* News may have been missed. */
    void (*on_news_gap)(void *arg);
    void *arg;
};

/* `hears`: this one listens for news. Connects with the first tick. All pointers are borrowed. */
struct policy_redis *policy_redis_create(const struct options *options, bool hears, uint64_t nonce,
                                         const struct policy_redis_events *events, struct metrics *metrics,
                                         uv_loop_t *uv);
/* Closes the connections; the loop has to run once more before it is destroyed. */
void policy_redis_end(struct policy_redis *redis);
void policy_redis_destroy(struct policy_redis **redis);

/* Asks for a coupon; on_told comes later. False when there is nobody to ask. */
bool policy_redis_ask(struct policy_redis *redis, struct span id, uint64_t tag);
/* Stores what the issuer told at `issuer_us` of its clock, unless what is there is newer. */
void policy_redis_store(struct policy_redis *redis, const struct coupon *coupon, int64_t issuer_us);
/* Tells the other gateways that this coupon has changed. */
void policy_redis_tell(struct policy_redis *redis, struct span id);

/* Sends what has gathered. */
void policy_redis_flush(struct policy_redis *redis);
/* Every 25 ms: connects, and ends what has waited too long. */
void policy_redis_tick(struct policy_redis *redis);

#endif
