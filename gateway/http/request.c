#include "gateway/http/request.h"

#include <stdlib.h>
#include <string.h>

#include "gateway/http/bytes.h"
#include "gateway/http/head.h"
#include "shared/error.h"

void http_request_reset(struct http_request *request)
{
    *request = (struct http_request){0};
}

static enum http_progress refuse(struct http_request *request, int status, const char *reason)
{
    request->status = status;
    request->reason = reason;
    return HTTP_REFUSED;
}

static bool is_version(struct span s)
{
    return s.length == 8 && memcmp(s.at, "HTTP/", 5) == 0 && http_byte_is(s.at[5], HTTP_BYTE_DIGIT) && s.at[6] == '.' &&
           http_byte_is(s.at[7], HTTP_BYTE_DIGIT);
}

/* METHOD SP TARGET SP HTTP/1.x, with single spaces; `end` points behind the last byte. */
static enum http_progress check_request_line(struct http_request *request, const char *data, const char *end)
{
    const char *first = memchr(data, ' ', (size_t)(end - data));
    const char *last = memrchr(data, ' ', (size_t)(end - data));
    if (first == NULL || first == last || !http_is_token((struct span){data, (size_t)(first - data)}))
        return refuse(request, 400, "the request line is not METHOD TARGET HTTP/1.1");
    struct span version = {last + 1, (size_t)(end - last) - 1};
    struct span target = {first + 1, (size_t)(last - first) - 1};
    if (!is_version(version))
        return refuse(request, 400, "the request line does not end with HTTP/1.1");
    if (version.at[5] != '1' || version.at[7] > '1')
        return refuse(request, 505, "the version is not HTTP/1.1 or HTTP/1.0");
    if (!http_bytes_are(target, HTTP_BYTE_TARGET))
        return refuse(request, 400, "the request target contains an invalid byte");
    if (target.length == 0)
        return refuse(request, 400, "the request target is empty");
    request->fields.http_1_0 = version.at[7] == '0';
    return HTTP_READY;
}

/*
 * Checks the complete lines so far and stops behind the empty one. A bare LF, a folded line or an invalid request line
 * is refused at once, without waiting for the rest of the message.
 */
static enum http_progress find_head_end(struct http_request *request, const char *data, size_t length,
                                        size_t head_bytes_max)
{
    size_t seen = length < head_bytes_max ? length : head_bytes_max;
    while (request->scanned < seen) {
        const char *line = data + request->scanned;
        const char *end = memchr(line, '\n', seen - request->scanned);
        size_t line_length = end == NULL ? 0 : (size_t)(end - line) + 1;

        if (*line == ' ' || *line == '\t')
            return refuse(request, 400, "a header line is folded or begins with white space");
        if (request->scanned == 0 && !http_byte_is(*line, HTTP_BYTE_TOKEN))
            return refuse(request, 400, "this is not a request line");
        if (end == NULL)
            break;
        if (line_length < 2 || end[-1] != '\r')
            return refuse(request, 400, "a line does not end with CR LF");
        if (memchr(line, '\r', line_length) != end - 1)
            return refuse(request, 400, "a line contains a bare CR"); /* which the parser might accept as a line end */
        if (request->scanned == 0 && check_request_line(request, data, end - 1) == HTTP_REFUSED)
            return HTTP_REFUSED;
        request->scanned += line_length;
        if (line_length == 2) {
            request->head_length = request->scanned;
            return HTTP_READY;
        }
    }
    if (length > head_bytes_max)
        return refuse(request, 431, "request line and headers are too long");
    return HTTP_MORE;
}

static size_t offset_of(struct span piece, const char *data)
{
    return piece.at == NULL ? 0 : (size_t)(piece.at - data);
}

static enum http_progress parse_head(struct http_request *request, const struct http_limits *limits, const char *data)
{
    struct http_fields *fields = &request->fields;
    if (!http_head_parse(data, request->head_length, fields))
        return refuse(request, fields->status, fields->reason);
    if (fields->content_length > limits->body_bytes_max)
        return refuse(request, 413, "Content-Length exceeds the size limit of the body");
    request->target_at = offset_of(fields->target, data);
    request->content_type_at = offset_of(fields->content_type, data);
    request->authorization_at = offset_of(fields->authorization, data);
    request->request_id_at = offset_of(fields->request_id, data);
    request->traceparent_at = offset_of(fields->traceparent, data);
    request->origin_at = offset_of(fields->origin, data);
    request->idempotency_key_at = offset_of(fields->idempotency_key, data);
    request->continue_wanted = fields->expect_continue && !fields->http_1_0;
    return HTTP_READY;
}

static enum http_progress take_body(struct http_request *request, const struct http_limits *limits, char *data,
                                    size_t *length)
{
    size_t head = request->head_length;
    size_t behind = *length - head;
    size_t body = (size_t)request->fields.content_length;
    if (request->fields.chunked) {
        int status = http_chunked_decode(&request->chunked, data + head, &behind, limits->body_bytes_max,
                                         limits->head_bytes_max);
        *length = head + behind;
        if (status != 0)
            return refuse(request, status, request->chunked.reason);
        if (request->chunked.state != CHUNKED_DONE)
            return HTTP_MORE;
        body = request->chunked.body_length;
    } else if (behind < body) {
        return HTTP_MORE;
    }
    request->body = (struct span){data + head, body};
    request->size = head + body;
    return HTTP_READY;
}

