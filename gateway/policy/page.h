/*
 * A coupon for HTTP caches and browsers: 200 with ETag, Age and Cache-Control, or 304. Pure.
 */
#ifndef COUPOND_POLICY_PAGE_H
#define COUPOND_POLICY_PAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "gateway/http/span.h"
#include "gateway/reply/reply.h"
#include "shared/coupon.h"

/* Replaces `body` with the coupon's JSON, with its state at `issuer_us`. Returns its tag. */
uint64_t policy_page_render(struct buffer *body, const struct coupon *coupon, int64_t issuer_us);

struct policy_page {
    struct span coupon_id;
    struct span body;
    uint64_t version;        /* the coupon's journal_seq */
    uint64_t etag;           /* hash of the body */
    int64_t age_us;          /* since the issuer was asked */
    int64_t ttl_us;          /* maximum age; 0: must be revalidated */
    int64_t until_change_us; /* until the state changes with time; INT64_MAX: never */
};

/* The time from `issuer_us` until the window opens or closes; INT64_MAX when neither is ahead. */
int64_t policy_until_change_us(const struct coupon *coupon, int64_t issuer_us);

/* True when this page meets the condition of http_request_if_match(). */
bool policy_page_passes(const char *if_match, const struct policy_page *page);

/* Appends the answer under the condition of http_request_if_none_match(). Returns its status, 200 or 304. */
int policy_page_write(struct buffer *out, const struct reply_clock *clock, struct reply_style style,
                      const struct policy_page *page, const char *if_none_match);

#endif
