/*
 * What one request asks for: a call. Pure values.
 */
#ifndef COUPOND_API_CALL_H
#define COUPOND_API_CALL_H

#include <stdbool.h>
#include <stdint.h>

#include "gateway/http/request.h"
#include "gateway/http/target.h"
#include "gateway/reply/api_errors.h"
#include "gateway/reply/error_codes.h"
#include "shared/coupon.h"
#include "shared/telemetry/metrics_table.h"
#include "shared/wire/frame.h"

#define LIST_LIMIT_DEFAULT 50 /* coupons of a page */

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

#endif
