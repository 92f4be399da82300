/*
 * HTTP/1.1 requests: bytes of a connection in, one request at a time out, or a refusal. Strict where request smuggling
 * lives: what nginx refuses is refused here too. How the bytes are cut into reads makes no difference. Pure.
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
    HTTP_MORE,    /* not whole yet: feed again with more bytes */
    HTTP_READY,   /* a request: its members are filled */
    HTTP_REFUSED, /* `status` and `reason`; nothing that follows on this connection can be understood */
};

struct http_request {
    /* filled when HTTP_READY; spans borrow the bytes that were fed */
    enum method method;
    struct span target;
    struct span body;
    struct span content_type; /* at NULL when missing */
    struct span authorization;
    struct span if_none_match; /* the same when there are several */
    struct etag_lines if_match;
    struct etag_lines if_none;
    struct span head;        /* for http_request_list() */
    bool encoded;            /* the body is in a Content-Encoding that is not identity */
    bool no_cache;           /* the client wants no answer that was kept */
    struct span request_id;  /* at NULL when missing; as it came: connection/request_note.h tells whether it is fit for
                                anything */
    struct span traceparent; /* the same */
    struct span origin;      /* at NULL when missing; also filled, from the lines that had come, when HTTP_REFUSED */
    bool preflight;          /* asks whether another request would be allowed */
    bool http_1_0;
    bool keep_alive;
    size_t size; /* bytes of this request in `data`; the next one begins behind them */
    /* filled when HTTP_REFUSED */
    int status;
    const char *reason;
    /* true from the moment when the client waits for "100 Continue" */
    bool continue_wanted;
    /* progress, private */
    struct http_fields fields;
    struct http_chunked chunked;
    size_t scanned;     /* bytes whose line ends are checked */
    size_t head_length; /* 0 until the head is whole */
    size_t target_at;   /* offsets of the head's pieces, since the bytes may move before the body is whole */
    size_t content_type_at;
    size_t authorization_at;
    size_t if_none_match_at;
    size_t request_id_at;
    size_t traceparent_at;
    size_t origin_at;
};

/* Makes ready for the next request. */
void http_request_reset(struct http_request *request);

/*
 * `data` holds every byte since the begin of this request, *length of them; the bytes may lie somewhere else than at
 * the call before. A chunked body is decoded in place, so *length may shrink. Call http_request_reset() after
 * HTTP_READY.
 */
enum http_progress http_request_feed(struct http_request *request, const struct http_limits *limits, char *data,
                                     size_t *length);

/* The values of all the lines with this name, in small letters, as one list; NULL when there is none. The caller frees
 * it. */
char *http_request_list(const struct http_request *request, struct span name);
/* The tags of its If-Match as one list; NULL where it has none or takes any. The caller frees it. */
char *http_request_if_match(const struct http_request *request);

/*
 * For a request that is refused before it is whole: fills `origin` from the header lines among `data`, the bytes since
 * its begin. http_request_feed() does so itself with HTTP_REFUSED. An Origin that comes later is not known; neither is
 * one behind the bytes that a head may have.
 */
void http_request_find_origin(struct http_request *request, const char *data, size_t length);

#endif
