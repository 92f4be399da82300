/*
 * What is kept of a request beside its answer, for logs and for a client that wants to find it there: its id, its
 * trace, when it came. Only for requests that carry an X-Request-Id, or all of them with log/requests: the others have
 * none, and cost nothing.
 */
#ifndef COUPOND_REQUEST_NOTE_H
#define COUPOND_REQUEST_NOTE_H

#include <stdbool.h>
#include <stdint.h>

#include "gateway/http/request.h"
#include "shared/limits.h"
#include "shared/telemetry/metrics_table.h"

#define REQUEST_ID_MAX 128

struct request_note {
    char id[REQUEST_ID_MAX + 1]; /* the client's, when it is fit to be logged, else one that was made */
    char trace_id[32 + 1];       /* of W3C's traceparent; empty: there is none, or it is not valid */
    char span_id[16 + 1];        /* the caller's */
    char coupon_id[COUPON_ID_MAX + 1];
    enum method method;
    int64_t begun_us;
};

/* NULL unless the request has an id of its own or `logged` asks for one. `request` may be NULL: one that could not be
 * read. The caller's to destroy. */
struct request_note *request_note_create(const struct http_request *request, bool logged, int64_t now_us);
/* Nulls it; NULL is fine. */
void request_note_destroy(struct request_note **note);

void request_note_set_coupon(struct request_note *note, struct span coupon_id);
/* The request's line. */
void request_note_log(const struct request_note *note, enum metric_route route, int status, int64_t now_us);

/* True for 1 to REQUEST_ID_MAX visible ASCII characters without quotes and backslashes. */
bool request_id_valid(struct span id);
/* Reads a traceparent (https://www.w3.org/TR/trace-context/, version 00, and what it asks of readers of later ones).
 * False, and both empty, when it is not valid. */
bool traceparent_read(struct span value, char trace_id[32 + 1], char span_id[16 + 1]);

#endif
