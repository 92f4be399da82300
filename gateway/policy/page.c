#include "gateway/policy/page.h"

#include <string.h>
#include <xxhash.h>

#include "gateway/http/etag.h"
#include "gateway/reply/json.h"

enum { FIELDS_MAX = 192 };

uint64_t policy_page_render(struct buffer *body, const struct coupon *coupon, int64_t issuer_us)
{
    body->length = 0;
    coupon_json_append(body, coupon, issuer_us);
    return XXH3_64bits(body->data, body->length);
}

int64_t policy_until_change_us(const struct coupon *coupon, int64_t issuer_us)
{
    if (coupon->starts_at_us != TIME_NONE && coupon->starts_at_us > issuer_us)
        return coupon->starts_at_us - issuer_us;
    if (coupon->ends_at_us != TIME_NONE && coupon->ends_at_us > issuer_us)
        return coupon->ends_at_us - issuer_us;
    return INT64_MAX;
}

/* Nearly every request is without conditions, and a tag takes a hash. */
bool policy_page_passes(const char *if_match, const struct policy_page *page)
{
    char ours[ETAG_LENGTH];
    if (if_match == NULL)
        return true;
    etag_format(ours, page->coupon_id, page->version, page->etag);
    return etag_passes(if_match, ours);
}

static bool is_excluded(const char *if_none_match, const struct policy_page *page)
{
    char ours[ETAG_LENGTH];
    if (if_none_match == NULL)
        return false;
    etag_format(ours, page->coupon_id, page->version, page->etag);
    return etag_excluded(if_none_match, ours);
}

static uint64_t seconds_up(int64_t us)
{
    return (uint64_t)us / 1000000 + ((uint64_t)us % 1000000 != 0);
}

/* Maximum age for other caches: the same as ours, and not beyond the next timed change of state. */
static uint64_t max_age_s(const struct policy_page *page)
{
    uint64_t ttl_s = seconds_up(page->ttl_us);
    uint64_t age_s = (uint64_t)page->age_us / 1000000;
    if (age_s >= ttl_s || page->until_change_us == INT64_MAX || seconds_up(page->until_change_us) >= ttl_s - age_s)
        return ttl_s;
    return age_s + seconds_up(page->until_change_us);
}

static size_t format_fields(char out[FIELDS_MAX], const struct policy_page *page)
{
    char *at = stpcpy(out, "ETag: ");
    etag_format(at, page->coupon_id, page->version, page->etag);
    at = stpcpy(at + ETAG_LENGTH, "\r\nAge: ");
    at += decimal_format(at, (uint64_t)page->age_us / 1000000);
    if (page->ttl_us > 0) {
        at = stpcpy(at, "\r\nCache-Control: public, max-age=");
        at += decimal_format(at, max_age_s(page));
    } else {
        at = stpcpy(at, "\r\nCache-Control: no-cache");
    }
    at = stpcpy(at, "\r\n");
    return (size_t)(at - out);
}

int policy_page_write(struct buffer *out, const struct reply_clock *clock, struct reply_style style,
                      const struct policy_page *page, const char *if_none_match)
{
    char fields[FIELDS_MAX];
    struct reply reply = {
        .status = is_excluded(if_none_match, page) ? 304 : 200,
        .type = REPLY_PAGE,
        .fields = fields,
        .fields_length = format_fields(fields, page),
        .body = page->body.at,
        .body_length = page->body.length,
    };
    reply_write(out, clock, style, &reply);
    return reply.status;
}
