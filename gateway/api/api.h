/*
 * The HTTP API v1: from a parsed request to what it asks for (a call), or to the error that answers it. The routes are
 * a table in api_routes.c. Pure: no socket, no clock, no thread.
 */
#ifndef COUPOND_API_H
#define COUPOND_API_H

#include <stdbool.h>
#include <stdint.h>

#include "gateway/api/admin_token.h"
#include "gateway/api/cors.h"
#include "gateway/http/request.h"
#include "gateway/http/target.h"
#include "gateway/reply/api_errors.h"
#include "gateway/reply/error_codes.h"
#include "shared/coupon.h"
#include "shared/telemetry/metrics_table.h"
#include "shared/wire/frame.h"

enum api_kind {
    API_PROBLEM, /* answer `error` at once */
    API_REFUSAL, /* the same, and take no more of the connection: what the target means is not known */
    API_ISSUE,   /* issue_op, coupon_id, user_id to the issuer */
    API_COUPON,  /* coupon_op, coupon_fields, coupon to the issuer */
    API_LIST,    /* limit, coupon.id as the cursor, to every partition */
    API_LIVEZ,
    API_READYZ,
    API_METRICS,
    API_PREFLIGHT, /* tell what may be asked from other origins: `allow` */
};

/* What the gateway's options allow. */
struct api_rules {
    struct admin_token admin; /* that creating and changing coupons needs */
    bool metrics;             /* there is a /metrics */
    const struct cors *cors;  /* NULL: nothing is said of origins */
};

/* What one request asks for. Only the members of its kind are filled; the spans borrow the request, or `target`. */
struct api_call {
    enum api_kind kind;
    enum metric_route route;
    enum error_code error;
    const char *detail; /* with API_PROBLEM: in place of the error's own; NULL: that one */
    unsigned allow;     /* ERROR_METHOD_NOT_ALLOWED, API_PREFLIGHT: bits of enum method */
    bool invalid_token; /* ERROR_UNAUTHORIZED: a bearer token is there, but not the right one */
    enum issue_op issue_op;
    struct span coupon_id;
    struct span user_id;
    enum coupon_op coupon_op;
    uint8_t coupon_fields;
    struct coupon coupon; /* COUPON_CREATE without an id: the caller makes one */
    uint32_t limit;
    struct api_errors errors; /* with API_PROBLEM and API_REFUSAL */
    struct http_target target;
    char user_id_copy[USER_ID_MAX]; /* of an id that came with escapes */
};

#define LIST_LIMIT_DEFAULT 50

void api_read(struct api_call *call, const struct http_request *request, const struct api_rules *rules);

/* "GET, HEAD, POST" for the bits of `allow`. */
void api_allow_format(unsigned allow, char *out, size_t size);

#endif
