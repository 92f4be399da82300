/*
 * Requests that change an issue after it is issued: sends them to the issuer and answers with its replies. On a gateway
 * thread.
 */
#ifndef COUPOND_DISPATCH_CHANGE_H
#define COUPOND_DISPATCH_CHANGE_H

#include "gateway/api/call.h"
#include "gateway/reading/page.h"
#include "gateway/service/service.h"

/* API_CHANGE, API_SWEEP and API_CODE; API_ERASE. */
void change_send(struct service *service, struct connection *connection, const struct http_request *request,
                 const struct api_call *call);
void change_send_erasure(struct service *service, struct connection *connection, const struct http_request *request,
                         const struct api_call *call);

/* An issue that was looked up is redeemed or revoked: asks the issuer for the details that belong to it. False when it
 * has none, and the reply can be answered as it is. */
bool change_ask_details(struct service *service, uint16_t partition, struct exchange *exchange,
                        const struct frame_issue_reply *reply);

/* The replies to an EXCHANGE_CHANGE and to an EXCHANGE_ERASE. */
void change_on_reply(struct service *service, uint16_t partition, struct exchange *exchange,
                     const struct frame_change_reply *reply);

/* An EXCHANGE_ERASE was not sent to this partition, which has not noted it. */
void change_on_unsent_erasure(struct service *service, uint16_t partition, struct exchange *exchange);

/* What the store has of the issue that the exchange is about; NULL: it could not be read, or not in time. */
void change_on_read(struct service *service, struct exchange *exchange, const struct reading_one *one);

#endif
