/*
 * Every error that the HTTP API answers, one row each: ERROR(id, code, status, title, detail). `code` is the stable
 * name for client code; title and detail are for people. Used by reply/reply.c, which formats them as RFC 9457
 * problems, and by the tests.
 */
#ifndef COUPOND_ERROR_CODES_H
#define COUPOND_ERROR_CODES_H

/* clang-format off */
#define ERROR_CODE_TABLE(ERROR) \
    ERROR(INVALID_REQUEST, "invalid_request", 400, "Invalid request", "The request is invalid; correct it before sending it again.") \
    ERROR(UNAUTHORIZED, "unauthorized", 401, "Unauthorized", "This request needs an Authorization header with a valid bearer token.") \
    ERROR(FORBIDDEN, "forbidden", 403, "Forbidden", "This request is not allowed.") \
    ERROR(NOT_ELIGIBLE, "not_eligible", 403, "Not eligible", "The coupon is for segments of users, and this user is in none of them.") \
    ERROR(NOT_FOUND, "not_found", 404, "Not found", "There is nothing at this path.") \
    ERROR(COUPON_NOT_FOUND, "coupon_not_found", 404, "Coupon not found", "There is no coupon with this id.") \
    ERROR(NOT_ISSUED, "not_issued", 404, "Not issued", "The user does not hold that issue of the coupon.") \
    ERROR(METHOD_NOT_ALLOWED, "method_not_allowed", 405, "Method not allowed", "The path does not support this method; the Allow header lists those it supports.") \
    ERROR(REQUEST_TIMEOUT, "request_timeout", 408, "Request timeout", "The request did not arrive in time.") \
    ERROR(ALREADY_ISSUED, "already_issued", 409, "Already issued", "This user already holds this coupon and gets no more of it; `issue` is the latest one.") \
    ERROR(SOLD_OUT, "sold_out", 409, "Sold out", "The whole quantity of the coupon is issued.") \
    ERROR(NOT_STARTED, "not_started", 409, "Not started", "Issuing begins at `starts_at`; Retry-After is the number of seconds until then.") \
    ERROR(PAUSED, "paused", 409, "Paused", "Issuing is paused.") \
    ERROR(COUPON_EXISTS, "coupon_exists", 409, "Coupon exists", "A coupon with this id already exists.") \
    ERROR(ALREADY_REDEEMED, "already_redeemed", 409, "Already redeemed", "The issue has been redeemed before; see `issue`.") \
    ERROR(REFERENCE_MISMATCH, "reference_mismatch", 409, "Reference mismatch", "The issue is redeemed with another reference, so nothing was undone.") \
    ERROR(REVOKED, "revoked", 409, "Revoked", "The issue has been revoked; see `issue`.") \
    ERROR(DEAD_LETTER_REFUSED, "dead_letter_refused", 409, "Dead letter refused", "The store has refused the record again; fix the cause before another try.") \
    ERROR(VERIFICATION_RUNNING, "verification_running", 409, "Verification running", "A verification runs already; read it, and start another one when it has ended.") \
    ERROR(REHEARSAL_RUNNING, "rehearsal_running", 409, "Rehearsal running", "A rehearsal runs already; read it, and start another one when it has ended.") \
    ERROR(ENDED, "ended", 410, "Ended", "Issuing has ended.") \
    ERROR(ISSUE_EXPIRED, "issue_expired", 410, "Issue expired", "The issue can no longer be redeemed; its time ended at `redeemable_until`.") \
    ERROR(STALE_VERSION, "stale_version", 412, "Stale version", "The coupon does not meet the condition in If-Match or If-None-Match, usually because it has changed; read it again before changing it.") \
    ERROR(TOO_LARGE, "too_large", 413, "Too large", "The body exceeds the size limit of this server.") \
    ERROR(UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", 415, "Unsupported media type", "The body must be application/json in UTF-8 without a Content-Encoding, and Content-Type must say so.") \
    ERROR(TOO_MANY_REQUESTS, "too_many_requests", 429, "Too many requests", "This user or address sends more requests than this server allows; nothing was decided, so try again after Retry-After seconds.") \
    ERROR(HEADERS_TOO_LARGE, "headers_too_large", 431, "Headers too large", "Request line and headers exceed the size limit of this server.") \
    ERROR(INTERNAL_ERROR, "internal_error", 500, "Internal error", "The server failed; retrying with PUT is safe.") \
    ERROR(NOT_IMPLEMENTED, "not_implemented", 501, "Not implemented", "The method or transfer coding is not supported.") \
    ERROR(OVERLOADED, "overloaded", 503, "Overloaded", "The server is overloaded; nothing was decided, so try again.") \
    ERROR(ISSUER_UNAVAILABLE, "issuer_unavailable", 503, "Issuer unavailable", "The issuer cannot be reached; nothing was decided, so try again.") \
    ERROR(OUTCOME_UNKNOWN, "outcome_unknown", 503, "Outcome unknown", "The issuer did not answer in time. Look up the result, or ask again with PUT; a second POST may issue one more.") \
    ERROR(STORE_UNAVAILABLE, "store_unavailable", 503, "Store unavailable", "The store of the issues cannot be read, or this server has none; issuing goes on, so try again.") \
    ERROR(HTTP_VERSION_NOT_SUPPORTED, "http_version_not_supported", 505, "HTTP version not supported", "This server supports HTTP/1.1 and HTTP/1.0.")
/* clang-format on */

enum error_code {
#define ERROR(id, code, status, title, detail) ERROR_##id,
    ERROR_CODE_TABLE(ERROR)
#undef ERROR
        ERROR_CODE_COUNT
};

struct error_code_row {
    const char *code;
    int status;
    const char *title;
    const char *detail;
};

/* The row of a code; constant. */
const struct error_code_row *error_code_row(enum error_code code);
/* The code for a status that HTTP itself prescribes (400, 408, 413, 431, 501, 505; others map to internal_error). */
enum error_code error_code_of_http_status(int status);

#endif
