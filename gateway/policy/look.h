/*
 * Who looks at a coupon is told from this thread's cache, else by a fetch; and some issue requests the cache alone can
 * refuse. On the gateway thread.
 */
#ifndef COUPOND_POLICY_LOOK_H
#define COUPOND_POLICY_LOOK_H

#include "gateway/policy/policies.h"

/* Takes a request for one coupon: answers it, or lets it wait for a fetch. False when it has to ask for itself. */
bool policies_read(struct service *service, struct connection *connection, const struct http_request *request,
                   const struct api_call *call);
/* True when the cache refuses this issue request: it is answered. */
bool policies_refuse(struct service *service, struct connection *connection, const struct http_request *request,
                     const struct api_call *call);

#endif
