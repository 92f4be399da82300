/*
 * An HTTP/1.1 request parser: takes the bytes of a connection and returns one request at a time, or a refusal. Strict
 * where leniency allows request smuggling: it refuses everything that nginx refuses. The result does not depend on how
 * the bytes are split into reads. Pure.
 */
#ifndef COUPOND_HTTP_REQUEST_H
#define COUPOND_HTTP_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/http/chunked.h"
#include "gateway/http/fields.h"
#include "gateway/http/span.h"

struct http_limits {
    size_t head_bytes_max; /* request line and fields */
    size_t body_bytes_max; /* after decoding */
};

enum http_progress {
    HTTP_MORE,    /* incomplete: feed again with more bytes */
    HTTP_READY,   /* a request: its members are filled */
    HTTP_REFUSED, /* `status` and `reason` are set; nothing that follows on this connection can be parsed */
};

struct http_request {
    /* filled when HTTP_READY; spans borrow from the fed bytes */
    enum method method;
    struct span target;
    struct span body;
    struct span content_type; /* `at` is NULL when missing */
    struct span authorization;
    struct etag_lines if_match;
    struct etag_lines if_none_match;
    struct span head;            /* for http_request_list() */
    bool encoded;                /* Content-Encoding is not identity */
    bool no_cache;               /* Cache-Control: no-cache */
    struct span request_id;      /* `at` is NULL when missing; not validated, see connection/request_note.h */
    struct span traceparent;     /* `at` is NULL when missing; not validated */
    struct span idempotency_key; /* `at` is NULL when missing; empty when repeated */
    struct span origin; /* `at` is NULL when missing; when HTTP_REFUSED, filled from the lines received so far */
    bool preflight;     /* a CORS preflight request */
    bool http_1_0;
    bool keep_alive;
    size_t size; /* bytes of this request in `data`; the next request follows them */
    /* filled when HTTP_REFUSED */
    int status;
    const char *reason;
    /* set once the client waits for "100 Continue" */
    bool continue_wanted;
    /* progress, private */
    struct http_fields fields;
    struct http_chunked chunked;
    size_t scanned;     /* bytes whose line ends are checked */
    size_t head_length; /* 0 until the head is complete */
    size_t target_at;   /* offsets of the head's parts, since the bytes may move before the body is complete */
    size_t content_type_at;
    size_t authorization_at;
    size_t request_id_at;
    size_t traceparent_at;
    size_t origin_at;
    size_t idempotency_key_at;
};

/* Prepares for the next request. */
void http_request_reset(struct http_request *request);

/*
 * `data` holds all *length bytes since the start of this request; the address may differ between calls. A chunked body
 * is decoded in place, so *length may shrink. Call http_request_reset() after HTTP_READY.
 */
enum http_progress http_request_feed(struct http_request *request, const struct http_limits *limits, char *data,
                                     size_t *length);

/* Takes the next field line with this name (lower case) off a valid head, which begins with the request line. Allocates
 * nothing. False when there is none. */
bool http_request_next_line(struct span *head, struct span name, struct span *value);

/* Joins the values of all lines with this name (lower case) into one list; NULL when there is none. The caller frees
 * it. */
char *http_request_list(const struct http_request *request, struct span name);
/* Joins the tags of If-Match into one list; NULL when the field is missing or is "*". The caller frees it. */
char *http_request_if_match(const struct http_request *request);
/* The same for If-None-Match, but "*" when one of its lines is "*". */
char *http_request_if_none_match(const struct http_request *request);

/*
 * For a request that is refused before it is complete: sets `origin` from the header lines in `data`, the bytes
 * received so far. http_request_feed() does this itself with HTTP_REFUSED. An Origin that arrives later, or lies beyond
 * the head size limit, is not found.
 */
void http_request_find_origin(struct http_request *request, const char *data, size_t length);

#endif
