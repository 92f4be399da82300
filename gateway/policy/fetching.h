/*
 * Runs fetches: queries Redis, then the issuer, once for all clients that wait for the same coupon. On the gateway
 * thread.
 */
#ifndef COUPOND_POLICY_FETCHING_H
#define COUPOND_POLICY_FETCHING_H

#include "gateway/policy/policies.h"
#include "gateway/service/answer.h"

/* Answers with an entry's coupon, under the conditions of http_request_if_match() and http_request_if_none_match(). */
void policies_answer_entry(const struct answer *answer, const struct policy_entry *entry, const char *if_match,
                           const char *if_none_match);

/* The coupon of an EXCHANGE_LIVE is known, or known not to exist. */
void policies_answer_watched(struct service *service, struct exchange *exchange, const struct policy_entry *entry);

/* Starts a fetch in an idle slot; false when neither Redis nor the issuer can be queried. Redis' value must be younger
 * than `age_us` and the TTL. */
bool policies_begin_fetch(struct service *service, struct policy_fetch *fetch, struct span id, int64_t age_us);
/* Queries the issuer, directly or after Redis. */
void policies_ask_issuer(struct service *service, struct policy_fetch *fetch);
/* Answers all waiting exchanges and ends the fetch. */
void policies_answer_fetch(struct service *service, struct policy_fetch *fetch, const struct policy_entry *entry,
                           enum metric_policy_source source);
void policies_fail_fetch(struct service *service, struct policy_fetch *fetch, enum error_code code);

#endif
