/*
 * Answers: their destination, their form and their accounting. On the gateway thread.
 *
 * A request is answered at once, or gets an exchange when earlier requests are unanswered or the issuer must be asked.
 * In both cases it begins with answer_begin() and ends with answer_end().
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
    struct exchange *exchange; /* NULL: the current request */
    enum metric_route route;
    struct request_note *note; /* NULL: none */
    struct reply_style style;
    struct buffer *out; /* written by the caller between begin and end */
};

/* Creates an exchange for the current request, at the end of its connection's queue; NULL when none is free. */
struct exchange *answer_exchange(struct service *service, struct connection *connection,
                                 const struct http_request *request, enum metric_route route);
/* The same, waiting for `partitions` from now on. When none is free, answers with an error and returns NULL. */
struct exchange *answer_exchange_waiting(struct service *service, struct connection *connection,
                                         const struct http_request *request, enum metric_route route,
                                         uint64_t partitions);

/* Begins the answer to an exchange. */
struct answer answer_begin(struct service *service, struct exchange *exchange);
/* Begins the answer to the current request, which needs no reply from the issuer. */
struct answer answer_begin_local(struct service *service, struct connection *connection,
                                 const struct http_request *request, enum metric_route route);
/* Ends a written answer: counts it and sends it when its turn has come. */
void answer_end(const struct answer *answer, int status);

/* Writes a problem and ends the answer. */
void answer_error(const struct answer *answer, enum error_code code, const struct problem_extras *extras);
/* The issuer's reply is invalid: its decision is unknown. */
void answer_nonsense(const struct answer *answer, uint16_t partition, unsigned verdict);
/* Counts and logs an invalid reply of the issuer, whose request is not answered yet. */
void answer_note_nonsense(const struct service *service, uint16_t partition, unsigned verdict);
/* Begin, problem and end in one call, for an exchange and for the current request. */
void answer_exchange_with_error(struct service *service, struct exchange *exchange, enum error_code code);
void answer_local_with_error(struct service *service, struct connection *connection, const struct http_request *request,
                             enum metric_route route, enum error_code code);

#endif
