/*
 * Whether a user is in one of a coupon's segments. The gateway compares, since it knows the user's segments; the issuer
 * decides, since it knows the coupon's: a request bears the hash of the segments of which the user is in one, and an
 * issuer that has others refuses with their hash. Then the gateway reads the coupon, compares again and asks again. So
 * the segments at the moment of the decision count, however old the gateway's are. On the gateway thread.
 *
 *   sent ──NOT_ELIGIBLE──► other segments than known? ──► fetch the coupon, once for all who wait ──► in one? sent
 *                                └ no, and in none: 403                                                 └ no: 403
 */
#ifndef COUPOND_DISPATCH_ELIGIBILITY_H
#define COUPOND_DISPATCH_ELIGIBILITY_H

#include "gateway/service/service.h"

struct eligibility;

/* NULL while identity is off. */
struct eligibility *eligibility_create(const struct service *service);
void eligibility_destroy(struct eligibility **eligibility);

/* What the request says of the user's segments (frame_issue_request.segments). Keeps what another try would need. */
uint32_t eligibility_claim(struct service *service, const struct exchange *exchange, const struct api_call *call);

/* The issuer has refused with NOT_ELIGIBLE. False when that is the answer; otherwise the exchange waits on. */
bool eligibility_ask_again(struct service *service, uint16_t partition, struct exchange *exchange,
                           const struct frame_issue_reply *reply);

/* Call with every coupon reply before others see it. True when it belonged to a fetch of this module. */
bool eligibility_take_reply(struct service *service, uint16_t partition, const struct frame_coupon_reply *reply);
/* True while a fetch waits for the reply to the request with this tag. */
bool eligibility_waits(struct service *service, uint64_t tag);
/* The request with this tag was not sent. */
void eligibility_on_unsent(struct service *service, uint64_t tag);

#endif