/* A part of the head at the bytes' current address. Offset 0 means "missing": only the method starts there. */
static struct span piece_at(size_t at, struct span piece, const char *data)
{
    return at == 0 ? SPAN_NONE : (struct span){data + at, piece.length};
}

static void fill(struct http_request *request, const char *data)
{
    const struct http_fields *fields = &request->fields;
    request->method = fields->method;
    request->http_1_0 = fields->http_1_0;
    request->keep_alive = !fields->connection_close && (!fields->http_1_0 || fields->connection_keep_alive);
    request->target = piece_at(request->target_at, fields->target, data);
    request->content_type = piece_at(request->content_type_at, fields->content_type, data);
    request->authorization = piece_at(request->authorization_at, fields->authorization, data);
    request->no_cache = fields->no_cache;
    request->if_match = fields->if_match;
    request->if_none_match = fields->if_none_match;
    request->head = (struct span){data, request->head_length};
    request->encoded = fields->encoded;
    request->request_id = piece_at(request->request_id_at, fields->request_id, data);
    request->traceparent = piece_at(request->traceparent_at, fields->traceparent, data);
    request->origin = piece_at(request->origin_at, fields->origin, data);
    request->idempotency_key = piece_at(request->idempotency_key_at, fields->idempotency_key, data);
    request->preflight = fields->preflight;
    request->continue_wanted = false;
}

/* Skips empty lines before a request line, as RFC 9112 §2.2 demands; they do not count towards the size. */
static void skip_empty_lines(const struct http_request *request, char *data, size_t *length)
{
    size_t skipped = 0;
    if (request->scanned != 0)
        return;
    while (*length - skipped >= 2 && data[skipped] == '\r' && data[skipped + 1] == '\n')
        skipped += 2;
    if (skipped > 0) {
        memmove(data, data + skipped, *length - skipped);
        *length -= skipped;
    }
}

bool http_request_next_line(struct span *head, struct span name, struct span *value)
{
    const char *end = head->at + head->length;
    for (const char *line = head->at; line < end;) {
        const char *next = memchr(line, '\n', (size_t)(end - line));
        next = next == NULL ? end : next + 1;
        size_t size = (size_t)(next - line);
        if (size > name.length && line[name.length] == ':' && strncasecmp(line, name.at, name.length) == 0) {
            while (size > 0 && (line[size - 1] == '\n' || line[size - 1] == '\r'))
                size--;
            *value = span_trim((struct span){line + name.length + 1, size - name.length - 1});
            *head = (struct span){next, (size_t)(end - next)};
            return true;
        }
        line = next;
    }
    return false;
}

char *http_request_list(const struct http_request *request, struct span name)
{
    struct span head = request->head;
    struct span value = SPAN_NONE;
    char *list = NULL;
    size_t length = 0;
    while (http_request_next_line(&head, name, &value)) {
        char *longer = realloc(list, length + value.length + 2);
        CHECK(longer != NULL);
        list = longer;
        if (length > 0)
            list[length++] = ',';
        memcpy(list + length, value.at, value.length);
        length += value.length;
        list[length] = '\0';
    }
    return list;
}

static bool is_origin_line(const char *line, size_t length)
{
    static const char name[] = "origin:";
    return length >= sizeof name - 1 && strncasecmp(line, name, sizeof name - 1) == 0;
}

/* Uses complete header lines only; repeated origins count as missing, as in a complete head. */
void http_request_find_origin(struct http_request *request, const char *data, size_t length)
{
    const char *end = data + length;
    const char *line = memchr(data, '\n', length); /* skips the request line */
    const char *line_end = NULL;
    unsigned found = 0;
    request->origin = SPAN_NONE;
    for (line = line == NULL ? end : line + 1; line < end; line = line_end + 1) {
        line_end = memchr(line, '\n', (size_t)(end - line));
        size_t size = line_end == NULL ? 0 : (size_t)(line_end - line);
        if (size < 2 || line[size - 1] != '\r')
            break;
        if (is_origin_line(line, size - 1))
            request->origin = ++found > 1 ? SPAN_NONE : span_trim((struct span){line + 7, size - 8});
    }
}

enum http_progress http_request_feed(struct http_request *request, const struct http_limits *limits, char *data,
                                     size_t *length)
{
    enum http_progress progress = HTTP_READY;
    skip_empty_lines(request, data, length);
    if (*length == 0 || (request->scanned == 0 && *length == 1 && data[0] == '\r'))
        return HTTP_MORE;
    if (request->head_length == 0) {
        progress = find_head_end(request, data, *length, limits->head_bytes_max);
        if (progress == HTTP_READY)
            progress = parse_head(request, limits, data);
    }
    if (progress == HTTP_READY)
        progress = take_body(request, limits, data, length);
    if (progress == HTTP_READY)
        fill(request, data);
    else if (progress == HTTP_REFUSED)
        http_request_find_origin(request, data, *length < limits->head_bytes_max ? *length : limits->head_bytes_max);
    return progress;
}

char *http_request_if_match(const struct http_request *request)
{
    bool asks = request->if_match.present && !request->if_match.any;
    return asks ? http_request_list(request, SPAN_LITERAL("if-match")) : NULL;
}

char *http_request_if_none_match(const struct http_request *request)
{
    if (!request->if_none_match.present)
        return NULL;
    if (!request->if_none_match.any)
        return http_request_list(request, SPAN_LITERAL("if-none-match"));
    char *any = strdup("*");
    CHECK(any != NULL);
    return any;
}
