#include "gateway/dispatch/verdicts.h"

#include <stdio.h>
#include <string.h>

#include "gateway/http/etag.h"
#include "gateway/policy/page.h"
#include "gateway/reply/json.h"

enum { LOCATION_MAX = 64 + COUPON_ID_MAX + USER_ID_MAX };

static char *put(char *out, const char *text, size_t length)
{
    memcpy(out, text, length);
    return out + length;
}

/* "Location: /v1/coupons/ID[/issues/USER]"; valid ids need no escapes in a path. */
static size_t format_location(char *out, struct span coupon_id, struct span user_id)
{
    char *at = put(out, "Location: /v1/coupons/", 22);
    at = put(at, coupon_id.at, coupon_id.length);
    if (user_id.length > 0)
        at = put(put(at, "/issues/", 8), user_id.at, user_id.length);
    at = put(at, "\r\n", 2);
    return (size_t)(at - out);
}

static struct issue_view view_of(const struct exchange *exchange, const struct frame_issue *issue,
                                 const struct frame_details *details, int64_t now_us)
{
    return (struct issue_view){
        .coupon_id = {exchange->coupon_id, exchange->coupon_id_length},
        .user_id = {exchange->user_id, exchange->user_id_length},
        .issue = issue,
        .details = details,
        .now_us = now_us,
    };
}

/* 0 without an issue, as below. */
static int answer_issue(struct buffer *out, const struct reply_clock *clock, struct reply_style style, int status,
                        struct issue_view view)
{
    if (view.issue->state == ISSUE_NONE)
        return 0;
    char location[LOCATION_MAX];
    char body[ISSUE_JSON_MAX];
    struct reply reply = {.status = status, .type = REPLY_JSON, .body = body};
    reply.body_length = issue_json_format(body, &view);
    if (status == 201) {
        reply.fields = location;
        reply.fields_length = format_location(location, view.coupon_id, view.user_id);
    }
    reply_write(out, clock, style, &reply);
    return status;
}

/* A problem that shows the issue that it is about. */
static int answer_refused(struct buffer *out, const struct reply_clock *clock, struct reply_style style,
                          enum error_code code, struct issue_view view)
{
    if (view.issue->state == ISSUE_NONE)
        return 0;
    char body[ISSUE_JSON_MAX];
    struct problem_extras extras = {.issue = body};
    extras.issue_length = issue_json_format(body, &view);
    return reply_write_problem(out, clock, style, code, &extras);
}

/* Whole seconds until the start, rounded up and at least one, so that a client that obeys it is not early. */
static uint32_t seconds_until(int64_t start_us, int64_t now_us)
{
    uint64_t left_us = start_us > now_us ? (uint64_t)start_us - (uint64_t)now_us : 1;
    uint64_t seconds = left_us / 1000000 + (left_us % 1000000 != 0);
    return seconds > UINT32_MAX ? UINT32_MAX : (uint32_t)seconds;
}

static int answer_not_started(struct buffer *out, const struct reply_clock *clock, struct reply_style style,
                              const struct frame_issue_reply *reply)
{
    int64_t start_us = reply->issue.issued_at_us;
    if (start_us == TIME_NONE || !window_time_valid(start_us))
        return 0;
    struct problem_extras extras = {.retry_after_s = seconds_until(start_us, reply->now_us), .starts_at_us = start_us};
    return reply_write_problem(out, clock, style, ERROR_NOT_STARTED, &extras);
}

/* The code of a verdict that needs no details; ERROR_CODE_COUNT for any other verdict. */
static enum error_code plain_error(enum verdict verdict)
{
    switch (verdict) {
    case VERDICT_SOLD_OUT:
        return ERROR_SOLD_OUT;
    case VERDICT_PAUSED:
        return ERROR_PAUSED;
    case VERDICT_ENDED:
        return ERROR_ENDED;
    case VERDICT_COUPON_NOT_FOUND:
        return ERROR_COUPON_NOT_FOUND;
    case VERDICT_NOT_ISSUED:
        return ERROR_NOT_ISSUED;
    case VERDICT_COUPON_EXISTS:
        return ERROR_COUPON_EXISTS;
    case VERDICT_OVERLOADED:
        return ERROR_OVERLOADED;
    case VERDICT_STALE_VERSION:
        return ERROR_STALE_VERSION;
    case VERDICT_LATE:
        return ERROR_ISSUER_UNAVAILABLE;
    case VERDICT_NOT_ELIGIBLE:
        return ERROR_NOT_ELIGIBLE;
    case VERDICT_FORBIDDEN:
        return ERROR_FORBIDDEN;
    default:
        return ERROR_CODE_COUNT;
    }
}

