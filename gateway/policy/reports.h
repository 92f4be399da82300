/*
 * Processes reports of issuer and Redis about coupons: caches them, invalidates older entries, and answers waiting
 * clients. On the gateway thread.
 */
#ifndef COUPOND_POLICY_REPORTS_H
#define COUPOND_POLICY_REPORTS_H

#include "gateway/policy/policies.h"

/* Call first with every coupon reply: records changes, and answers a fetch. True when the reply belonged to a fetch. */
bool policies_take_reply(struct service *service, uint16_t partition, const struct frame_coupon_reply *reply);
/* Answers an exchange that queried a coupon on its own. False when the exchange is of another kind or the reply has no
 * coupon. */
bool policies_answer(struct service *service, struct exchange *exchange, const struct frame_coupon_reply *reply);
/* Caches what an issue reply reveals about its coupon. */
void policies_on_issue_reply(struct service *service, uint16_t partition, const struct exchange *exchange,
                             const struct frame_issue_reply *reply);

/* The coupon has changed, or may have: no thread of this process answers with older data. */
void policies_changed(struct service *service, struct span id);

/* True while a fetch waits for the reply to the request with this tag. */
bool policies_waits(struct service *service, uint64_t tag);
/* The request with this tag, or all requests to the partition, will get no reply. */
void policies_on_unsent(struct service *service, uint64_t tag);
void policies_partition_lost(struct service *service, uint16_t partition);

/* The events of policy/redis.h; `arg` is the struct service. */
void policies_on_redis_result(void *arg, uint64_t tag, struct span bytes);
void policies_on_redis_news(void *arg, struct span id);
void policies_on_redis_gap(void *arg);

#endif
