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

/* Room for any issue object: the fixed parts, both ids, a sequence, a time. */
#define ISSUE_JSON_MAX 256

/* {"coupon_id","user_id","sequence","issued_at"}; valid ids need no escapes. Returns the length. */
size_t issue_json_format(char out[ISSUE_JSON_MAX], struct span coupon_id, struct span user_id, uint32_t sequence,
                         int64_t issued_at_us);

/* The coupon with its state at `now_us`. */
void coupon_json_append(struct buffer *out, const struct coupon *coupon, int64_t now_us);

/* A JSON string with its quotes; invalid UTF-8 becomes U+FFFD. */
void json_string_append(struct buffer *out, const char *text, size_t length);

/* Decimal digits; returns their number, at most 20. */
size_t decimal_format(char *out, uint64_t value);

#endif
