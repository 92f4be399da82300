/*
 * Turns requests into calls of the issuer (dispatch/dispatch.c) and its replies into answers (dispatch/replies.c). Used
 * on the gateway thread.
 */
#ifndef COUPOND_DISPATCH_H
#define COUPOND_DISPATCH_H

#include "gateway/service/service.h"

#define LISTINGS_MAX 64 /* pending lists per thread; more are answered with 503 */

/* --- what connections ask for --- */

/* Answers the request at once or forwards it. */
void dispatch_request(struct service *service, struct connection *connection, const struct http_request *request);
/* Answers input that is not a valid request; the connection accepts no more. `reason` is put into `errors` and may be
 * NULL. Behind unanswered requests and without a free exchange, the connection closes after their answers instead. */
void dispatch_refusal(struct service *service, struct connection *connection, enum error_code code, const char *reason);
/* Continues a request that had to wait until all earlier answers were written. */
void dispatch_held(struct service *service, struct exchange *exchange);
/* Writes a 503 for a client that exceeds the connection limit. Its request was not read, so its Origin is unknown. */
void dispatch_turned_away(struct service *service, struct connection *connection);

/* --- the links' events; `arg` is the struct service --- */

void dispatch_on_issue_reply(void *arg, uint16_t partition, const struct frame_issue_reply *reply);
void dispatch_on_change_reply(void *arg, uint16_t partition, const struct frame_change_reply *reply);
void dispatch_on_pong(void *arg, uint16_t partition, const struct frame_pong *pong);
void dispatch_on_coupon_reply(void *arg, uint16_t partition, const struct frame_coupon_reply *reply);
void dispatch_on_verification_reply(void *arg, uint16_t partition, const struct frame_verification_reply *reply);
void dispatch_on_unsent(void *arg, uint16_t partition, uint64_t tag);
void dispatch_on_restart(void *arg, uint16_t partition);
/* With members: whether somebody waits for the reply to the request with this tag. */
bool dispatch_waits(void *arg, uint16_t partition, uint64_t tag);
/* With members: no reply to this request will come, and nothing can be decided any more. */
void dispatch_on_unknown(void *arg, uint16_t partition, uint64_t tag);

/* --- what the loop sees --- */

/* The connection to a partition was lost. Answers issuer_unavailable to all read requests. A change may still be
 * decided, so its answer waits until its deadline has passed. */
void dispatch_partition_lost(struct service *service, uint16_t partition);
/* Answers outcome_unknown to all requests whose deadline has passed. */
void dispatch_expire(struct service *service);
/* Call a few times a second: ends what has waited too long. `first`: this is the first thread, which also looks after
 * what all threads share. */
void dispatch_tick(struct service *service, bool first);

#endif
