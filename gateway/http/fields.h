/*
 * The header fields of one request that the gateway uses, and the checks that a lenient parser lacks: invalid names and
 * values, repeated or contradictory lengths, a missing or repeated Host, unknown transfer codings. Pure; spans borrow
 * the head's bytes.
 */
#ifndef COUPOND_HTTP_FIELDS_H
#define COUPOND_HTTP_FIELDS_H

#include <stdbool.h>
#include <stdint.h>

#include "gateway/http/etag.h"
#include "gateway/http/span.h"

enum method {
    METHOD_OTHER, /* a valid HTTP method that no route supports */
    METHOD_GET,
    METHOD_HEAD,
    METHOD_POST,
    METHOD_PUT,
    METHOD_PATCH,
    METHOD_DELETE,
    METHOD_OPTIONS,
    METHOD_COUNT
};

#define HTTP_FIELDS_MAX 100 /* fields per head; more are refused with 431 */

struct http_fields {
    enum method method;
    struct span target;
    bool http_1_0;
    bool connection_close;
    bool connection_keep_alive;
    bool expect_continue;
    bool chunked;
    bool has_content_length;
    bool has_host;
    bool has_content_type;
    bool has_authorization;
    bool has_request_id;
    bool has_traceparent;
    bool has_origin;
    bool has_idempotency_key;
    bool preflight; /* Access-Control-Request-Method is present */
    bool no_cache;  /* Cache-Control: no-cache */
    bool encoded;   /* Content-Encoding is not identity */
    struct etag_lines if_match;
    struct etag_lines if_none_match;
    uint64_t content_length;
    struct span content_type;
    struct span authorization;
    struct span request_id; /* repeated: empty, which is not a valid id */
    struct span traceparent;
    struct span origin;
    struct span idempotency_key; /* repeated: empty, which is not a valid key */
    unsigned count;
    int status;         /* 0, or why the head is refused: 400, 431, 501 */
    const char *reason; /* with a status: constant text */
};

/* Adds one field line. False when it is refused: status and reason are set. */
bool http_fields_add(struct http_fields *fields, struct span name, struct span value);
/* Checks the head as a whole, after its last field. */
bool http_fields_finish(struct http_fields *fields);

/* True for an RFC 9110 token. */
bool http_is_token(struct span s);

#endif
