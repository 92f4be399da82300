#include "gateway/connection/request_note.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "shared/error.h"
#include "shared/telemetry/log.h"

enum {
    MADE_ID_BYTES = 16,
    MADE_IDS_AT_ONCE = 64, /* random bytes are a system call */
};

/* --- reading --- */

bool request_id_valid(struct span id)
{
    if (id.at == NULL || id.length < 1 || id.length > REQUEST_ID_MAX)
        return false;
    for (size_t i = 0; i < id.length; i++) {
        char c = id.at[i];
        if (c <= ' ' || c > '~' || c == '"' || c == '\'' || c == '\\')
            return false;
    }
    return true;
}

/* --- life --- */

static void make_id(char id[REQUEST_ID_MAX + 1])
{
    static _Thread_local unsigned char bytes[MADE_IDS_AT_ONCE][MADE_ID_BYTES];
    static _Thread_local unsigned left;
    if (left == 0) {
        randombytes_buf(bytes, sizeof bytes);
        left = MADE_IDS_AT_ONCE;
    }
    sodium_bin2hex(id, REQUEST_ID_MAX + 1, bytes[--left], MADE_ID_BYTES);
}

struct request_note *request_note_create(const struct http_request *request, bool needed, int64_t now_us)
{
    const struct span id = request == NULL ? SPAN_NONE : request->request_id;
    struct request_note *note = NULL;
    if (id.at == NULL && !needed)
        return NULL;
    note = calloc(1, sizeof *note);
    CHECK(note != NULL);
    note->begun_us = now_us;
    if (request_id_valid(id))
        memcpy(note->id, id.at, id.length);
    else
        make_id(note->id);
    if (request == NULL)
        return note;
    note->method = request->method;
    if (request->traceparent.at != NULL)
        traceparent_read(request->traceparent, &note->parent);
    return note;
}

void request_note_destroy(struct request_note **note)
{
    if (*note != NULL)
        trace_destroy(&(*note)->trace);
    free(*note);
    *note = NULL;
}

size_t request_note_copy_id(const struct request_note *note, char out[REQUEST_ID_MAX])
{
    size_t length = strlen(note->id);
    memcpy(out, note->id, length);
    return length;
}

size_t request_note_copy_actor(const struct request_note *note, char out[ACTOR_MAX])
{
    size_t length = strlen(note->actor);
    memcpy(out, note->actor, length);
    return length;
}

void request_note_set_actor(struct request_note *note, struct span actor)
{
    CHECK(actor.length <= ACTOR_MAX);
    memcpy(note->actor, actor.at, actor.length);
    note->actor[actor.length] = '\0';
}

void request_note_set_coupon(struct request_note *note, struct span coupon_id)
{
    CHECK(coupon_id.length <= COUPON_ID_MAX);
    memcpy(note->coupon_id, coupon_id.at, coupon_id.length);
    note->coupon_id[coupon_id.length] = '\0';
}

/* --- the log --- */

static const char *or_dash(const char *text)
{
    return text[0] != '\0' ? text : "-";
}

void request_note_log(const struct request_note *note, enum metric_route route, int status, int64_t now_us)
{
    static const char *const methods[METHOD_COUNT] = {"-", "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"};
    static const char *const routes[METRIC_ROUTE_COUNT] = {
#define X(id, name, statuses) [METRIC_ROUTE_##id] = name,
        METRIC_ROUTE_TABLE(X)
#undef X
    };
    log_info("gateway",
             "request method=%s route=%s coupon=%s status=%d duration_us=%" PRId64
             " request_id=%s trace_id=%s span_id=%s",
             methods[note->method], routes[route], or_dash(note->coupon_id), status, now_us - note->begun_us, note->id,
             or_dash(note->trace != NULL ? note->trace->trace_id : note->parent.trace_id),
             or_dash(note->trace != NULL ? note->trace->span_id : note->parent.span_id));
}
