/*
 * Coupons as people look at them: from this thread's cache, else from Redis, else from the issuer, asked once for all
 * who wait for the same coupon (a fetch). Also the issue requests that the cache alone can refuse, and the news that
 * outdate it. Every function on the gateway thread; what the threads share is the board.
 */
#ifndef COUPOND_POLICIES_H
#define COUPOND_POLICIES_H

#include "gateway/api/api.h"
#include "gateway/gateway_loop.h"
#include "shared/wire/frame.h"

/* `board` is borrowed. `hears`: this thread hears for all of the process what other gateways change. */
struct policies *policies_create(struct gateway_loop *loop, struct policy_board *board, bool hears);
/* Closes what it has on the loop, which runs once more before policies_destroy(). */
void policies_end(struct policies *policies);
void policies_destroy(struct policies **policies);

/* Takes a request for one coupon: answers it, or lets it wait for a fetch. False when it has to ask for itself. */
bool policies_read(struct connection *connection, const struct http_request *request, const struct api_call *call);
/* True when the cache refuses this issue request: it is answered. */
bool policies_refuse(struct connection *connection, const struct http_request *request, const struct api_call *call);

/* Looks at every coupon reply first: tells of changes, and answers a fetch. True when the reply was a fetch's. */
bool policies_take_reply(struct gateway_loop *loop, uint16_t partition, const struct frame_coupon_reply *reply);
/* Answers who asked for a coupon by himself. False when this is no such exchange, or the reply bears none. */
bool policies_answer(struct gateway_loop *loop, struct exchange *exchange, const struct frame_coupon_reply *reply);
/* Learns from what an issue request was told. */
void policies_on_issue_reply(struct gateway_loop *loop, uint16_t partition, const struct exchange *exchange,
                             const struct frame_issue_reply *reply);

/* The time of day: the issuer's, whatever this machine's clock shows; before the issuer has told it, that clock's. */
int64_t policies_time_us(const struct policies *policies);

/* This coupon has changed, or may have: nobody in this process is told what was known before. */
void policies_changed(struct gateway_loop *loop, struct span id);

/* What was asked of a partition gets no reply. */
void policies_on_unsent(struct gateway_loop *loop, uint64_t tag);
void policies_partition_lost(struct gateway_loop *loop, uint16_t partition);
/* Sends what has gathered for Redis. */
void policies_flush(struct gateway_loop *loop);
/* Ends fetches that have waited too long. */
void policies_tick(struct gateway_loop *loop);

#endif
