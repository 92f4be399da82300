#include "gateway/reply/reply.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "gateway/reply/json.h"
#include "shared/clock.h"
#include "shared/error.h"

enum { HEAD_BYTES_MAX = 512, PROBLEM_BYTES_MAX = 512, REQUEST_ID_BYTES_MAX = 160 };
enum { RETRY_AFTER_MAX_S = 3 };

#define STATUS_LINE_TABLE(X)                                                                                           \
    X(200, "OK")                                                                                                       \
    X(201, "Created")                                                                                                  \
    X(202, "Accepted")                                                                                                 \
    X(204, "No Content")                                                                                               \
    X(304, "Not Modified")                                                                                             \
    X(400, "Bad Request")                                                                                              \
    X(401, "Unauthorized")                                                                                             \
    X(403, "Forbidden")                                                                                                \
    X(404, "Not Found")                                                                                                \
    X(405, "Method Not Allowed")                                                                                       \
    X(408, "Request Timeout")                                                                                          \
    X(409, "Conflict")                                                                                                 \
    X(410, "Gone")                                                                                                     \
    X(412, "Precondition Failed")                                                                                      \
    X(413, "Content Too Large")                                                                                        \
    X(415, "Unsupported Media Type")                                                                                   \
    X(429, "Too Many Requests")                                                                                        \
    X(431, "Request Header Fields Too Large")                                                                          \
    X(500, "Internal Server Error")                                                                                    \
    X(501, "Not Implemented")                                                                                          \
    X(503, "Service Unavailable")                                                                                      \
    X(505, "HTTP Version Not Supported")

struct piece {
    const char *text;
    size_t length;
};
#define PIECE(text)                                                                                                    \
    {                                                                                                                  \
        text, sizeof(text) - 1                                                                                         \
    }

static const struct {
    int status;
    struct piece line;
} status_lines[] = {
#define X(status, phrase) {status, PIECE("HTTP/1.1 " #status " " phrase "\r\n")},
    STATUS_LINE_TABLE(X)
#undef X
};

/* The last lines of every head, without the digits of the length. */
static const struct piece types[REPLY_TYPE_COUNT] = {
    [REPLY_JSON] = PIECE("Content-Type: application/json\r\nCache-Control: no-store\r\nContent-Length: "),
    [REPLY_PAGE] = PIECE("Content-Type: application/json\r\nContent-Length: "),
    [REPLY_PROBLEM] = PIECE("Content-Type: application/problem+json\r\nCache-Control: no-store\r\nContent-Length: "),
    [REPLY_METRICS] = PIECE("Content-Type: text/plain; version=0.0.4; charset=utf-8\r\nContent-Length: "),
    [REPLY_DOCUMENT] = PIECE("Content-Length: "),
};

/* Bodies of all codes without the closing brace; formatted by reply_init() before the threads start. */
static struct {
    char text[PROBLEM_BYTES_MAX];
    size_t length;
} problems[ERROR_CODE_COUNT];

static const struct piece *status_line(int status)
{
    for (size_t i = 0; i < sizeof status_lines / sizeof status_lines[0]; i++)
        if (status_lines[i].status == status)
            return &status_lines[i].line;
    check_failed("the status has a line", __FILE__, __LINE__);
}

void reply_clock_set(struct reply_clock *clock, int64_t wall_us)
{
    time_t second = (time_t)(wall_us / 1000000);
    if (second == clock->second && clock->date_length != 0)
        return;
    struct tm tm;
    CHECK(gmtime_r(&second, &tm) != NULL);
    clock->second = second;
    /* HTTP requires the C locale's names; the process never sets another locale. */
    clock->date_length = strftime(clock->date, sizeof clock->date, "Date: %a, %d %b %Y %H:%M:%S GMT\r\n", &tm);
    CHECK(clock->date_length != 0);
}

static char *put(char *out, const char *text, size_t length)
{
    memcpy(out, text, length);
    return out + length;
}

static char *put_connection(char *at, struct reply_style style)
{
    static const struct piece close = PIECE("Connection: close\r\n");
    static const struct piece keep_alive = PIECE("Connection: keep-alive\r\n");
    if (style.close)
        return put(at, close.text, close.length);
    return style.http_1_0 ? put(at, keep_alive.text, keep_alive.length) : at;
}

static char *put_text(char *at, const char *text)
{
    return put(at, text, strlen(text));
}

