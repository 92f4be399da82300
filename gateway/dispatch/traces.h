/*
 * Puts into the trace of a request what this thread learns about it. A request without a trace costs a branch. On the
 * gateway thread.
 */
#ifndef COUPOND_DISPATCH_TRACES_H
#define COUPOND_DISPATCH_TRACES_H

#include "gateway/service/service.h"
#include "gateway/tracing/exporter.h"

/* `exporter` is NULL when no request is traced. */
void traces_begin(struct service *service, struct exporter *exporter);
/* The trace of a request that has just arrived, which the caller owns; NULL: it is not traced. `request` is NULL for
 * input that could not be parsed. Call only with tracing on. */
struct trace *traces_sample(struct service *service, const struct http_request *request);
/* The request's call is known. */
void traces_call(const struct connection *connection, const struct api_call *call);
/* A record of the exchange was added to the partition's frame. */
void traces_send(struct service *service, uint16_t partition, const struct exchange *exchange);
/* The partition's reply has arrived. Call while its frame is handed out. */
void traces_reply(struct service *service, uint16_t partition, const struct exchange *exchange, unsigned verdict);

/* The answers up to now are written. */
void traces_flush(struct service *service);
/* Call at each tick: asks how far the store is while a trace waits for it. */
void traces_tick(struct service *service);
/* No further request will be answered. */
void traces_end(struct service *service);

#endif