static int answer_plain_error(struct buffer *out, const struct reply_clock *clock, struct reply_style style,
                              enum verdict verdict)
{
    enum error_code code = plain_error(verdict);
    struct problem_extras extras = {.detail = code == ERROR_FORBIDDEN ? VERDICT_FORBIDDEN_DETAIL : NULL};
    return code == ERROR_CODE_COUNT ? 0 : reply_write_problem(out, clock, style, code, &extras);
}

/* A PUT of an nth issue is refused when it is told about another one: the user's limit is reached. */
static bool is_refused(const struct exchange *exchange, const struct frame_issue *issue)
{
    return exchange->op == ISSUE_POST || (exchange->nth != 0 && issue->nth != exchange->nth);
}

int verdict_answer_issue(struct buffer *out, const struct reply_clock *clock, struct reply_style style,
                         const struct exchange *exchange, const struct frame_issue_reply *reply)
{
    if (!frame_issue_whole(&reply->issue))
        return 0;
    struct issue_view view = view_of(exchange, &reply->issue, NULL, reply->now_us);
    switch ((enum verdict)reply->verdict) {
    case VERDICT_ISSUED:
        return exchange->op == ISSUE_LOOKUP ? 0 : answer_issue(out, clock, style, 201, view);
    case VERDICT_REPLAYED:
        return exchange->op == ISSUE_POST ? answer_issue(out, clock, style, 201, view) : 0;
    case VERDICT_FOUND:
        return exchange->op == ISSUE_LOOKUP ? answer_issue(out, clock, style, 200, view) : 0;
    case VERDICT_ALREADY_ISSUED:
        return is_refused(exchange, &reply->issue) ? answer_refused(out, clock, style, ERROR_ALREADY_ISSUED, view)
                                                   : answer_issue(out, clock, style, 200, view);
    case VERDICT_NOT_ELIGIBLE: /* a holder is told what it has */
        return reply->issue.state != ISSUE_NONE ? answer_refused(out, clock, style, ERROR_ALREADY_ISSUED, view)
                                                : answer_plain_error(out, clock, style, VERDICT_NOT_ELIGIBLE);
    case VERDICT_ISSUE_REVOKED:
        return answer_refused(out, clock, style, ERROR_REVOKED, view);
    case VERDICT_NOT_STARTED:
        return answer_not_started(out, clock, style, reply);
    default:
        return answer_plain_error(out, clock, style, (enum verdict)reply->verdict);
    }
}

/* Without details the store knows them. */
static struct issue_view view_of_change(const struct exchange *exchange, const struct frame_change_reply *reply)
{
    const struct frame_details *details = reply->details.changed_at_us != 0 ? &reply->details : NULL;
    return view_of(exchange, &reply->issue, details, reply->now_us);
}

int verdict_answer_change(struct buffer *out, const struct reply_clock *clock, struct reply_style style,
                          const struct exchange *exchange, const struct frame_change_reply *reply)
{
    if (!frame_issue_whole(&reply->issue) || !frame_details_whole(&reply->details))
        return 0;
    struct issue_view view = view_of_change(exchange, reply);
    switch ((enum verdict)reply->verdict) {
    case VERDICT_REDEEMED:
        return answer_issue(out, clock, style, 201, view);
    case VERDICT_FOUND:
        return exchange->op == CHANGE_SHOW ? answer_issue(out, clock, style, 200, view) : 0;
    case VERDICT_REDEEMED_BEFORE:
    case VERDICT_REDEMPTION_UNDONE:
    case VERDICT_NOT_REDEEMED:
    case VERDICT_REVOKED:
    case VERDICT_REVOKED_BEFORE:
        return answer_issue(out, clock, style, 200, view);
    case VERDICT_ALREADY_REDEEMED:
        return answer_refused(out, clock, style, ERROR_ALREADY_REDEEMED, view);
    case VERDICT_ISSUE_EXPIRED:
        return answer_refused(out, clock, style, ERROR_ISSUE_EXPIRED, view);
    case VERDICT_ISSUE_REVOKED:
        return answer_refused(out, clock, style, ERROR_REVOKED, view);
    case VERDICT_REFERENCE_MISMATCH:
        return answer_refused(out, clock, style, ERROR_REFERENCE_MISMATCH, view);
    default:
        return answer_plain_error(out, clock, style, (enum verdict)reply->verdict);
    }
}

