/*
 * What the files of dispatch and policies share: how answers and questions begin. On the gateway thread.
 */
#ifndef COUPOND_DISPATCH_PRIVATE_H
#define COUPOND_DISPATCH_PRIVATE_H

#include "gateway/connection/answer.h"
#include "gateway/http/request.h"
#include "shared/wire/frame.h"

/* An answer to the request at hand that needs to ask nobody. */
struct answer dispatch_begin_local(struct connection *connection, const struct http_request *request,
                                   enum metric_route route);
/* All of it for a problem. */
void dispatch_answer_code(struct connection *connection, const struct http_request *request, enum metric_route route,
                          enum error_code code);

/* Until when what is asked now waits: it is decided by then or never will be. */
int64_t dispatch_until_us(struct gateway_loop *loop);
bool dispatch_partition_up(struct gateway_loop *loop, uint16_t partition);
/* An exchange that waits for `partitions`; NULL when there is none left, which is answered then. */
struct exchange *dispatch_begin_exchange(struct connection *connection, const struct http_request *request,
                                         enum metric_route route, uint64_t partitions);

/* The tags of a request's If-Match as one list; NULL where it has none or takes any. The caller frees it. */
char *dispatch_if_match(const struct http_request *request);

/* The issuer speaks nonsense: what it decided is not known. */
void dispatch_answer_nonsense(struct gateway_loop *loop, const struct answer *answer, uint16_t partition,
                              unsigned verdict);

#endif
