/*
 * From requests to calls of the issuer (dispatch/dispatch.c), and from its replies to answers (dispatch/replies.c). On
 * the gateway thread.
 */
#ifndef COUPOND_DISPATCH_H
#define COUPOND_DISPATCH_H

#include "gateway/service/service.h"

#define LISTINGS_MAX 64 /* lists of one thread that wait for the issuer; more are answered 503 */

/* --- what connections ask for --- */

/* Answers the request at once, or sends it on its way. */
void dispatch_request(struct service *service, struct connection *connection, const struct http_request *request);
/* Answers what could not be read as a request; the connection takes no more. `reason` goes into `errors`, may be NULL.
 * Behind requests that are not answered yet, and without a free exchange, the connection just ends after those. */
void dispatch_refusal(struct service *service, struct connection *connection, enum error_code code, const char *reason);
/* Sends on its way, or answers, what had to wait until it is alone on its connection. */
void dispatch_held(struct service *service, struct exchange *exchange);
/* Writes 503 for a client that nobody has room for. What it asks was not read, so that its Origin is not known. */
void dispatch_turned_away(struct service *service, struct connection *connection);

/* --- the links' events; `arg` is the struct service --- */

void dispatch_on_issue_reply(void *arg, uint16_t partition, const struct frame_issue_reply *reply);
void dispatch_on_coupon_reply(void *arg, uint16_t partition, const struct frame_coupon_reply *reply);
void dispatch_on_unsent(void *arg, uint16_t partition, uint64_t tag);
void dispatch_on_restart(void *arg, uint16_t partition);

/* --- what the loop sees --- */

/* The connection to a partition was lost. Answers issuer_unavailable to all that only look; what may change something
 * may still be decided, so its answer waits until its deadline has passed. */
void dispatch_partition_lost(struct service *service, uint16_t partition);
/* Answers outcome_unknown to all whose deadline has passed. */
void dispatch_expire(struct service *service);

#endif
