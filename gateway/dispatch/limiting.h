/*
 * Refuses requests beyond the limits of their client's address and of their user with 429, before anything is sent to
 * the issuer. Call with limits only. On the gateway thread.
 *
 * All requests below /v1 count, except CORS preflights; what tells about the server (/livez, documents) does not. The
 * address counts before the request is read any further, so that wrong tokens count, too.
 *
 * Without identity a user counts for what it does itself: asking for issues, looking at them, redeeming and undoing
 * that. With identity a principal counts for all that it asks, except services and administrators, who act for many.
 */
#ifndef COUPOND_LIMITING_H
#define COUPOND_LIMITING_H

#include "gateway/service/service.h"

/* True when the request is answered, because its address has no token left. */
bool limiting_refuse_client(struct service *service, struct connection *connection, const struct http_request *request);
/* The same for the user of the call. */
bool limiting_refuse_user(struct service *service, struct connection *connection, const struct http_request *request,
                          const struct api_call *call);

#endif
