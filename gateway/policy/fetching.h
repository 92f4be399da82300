/*
 * Fetches: Redis is asked, else the issuer, once for all who wait for the same coupon. On the gateway thread.
 */
#ifndef COUPOND_POLICY_FETCHING_H
#define COUPOND_POLICY_FETCHING_H

#include "gateway/policy/policies.h"
#include "gateway/service/answer.h"

/* Answers with the coupon of an entry, under the conditions that the request bore. */
void policies_answer_entry(const struct answer *answer, const struct policy_entry *entry, const char *if_match,
                           struct span if_none_match);
/* The If-None-Match that the exchange's request bore. */
struct span policies_condition_of(const struct exchange *exchange);

/* Asks for a coupon at a place that is free; false when there is nobody to ask. */
bool policies_begin_fetch(struct service *service, struct policy_fetch *fetch, struct span id);
/* Asks the issuer, now or after Redis. */
void policies_ask_issuer(struct service *service, struct policy_fetch *fetch);
/* Answers all who wait, and ends it. */
void policies_answer_fetch(struct service *service, struct policy_fetch *fetch, const struct policy_entry *entry,
                           enum metric_policy_source source);
void policies_fail_fetch(struct service *service, struct policy_fetch *fetch, enum error_code code);

#endif
