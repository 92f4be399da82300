/*
 * Per-request data for logs and for clients that search them: request id, trace context, arrival time; and who asks. It
 * exists only for requests with an X-Request-Id, for changes and for those that are traced, or for all with
 * log/requests; others pay nothing.
 */
#ifndef COUPOND_REQUEST_NOTE_H
#define COUPOND_REQUEST_NOTE_H

#include <stdbool.h>
#include <stdint.h>

#include "gateway/http/request.h"
#include "gateway/tracing/trace.h"
#include "gateway/tracing/traceparent.h"
#include "shared/limits.h"
#include "shared/telemetry/metrics_table.h"

struct request_note {
    char id[REQUEST_ID_MAX + 1]; /* the client's, if it may be logged; otherwise a generated one */
    struct traceparent parent;   /* its ids are empty: missing or invalid */
    struct trace *trace;         /* NULL: not traced; owned */
    char coupon_id[COUPON_ID_MAX + 1];
    char actor[ACTOR_MAX + 1]; /* empty: nobody is known */
    enum method method;
    int64_t begun_us;
};

/* Returns NULL unless the request has an id of its own or `needed` is true. `request` is NULL for input that could not
 * be parsed. The caller frees the note. */
struct request_note *request_note_create(const struct http_request *request, bool needed, int64_t now_us);
/* Sets *note to NULL; accepts NULL. */
void request_note_destroy(struct request_note **note);

/* Copy the id or the actor, without a NUL, and return its length. */
size_t request_note_copy_id(const struct request_note *note, char out[REQUEST_ID_MAX]);
size_t request_note_copy_actor(const struct request_note *note, char out[ACTOR_MAX]);
void request_note_set_actor(struct request_note *note, struct span actor);
void request_note_set_coupon(struct request_note *note, struct span coupon_id);
/* Writes the request's log line. */
void request_note_log(const struct request_note *note, enum metric_route route, int status, int64_t now_us);

/* True for 1 to REQUEST_ID_MAX visible ASCII characters without quotes and backslashes. */
bool request_id_valid(struct span id);

#endif
