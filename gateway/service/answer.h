/*
 * Answers: where one goes, how it must look, and what is counted when it is written. On the gateway thread.
 *
 * A request is answered at once, or gets an exchange: when others before it are unanswered, or when somebody has to be
 * asked. Either way it begins with answer_begin() and ends with answer_end().
 */
#ifndef COUPOND_ANSWER_H
#define COUPOND_ANSWER_H

#include "gateway/connection/connection.h"
#include "gateway/reply/error_codes.h"
#include "gateway/reply/reply.h"
#include "gateway/service/service.h"

struct answer {
    struct service *service;
    struct connection *connection;
    struct exchange *exchange; /* NULL: of the request at hand */
    enum metric_route route;
    const struct request_note *note; /* NULL: none */
    struct reply_style style;
    struct buffer *out; /* the caller writes it there between begin and end */
};

/* An exchange for the request at hand, at the end of its connection's queue; NULL when none is free. */
struct exchange *answer_exchange(struct service *service, struct connection *connection,
                                 const struct http_request *request, enum metric_route route);
/* The same, and it waits for `partitions` from now on. NULL when none is free, which is answered then. */
struct exchange *answer_exchange_waiting(struct service *service, struct connection *connection,
                                         const struct http_request *request, enum metric_route route,
                                         uint64_t partitions);

/* Begins the answer to an exchange. */
struct answer answer_begin(struct service *service, struct exchange *exchange);
/* Begins the answer to the request at hand, which needs to ask nobody. */
struct answer answer_begin_local(struct service *service, struct connection *connection,
                                 const struct http_request *request, enum metric_route route);
/* It is written: counts it and hands it out when it has its turn. */
void answer_end(const struct answer *answer, int status);

/* Writes a problem and ends. */
void answer_error(const struct answer *answer, enum error_code code, const struct problem_extras *extras);
/* The issuer speaks nonsense: what it decided is not known. */
void answer_nonsense(const struct answer *answer, uint16_t partition, unsigned verdict);
/* All of it in one for an exchange, and for the request at hand. */
void answer_exchange_with_error(struct service *service, struct exchange *exchange, enum error_code code);
void answer_local_with_error(struct service *service, struct connection *connection, const struct http_request *request,
                             enum metric_route route, enum error_code code);

#endif
