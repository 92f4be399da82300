/*
 * Rehearsals: starts one, and answers with the state of the last one. On the gateway thread.
 */
#ifndef COUPOND_DISPATCH_REHEARSING_H
#define COUPOND_DISPATCH_REHEARSING_H

#include "gateway/api/call.h"
#include "gateway/service/service.h"

/* API_REHEARSE; the call's rehearsal has no users when it only asks. */
void rehearsing_answer(struct service *service, struct connection *connection, const struct http_request *request,
                       const struct api_call *call);

#endif