/* The lines that every head begins with, and `fields`. Returns the place behind them. */
static char *put_head(char *at, const struct reply_clock *clock, struct reply_style style, const struct reply *reply)
{
    const struct piece *line = status_line(reply->status);
    at = put(at, line->text, line->length);
    at = put(at, clock->date, clock->date_length);
    at = put_connection(at, style);
    if (style.request_id != NULL)
        at = put_text(put_text(put_text(at, "X-Request-Id: "), style.request_id), "\r\n");
    if (style.origin_fields != NULL)
        at = put_text(at, style.origin_fields);
    return reply->fields_length > 0 ? put(at, reply->fields, reply->fields_length) : at;
}

static size_t room_for_head(struct reply_style style, const struct reply *reply)
{
    size_t origin_length = style.origin_fields == NULL ? 0 : strlen(style.origin_fields);
    return HEAD_BYTES_MAX + REQUEST_ID_BYTES_MAX + origin_length + reply->fields_length;
}

void reply_write(struct buffer *out, const struct reply_clock *clock, struct reply_style style,
                 const struct reply *reply)
{
    char *begin = buffer_reserve(out, room_for_head(style, reply) + reply->body_length);
    char *at = put_head(begin, clock, style, reply);
    if (reply->status == 304 || reply->status == 204) { /* no body; a 304 does not describe the body that it saves */
        at = put(at, "\r\n", 2);
        out->length += (size_t)(at - begin);
        return;
    }
    at = put(at, types[reply->type].text, types[reply->type].length);
    at += decimal_format(at, reply->body_length);
    at = put(at, "\r\n\r\n", 4);
    if (!style.head_only && reply->body_length > 0)
        at = put(at, reply->body, reply->body_length);
    out->length += (size_t)(at - begin);
}

/* --- streams --- */

void reply_begin_stream(struct buffer *out, const struct reply_clock *clock, struct reply_style style,
                        const char *fields)
{
    const struct reply reply = {.status = 200, .fields = fields, .fields_length = strlen(fields)};
    char *begin = buffer_reserve(out, room_for_head(style, &reply));
    char *at = put_head(begin, clock, style, &reply);
    at = put_text(at, "Cache-Control: no-store\r\n");
    at = put_text(at, style.http_1_0 ? "\r\n" : "Transfer-Encoding: chunked\r\n\r\n");
    out->length += (size_t)(at - begin);
}

void reply_write_part(struct buffer *out, struct reply_style style, const void *data, size_t length)
{
    char size[20];
    if (length == 0 || style.head_only)
        return;
    if (!style.http_1_0)
        buffer_append(out, size, (size_t)snprintf(size, sizeof size, "%zx\r\n", length));
    buffer_append(out, data, length);
    if (!style.http_1_0)
        buffer_append(out, "\r\n", 2);
}

void reply_end_stream(struct buffer *out, struct reply_style style)
{
    if (!style.http_1_0 && !style.head_only)
        buffer_append(out, "0\r\n\r\n", 5);
}

void reply_write_continue(struct buffer *out)
{
    static const struct piece line = PIECE("HTTP/1.1 100 Continue\r\n\r\n");
    buffer_append(out, line.text, line.length);
}

static char *put_starts_at(char *at, int64_t us)
{
    at = put_text(at, ",\"starts_at\":\"");
    at += rfc3339_format(us, at);
    return put_text(at, "\"");
}

/* Formats {"type","title","status","code","detail" without the closing brace, so that more members can follow. */
static int format_problem(char *out, size_t size, const struct error_code_row *row, const char *detail)
{
    return snprintf(out, size,
                    "{\"type\":\"urn:coupond:problem:%s\",\"title\":\"%s\",\"status\":%d,\"code\":\"%s\","
                    "\"detail\":\"%s\"",
                    row->code, row->title, row->status, row->code, detail);
}

void reply_init(void)
{
    for (int i = 0; i < ERROR_CODE_COUNT; i++) {
        const struct error_code_row *row = error_code_row((enum error_code)i);
        int length = format_problem(problems[i].text, sizeof problems[i].text, row, row->detail);
        CHECK(length > 0 && (size_t)length < sizeof problems[i].text);
        problems[i].length = (size_t)length;
    }
}

static void append_errors(struct buffer *body, const struct api_errors *errors)
{
    for (unsigned i = 0; i < errors->count; i++) {
        const struct api_error *row = &errors->rows[i];
        const char *begin = i == 0 ? ",\"errors\":[{\"field\":" : ",{\"field\":";
        buffer_append(body, begin, strlen(begin));
        json_string_append(body, row->field, strlen(row->field));
        buffer_append(body, ",\"reason\":", 10);
        json_string_append(body, row->reason, strlen(row->reason));
        buffer_append(body, "}", 1);
    }
    if (errors->count > 0)
        buffer_append(body, "]", 1);
}

