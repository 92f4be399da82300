/*
 * Verifications: asks partition 0 of the issuer, which runs them, and answers with its replies. On a gateway thread.
 */
#ifndef COUPOND_DISPATCH_VERIFICATION_H
#define COUPOND_DISPATCH_VERIFICATION_H

#include "gateway/api/call.h"
#include "gateway/service/service.h"
#include "shared/wire/frame_verification.h"

/* API_VERIFICATION. */
void verification_send(struct service *service, struct connection *connection, const struct http_request *request,
                       const struct api_call *call);
/* The reply to an EXCHANGE_VERIFICATION. */
void verification_on_reply(struct service *service, uint16_t partition, struct exchange *exchange,
                           const struct frame_verification_reply *reply);

#endif
