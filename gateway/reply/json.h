/*
 * The JSON objects of the API: issue and coupon. Pure.
 */
#ifndef COUPOND_REPLY_JSON_H
#define COUPOND_REPLY_JSON_H

#include <stddef.h>
#include <stdint.h>

#include "gateway/http/buffer.h"
#include "gateway/http/span.h"
#include "shared/coupon.h"
#include "shared/wire/frame.h"

/* Room for any issue object: the fixed parts, both ids, code, times, and the details with every character escaped. */
#define ISSUE_JSON_MAX 1280

/* An issue as the API shows it. Borrowed. */
struct issue_view {
    struct span coupon_id;
    struct span user_id;
    const struct frame_issue *issue;
    const struct frame_details *details; /* of the redemption or revocation; NULL: left out */
    int64_t now_us;                      /* the issuer's clock, which decides whether it has expired */
};

#define ISSUE_CODE_UNKNOWN UINT64_MAX /* in place of a code: shown as null */

/* {"coupon_id","user_id","sequence","nth","code","issued_at","redeemable_until","state","redemption"?,"revocation"?};
 * valid ids need no escapes. Returns the length. */
size_t issue_json_format(char out[ISSUE_JSON_MAX], const struct issue_view *view);

/* "issued", "redeemed", "revoked" or "expired". */
const char *issue_state_text(const struct frame_issue *issue, int64_t now_us);

/* The coupon with its state at `now_us`. */
void coupon_json_append(struct buffer *out, const struct coupon *coupon, int64_t now_us);

/* A JSON string with its quotes; invalid UTF-8 becomes U+FFFD. */
void json_string_append(struct buffer *out, const char *text, size_t length);

/* Decimal digits; returns their number, at most 20. */
size_t decimal_format(char *out, uint64_t value);

#endif