int verdict_answer_sweep(struct buffer *out, const struct reply_clock *clock, struct reply_style style,
                         const struct exchange *exchange, const struct frame_change_reply *reply)
{
    bool goes_on = reply->verdict == VERDICT_SWEEPING;
    if (!goes_on && reply->verdict != VERDICT_SWEPT)
        return answer_plain_error(out, clock, style, (enum verdict)reply->verdict);
    char body[192];
    int length = snprintf(body, sizeof body,
                          "{\"coupon_id\":\"%.*s\",\"state\":\"%s\",\"examined\":%u,\"until\":%u,\"revoked\":%u}",
                          exchange->coupon_id_length, exchange->coupon_id, goes_on ? "running" : "done",
                          reply->progress.examined, reply->progress.until, reply->progress.revoked);
    struct reply answer = {
        .status = exchange->op == CHANGE_SWEEP ? 202 : 200,
        .type = REPLY_JSON,
        .body = body,
        .body_length = (size_t)length,
    };
    reply_write(out, clock, style, &answer);
    return answer.status;
}

static size_t format_etag(char *out, struct span coupon_id, uint64_t version, uint64_t content)
{
    char *at = put(out, "ETag: ", 6);
    etag_format(at, coupon_id, version, content);
    at = put(at + ETAG_LENGTH, "\r\n", 2);
    return (size_t)(at - out);
}

/* The ETag is the one that GET gives for this state. */
static int answer_coupon(struct buffer *out, const struct reply_clock *clock, struct reply_style style, int status,
                         const struct frame_coupon_reply *bearer)
{
    struct coupon coupon;
    struct span id = {bearer->coupon.id, bearer->coupon.id_length};
    struct buffer body = {0};
    char fields[LOCATION_MAX + ETAG_LENGTH + 8];
    struct reply reply = {.status = status, .type = REPLY_JSON, .fields = fields};
    if (!frame_coupon_whole(&bearer->coupon) || !frame_coupon_read(&bearer->coupon, &coupon))
        return 0;
    reply.fields_length =
        format_etag(fields, id, coupon.journal_seq, policy_page_render(&body, &coupon, bearer->now_us));
    reply.body = body.data;
    reply.body_length = body.length;
    if (status == 201)
        reply.fields_length += format_location(fields + reply.fields_length, id, SPAN_NONE);
    reply_write(out, clock, style, &reply);
    buffer_deinit(&body);
    return status;
}

static int answer_bad_member(struct buffer *out, const struct reply_clock *clock, struct reply_style style,
                             const char *field, const char *reason)
{
    struct api_errors errors = {0};
    struct problem_extras extras = {.errors = &errors};
    api_errors_add(&errors, field, reason);
    return reply_write_problem(out, clock, style, ERROR_INVALID_REQUEST, &extras);
}

int verdict_answer_coupon(struct buffer *out, const struct reply_clock *clock, struct reply_style style,
                          const struct frame_coupon_reply *reply)
{
    switch ((enum verdict)reply->verdict) {
    case VERDICT_COUPON_CREATED:
        return answer_coupon(out, clock, style, 201, reply);
    case VERDICT_COUPON_CHANGED:
    case VERDICT_FOUND:
        return answer_coupon(out, clock, style, 200, reply);
    case VERDICT_QUANTITY_BELOW_ISSUED:
        return answer_bad_member(out, clock, style, "quantity", "must not be below the number of issues in force");
    case VERDICT_WINDOW_INVALID:
        return answer_bad_member(out, clock, style, "ends_at", "must be later than starts_at");
    case VERDICT_LIMIT_LOWERED:
        return answer_bad_member(out, clock, style, "per_user_limit", "can only be raised");
    case VERDICT_REDEMPTION_INVALID:
        return answer_bad_member(out, clock, style, "redeem_within_s",
                                 "and redeem_until exclude each other: set one of them to null");
    default:
        return answer_plain_error(out, clock, style, (enum verdict)reply->verdict);
    }
}
