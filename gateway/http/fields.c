#include "gateway/http/fields.h"

#include "gateway/http/bytes.h"
#include "gateway/http/host.h"

static bool refuse(struct http_fields *fields, int status, const char *reason)
{
    fields->status = status;
    fields->reason = reason;
    return false;
}

bool http_is_token(struct span s)
{
    return s.length > 0 && http_bytes_are(s, HTTP_BYTE_TOKEN);
}

static bool add_host(struct http_fields *fields, struct span value)
{
    if (fields->has_host)
        return refuse(fields, 400, "Host is repeated");
    if (!http_host_valid(value))
        return refuse(fields, 400, "Host is not a host and port");
    fields->has_host = true;
    return true;
}

static bool add_content_length(struct http_fields *fields, struct span value)
{
    uint64_t length = 0;
    if (fields->has_content_length)
        return refuse(fields, 400, "Content-Length is repeated");
    if (value.length == 0 || value.length > 18 || !http_bytes_are(value, HTTP_BYTE_DIGIT))
        return refuse(fields, 400, "Content-Length is not a plain number");
    for (size_t i = 0; i < value.length; i++)
        length = length * 10 + (uint64_t)(value.at[i] - '0');
    fields->has_content_length = true;
    fields->content_length = length;
    return true;
}

static bool add_transfer_encoding(struct http_fields *fields, struct span value)
{
    if (fields->chunked)
        return refuse(fields, 400, "Transfer-Encoding is repeated");
    if (!span_equals_nocase(value, SPAN_LITERAL("chunked")))
        return refuse(fields, 501, "Transfer-Encoding is not just chunked");
    fields->chunked = true;
    return true;
}

/* Takes the next member of a comma-separated list. False at its end. */
static bool next_member(struct span *list, struct span *member)
{
    const char *comma = list->length == 0 ? NULL : memchr(list->at, ',', list->length);
    size_t length = comma == NULL ? list->length : (size_t)(comma - list->at);
    if (list->length == 0)
        return false;
    *member = span_trim((struct span){list->at, length});
    list->at += comma == NULL ? length : length + 1;
    list->length -= comma == NULL ? length : length + 1;
    return true;
}

static bool add_connection(struct http_fields *fields, struct span value)
{
    struct span option = SPAN_NONE;
    while (next_member(&value, &option)) {
        if (span_equals_nocase(option, SPAN_LITERAL("close")))
            fields->connection_close = true;
        else if (span_equals_nocase(option, SPAN_LITERAL("keep-alive")))
            fields->connection_keep_alive = true;
    }
    return true;
}

static bool add_cache_control(struct http_fields *fields, struct span value)
{
    struct span directive = SPAN_NONE;
    while (next_member(&value, &directive))
        if (span_equals_nocase(directive, SPAN_LITERAL("no-cache")))
            fields->no_cache = true;
    return true;
}

static bool add_if_none_match(struct http_fields *fields, struct span value)
{
    etag_lines_add(&fields->if_none_match, value);
    return true;
}

static bool add_if_match(struct http_fields *fields, struct span value)
{
    etag_lines_add(&fields->if_match, value);
    return true;
}

static bool add_content_encoding(struct http_fields *fields, struct span value)
{
    struct span coding = SPAN_NONE;
    while (next_member(&value, &coding))
        if (coding.length > 0 && !span_equals_nocase(coding, SPAN_LITERAL("identity")))
            fields->encoded = true;
    return true;
}

static bool add_expect(struct http_fields *fields, struct span value)
{
    fields->expect_continue = span_equals_nocase(value, SPAN_LITERAL("100-continue"));
    return true;
}

static bool add_content_type(struct http_fields *fields, struct span value)
{
    if (fields->has_content_type)
        return refuse(fields, 400, "Content-Type is repeated");
    fields->has_content_type = true;
    fields->content_type = value;
    return true;
}

static bool add_authorization(struct http_fields *fields, struct span value)
{
    if (fields->has_authorization)
        return refuse(fields, 400, "Authorization is repeated");
    fields->has_authorization = true;
    fields->authorization = value;
    return true;
}

/* A repeated field of this kind is ignored instead of refused, because the values contradict each other. */
static bool add_once(bool *has, struct span *into, struct span value)
{
    *into = *has ? (struct span){value.at, 0} : value;
    *has = true;
    return true;
}

static bool add_request_id(struct http_fields *fields, struct span value)
{
    return add_once(&fields->has_request_id, &fields->request_id, value);
}

static bool add_traceparent(struct http_fields *fields, struct span value)
{
    return add_once(&fields->has_traceparent, &fields->traceparent, value);
}

static bool add_origin(struct http_fields *fields, struct span value)
{
    return add_once(&fields->has_origin, &fields->origin, value);
}

static bool add_idempotency_key(struct http_fields *fields, struct span value)
{
    return add_once(&fields->has_idempotency_key, &fields->idempotency_key, value);
}

static bool add_requested_method(struct http_fields *fields, struct span value)
{
    fields->preflight = value.length > 0;
    return true;
}

static const struct {
    struct span name;
    bool (*add)(struct http_fields *fields, struct span value);
} known_fields[] = {
    {{"host", 4}, add_host},
    {{"content-length", 14}, add_content_length},
    {{"content-type", 12}, add_content_type},
    {{"connection", 10}, add_connection},
    {{"authorization", 13}, add_authorization},
    {{"transfer-encoding", 17}, add_transfer_encoding},
    {{"expect", 6}, add_expect},
    {{"cache-control", 13}, add_cache_control},
    {{"if-none-match", 13}, add_if_none_match},
    {{"if-match", 8}, add_if_match},
    {{"content-encoding", 16}, add_content_encoding},
    {{"x-request-id", 12}, add_request_id},
    {{"traceparent", 11}, add_traceparent},
    {{"origin", 6}, add_origin},
    {{"idempotency-key", 15}, add_idempotency_key},
    {{"access-control-request-method", 29}, add_requested_method},
};

bool http_fields_add(struct http_fields *fields, struct span name, struct span value)
{
    if (++fields->count > HTTP_FIELDS_MAX)
        return refuse(fields, 431, "too many header fields");
    if (!http_is_token(name))
        return refuse(fields, 400, "a header name contains an invalid byte");
    if (!http_bytes_are(value, HTTP_BYTE_VALUE))
        return refuse(fields, 400, "a header value contains a control character");
    for (size_t i = 0; i < sizeof known_fields / sizeof known_fields[0]; i++)
        if (span_equals_nocase(name, known_fields[i].name))
            return known_fields[i].add(fields, span_trim(value));
    return true;
}

bool http_fields_finish(struct http_fields *fields)
{
    if (fields->status != 0)
        return false;
    if (!fields->has_host && !fields->http_1_0)
        return refuse(fields, 400, "Host is missing");
    if (fields->chunked && fields->has_content_length)
        return refuse(fields, 400, "Content-Length and Transfer-Encoding contradict each other");
    if (fields->chunked && fields->http_1_0)
        return refuse(fields, 400, "HTTP/1.0 does not support Transfer-Encoding");
    return true;
}
