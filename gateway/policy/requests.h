/*
 * Answers reads of a coupon from this thread's cache or through a fetch, and refuses issue requests that the cache
 * already decides. On the gateway thread.
 */
#ifndef COUPOND_POLICY_REQUESTS_H
#define COUPOND_POLICY_REQUESTS_H

#include "gateway/policy/policies.h"

/* Answers a read of one coupon, or lets it wait for a fetch. False when the request must be sent on its own. */
bool policies_read(struct service *service, struct connection *connection, const struct http_request *request,
                   const struct api_call *call);
/* True when the cache refused this issue request: it is answered. */
bool policies_refuse(struct service *service, struct connection *connection, const struct http_request *request,
                     const struct api_call *call);

#endif
