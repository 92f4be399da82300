/*
 * Coupons that clients watch: what is known of them, and questions that no single client waits for. On the gateway
 * thread.
 */
#ifndef COUPOND_POLICY_WATCHING_H
#define COUPOND_POLICY_WATCHING_H

#include "gateway/policy/policies.h"

/* Passes the coupon of an EXCHANGE_LIVE, which has waited for nothing yet, to policies.on_watched, now or when its
 * question is answered; or answers the exchange with an error. */
void policies_find_watched(struct service *service, struct exchange *exchange);

/* What is known of the coupon, however old, if it was asked for after `after_us`; otherwise NULL. */
const struct policy_entry *policies_newer(struct service *service, struct span id, int64_t after_us);
/* Asks for it, unless somebody has just asked; Redis may answer if its value is younger than `age_us`. False when
 * nobody can be asked now. */
bool policies_ask(struct service *service, struct span id, int64_t age_us);

#endif
