/*
 * What issuer and Redis tell of coupons: it is kept, outdates what was known, and answers those who wait. On the
 * gateway thread.
 */
#ifndef COUPOND_POLICY_TOLD_H
#define COUPOND_POLICY_TOLD_H

#include "gateway/policy/policies.h"

/* Looks at every coupon reply first: tells of changes, and answers a fetch. True when the reply was a fetch's. */
bool policies_take_reply(struct service *service, uint16_t partition, const struct frame_coupon_reply *reply);
/* Answers who asked for a coupon by himself. False when this is no such exchange, or the reply bears none. */
bool policies_answer(struct service *service, struct exchange *exchange, const struct frame_coupon_reply *reply);
/* Learns from what an issue request was told. */
void policies_on_issue_reply(struct service *service, uint16_t partition, const struct exchange *exchange,
                             const struct frame_issue_reply *reply);

/* This coupon has changed, or may have: nobody in this process is told what was known before. */
void policies_changed(struct service *service, struct span id);

/* What was asked of a partition gets no reply. */
void policies_on_unsent(struct service *service, uint64_t tag);
void policies_partition_lost(struct service *service, uint16_t partition);

/* The events of policy/redis.h; `arg` is the struct service. */
void policies_on_redis_told(void *arg, uint64_t tag, struct span bytes);
void policies_on_redis_news(void *arg, struct span id);
void policies_on_redis_gap(void *arg);

#endif
