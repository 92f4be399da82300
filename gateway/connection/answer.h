/*
 * An answer under way: where it goes, how it must look, and what is counted when it is written. On the gateway thread.
 */
#ifndef COUPOND_ANSWER_H
#define COUPOND_ANSWER_H

#include "gateway/connection/connection.h"
#include "gateway/reply/error_codes.h"
#include "gateway/reply/reply.h"
#include "shared/telemetry/metrics_table.h"

/* To an exchange, or to the request at hand of a connection that waits for nothing. */
struct answer {
    struct gateway_loop *loop;
    struct connection *connection;
    struct exchange *exchange; /* NULL: of the request at hand */
    enum metric_route route;
    const struct request_note *note; /* NULL: none */
    struct reply_style style;
    struct buffer *out; /* the caller writes it there between begin and end */
};

/* What an answer gives back of a note, which may be NULL. */
const char *answer_request_id(const struct request_note *note);
/* Begins the answer to an exchange. */
struct answer answer_begin(struct gateway_loop *loop, struct exchange *exchange);
/* It is written: counts it and hands it out when it has its turn. */
void answer_end(const struct answer *answer, int status);

/* Writes a problem and ends. */
void answer_error(const struct answer *answer, enum error_code code, const struct problem_extras *extras);
/* All of it in one for an exchange. */
void answer_exchange_with_error(struct gateway_loop *loop, struct exchange *exchange, enum error_code code);

#endif
