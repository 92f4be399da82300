/*
 * A call: one API request, parsed. Pure values.
 */
#ifndef COUPOND_API_CALL_H
#define COUPOND_API_CALL_H

#include <stdbool.h>
#include <stdint.h>

#include "gateway/api/document.h"
#include "gateway/api/json.h"
#include "gateway/http/request.h"
#include "gateway/http/target.h"
#include "gateway/identity/principal.h"
#include "gateway/reading/question.h"
#include "gateway/rehearsal/rehearsal.h"
#include "gateway/reply/api_errors.h"
#include "gateway/reply/error_codes.h"
#include "shared/coupon.h"
#include "shared/telemetry/metrics_table.h"
#include "shared/wire/frame.h"
#include "shared/wire/frame_verification.h"

#define LIST_LIMIT_DEFAULT 50 /* coupons or issues per page */
#define API_DETAIL_MAX     256

enum api_kind {
    API_PROBLEM, /* answer `error` at once */
    API_REFUSAL, /* answer `error` and close the connection: the target cannot be interpreted */
    API_ISSUE,   /* sent to the issuer: issue_op, coupon_id, user_id, nth, request_key */
    API_CHANGE,  /* sent to the issuer: change_op, coupon_id, user_id, and what belongs to the op */
    API_SWEEP,   /* sent to the issuer: change_op, coupon_id, and what belongs to the op */
    API_CODE,    /* as API_CHANGE, of the issue with this code */
    API_ERASE,   /* sent to every partition: user_id */
    API_COUPON,  /* sent to the issuer: coupon_op, coupon_fields, coupon */
    API_LIST,    /* sent to every partition: limit, and coupon.id as the cursor */
    API_READING, /* asks the store: question */
    API_LIVE,    /* a stream of events: coupon_id */
    API_STATUS,
    API_VERIFY,   /* sent to partition 0 of the issuer: verification_op */
    API_ME,       /* answers who asks */
    API_REHEARSE, /* starts a rehearsal, or tells of the last one: rehearsal */
    API_LIVEZ,
    API_READYZ,
    API_METRICS,
    API_DOCUMENT,  /* answers `document` */
    API_PREFLIGHT, /* answers a CORS preflight request for the methods in `allow` */
};

/* One API request. Only the members of its kind are filled; the spans borrow from the request or from `target`. */
struct api_call {
    enum api_kind kind;
    enum metric_route route;
    const char *pattern; /* of the route's path; NULL: there is no such route */
    enum error_code error;
    const char *detail;            /* API_PROBLEM: replaces the error's own detail; NULL: keeps it */
    unsigned allow;                /* ERROR_METHOD_NOT_ALLOWED, API_PREFLIGHT: bits of enum method */
    bool invalid_token;            /* ERROR_UNAUTHORIZED: the request has a bearer token, but a wrong one */
    enum metric_identity identity; /* ERROR_UNAUTHORIZED with identity on: why; OK: nothing is known */
    struct principal principal;    /* whose credentials the route has checked; no roles: nobody's */
    int64_t expires_at_s;          /* of these credentials; IDENTITY_NEVER: they do not expire */
    struct span self;              /* the user that a principal acts as without being told; SPAN_NONE: none */
    bool owned;                    /* only if the principal owns the coupon, which is compared with the decision */
    enum issue_op issue_op;
    struct span coupon_id;
    struct span user_id;
    enum coupon_op coupon_op;
    uint16_t coupon_fields;
    struct coupon coupon; /* COUPON_CREATE without an id: the caller generates one; COUPON_GET: only the id */
    uint32_t limit;
    uint8_t list_filter;          /* enum coupon_filter; the owner is in `coupon` */
    enum coupon_state list_state; /* with COUPON_FILTER_STATE */
    uint16_t nth;                 /* 0: none is named */
    struct span nth_text;
    struct span code_text;
    struct span letter_text;
    uint64_t code;        /* CODE_NUMBER_END or more: there is no such code */
    uint64_t request_key; /* of the idempotency key; 0: none */
    enum change_op change_op;
    uint32_t sequence; /* 0: none is named */
    struct span reference;
    struct api_revocation revocation;
    const struct document *document;
    struct reading_question question;
    enum verification_op verification_op;
    struct rehearsal_request rehearsal; /* without users: only tells */
    struct api_errors errors;           /* API_PROBLEM and API_REFUSAL */
    struct http_target target;
    char detail_text[API_DETAIL_MAX];
    char user_id_copy[USER_ID_MAX]; /* storage for an id that contained escapes */
    char reference_copy[REFERENCE_MAX];
};

#endif