/* Problems with additional members or another detail. */
static void build_problem(struct buffer *body, enum error_code code, const struct problem_extras *extras,
                          const char *request_id)
{
    char text[PROBLEM_BYTES_MAX];
    int length = 0;
    if (extras->detail != NULL) {
        length = format_problem(text, sizeof text, error_code_row(code), "");
        CHECK(length > 0 && (size_t)length < sizeof text);
        buffer_append(body, text, (size_t)length - strlen("\"\""));
        json_string_append(body, extras->detail, strlen(extras->detail));
    } else {
        buffer_append(body, problems[code].text, problems[code].length);
    }
    if (extras->reason != NULL) {
        buffer_append(body, ",\"reason\":", 10);
        json_string_append(body, extras->reason, strlen(extras->reason));
    }
    if (extras->errors != NULL)
        append_errors(body, extras->errors);
    if (request_id != NULL) {
        buffer_append(body, ",\"request_id\":", 14);
        json_string_append(body, request_id, strlen(request_id));
    }
    buffer_append(body, "}", 1);
}

/* 1 to RETRY_AFTER_MAX_S at random, so that clients that were refused together do not retry together. The generator is
 * splitmix64 (https://prng.di.unimi.it/splitmix64.c), one per thread, seeded with the thread-local address. */
static uint32_t retry_after_jittered_s(void)
{
    static _Thread_local uint64_t state;
    uint64_t mixed = 0;

    if (state == 0)
        state = (uint64_t)(uintptr_t)&state;
    state += 0x9e3779b97f4a7c15;
    mixed = (state ^ state >> 30) * 0xbf58476d1ce4e5b9;
    mixed = (mixed ^ mixed >> 27) * 0x94d049bb133111eb;
    return 1 + (uint32_t)((mixed ^ mixed >> 31) % RETRY_AFTER_MAX_S);
}

/* Retry-After, Allow, WWW-Authenticate. */
static size_t format_fields(char out[HEAD_BYTES_MAX], enum error_code code, const struct problem_extras *extras)
{
    uint32_t retry_after_s = extras->retry_after_s;
    char *at = out;
    if (retry_after_s == 0 && error_code_row(code)->status == 503)
        retry_after_s = retry_after_jittered_s();
    else if (code == ERROR_TOO_MANY_REQUESTS)
        retry_after_s += retry_after_jittered_s() - (retry_after_s > 0);
    if (retry_after_s != 0) {
        at = put_text(at, "Retry-After: ");
        at += decimal_format(at, retry_after_s);
        at = put_text(at, "\r\n");
    }
    if (extras->allow != NULL)
        at = put_text(put_text(put_text(at, "Allow: "), extras->allow), "\r\n");
    if (code == ERROR_UNSUPPORTED_MEDIA_TYPE)
        at = put_text(at, "Accept-Encoding: identity\r\n");
    if (code == ERROR_UNAUTHORIZED) {
        at = put_text(at, "WWW-Authenticate: Bearer realm=\"coupond\"");
        at = put_text(at, extras->invalid_token ? ", error=\"invalid_token\"" : "");
        if (extras->invalid_token && extras->reason != NULL)
            at = put_text(put_text(put_text(at, ", error_description=\""), extras->reason), "\"");
        at = put_text(at, "\r\n");
    }
    return (size_t)(at - out);
}

int reply_write_problem(struct buffer *out, const struct reply_clock *clock, struct reply_style style,
                        enum error_code code, const struct problem_extras *extras)
{
    static const struct problem_extras none = {0};
    char fields[HEAD_BYTES_MAX];
    char text[PROBLEM_BYTES_MAX + ISSUE_JSON_MAX + REQUEST_ID_BYTES_MAX + RFC3339_MAX + 32];
    struct reply reply = {.status = error_code_row(code)->status, .type = REPLY_PROBLEM, .fields = fields};
    struct buffer body = {0};
    char *at = text;
    extras = extras == NULL ? &none : extras;
    reply.fields_length = format_fields(fields, code, extras);
    if (extras->errors != NULL || extras->detail != NULL) {
        build_problem(&body, code, extras, style.request_id);
        reply.body = body.data;
        reply.body_length = body.length;
    } else {
        at = put(at, problems[code].text, problems[code].length);
        if (extras->issue_length > 0)
            at = put(put_text(at, ",\"issue\":"), extras->issue, extras->issue_length);
        if (extras->starts_at_us != 0)
            at = put_starts_at(at, extras->starts_at_us);
        if (style.request_id != NULL)
            at = put_text(put_text(put_text(at, ",\"request_id\":\""), style.request_id), "\"");
        *at++ = '}';
        reply.body = text;
        reply.body_length = (size_t)(at - text);
    }
    reply_write(out, clock, style, &reply);
    buffer_deinit(&body);
    return reply.status;
}
