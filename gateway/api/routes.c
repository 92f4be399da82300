#include "gateway/api/routes.h"

#include <stdlib.h>
#include <string.h>

#include "gateway/api/json.h"
#include "shared/error.h"

static void invalid(struct api_call *call)
{
    call->kind = API_PROBLEM;
    call->error = ERROR_INVALID_REQUEST;
}

static void ask_coupon(struct api_call *call, enum coupon_op op)
{
    call->kind = API_COUPON;
    call->coupon_op = op;
}

static void take_coupon_id(struct api_call *call)
{
    memcpy(call->coupon.id, call->coupon_id.at, call->coupon_id.length);
    call->coupon.id[call->coupon_id.length] = '\0';
}

static void read_coupon_create(struct api_call *call, const struct http_request *request)
{
    ask_coupon(call, COUPON_CREATE);
    if (!api_json_read_create(request->body, &call->coupon, &call->errors))
        invalid(call);
}

static uint64_t listed_version(const struct api_call *call, const struct http_request *request, struct span name,
                               enum etag_comparison comparison)
{
    char *list = http_request_list(request, name);
    struct span text = {list, list == NULL ? 0 : strlen(list)};
    uint64_t version = etag_list_version(text, call->coupon_id, comparison);
    free(list);
    return version;
}

/* Reduces If-Match, then If-None-Match (RFC 9110 §13.2.2), to what the issuer can compare when it decides: one version.
 * No coupon has version 0. */
static void read_preconditions(struct api_call *call, const struct http_request *request)
{
    bool named = request->if_match.present && !request->if_match.any;
    uint64_t wanted = named ? listed_version(call, request, SPAN_LITERAL("if-match"), ETAG_STRONG) : 0;
    uint64_t barred =
        request->if_none_match.present ? listed_version(call, request, SPAN_LITERAL("if-none-match"), ETAG_WEAK) : 0;
    if (request->if_none_match.any || (named && barred == wanted)) {
        call->coupon_fields |= COUPON_IF_VERSION;
        call->coupon.journal_seq = 0;
    } else if (named) {
        call->coupon_fields |= COUPON_IF_VERSION;
        call->coupon.journal_seq = wanted;
    } else if (barred != 0) {
        call->coupon_fields |= COUPON_UNLESS_VERSION;
        call->coupon.journal_seq = barred;
    }
}

static void read_coupon_change(struct api_call *call, const struct http_request *request)
{
    ask_coupon(call, COUPON_CHANGE);
    if (!api_json_read_change(request->body, &call->coupon, &call->coupon_fields, &call->errors))
        invalid(call);
    read_preconditions(call, request);
    take_coupon_id(call);
}

static void read_coupon_get(struct api_call *call, const struct http_request *request)
{
    (void)request;
    ask_coupon(call, COUPON_GET);
    memset(&call->coupon, 0, sizeof call->coupon);
    take_coupon_id(call);
}

/* --- the list's query --- */

/* 1 to COUPON_LIST_MAX in plain digits. */
static bool read_limit(struct span text, uint32_t *limit)
{
    uint32_t value = 0;
    for (size_t i = 0; i < text.length; i++) {
        if (text.at[i] < '0' || text.at[i] > '9' || i > 3)
            return false;
        value = value * 10 + (uint32_t)(text.at[i] - '0');
    }
    *limit = value;
    return value >= 1 && value <= COUPON_LIST_MAX;
}

static bool read_cursor(struct span text, struct coupon *coupon)
{
    if (!coupon_id_valid(text.at, text.length))
        return false;
    memcpy(coupon->id, text.at, text.length);
    coupon->id[text.length] = '\0';
    return true;
}

enum list_member { LIST_LIMIT = 1 << 0, LIST_CURSOR = 1 << 1 };

/* Returns 0 for an unknown name. */
static enum list_member list_member_of(struct span name)
{
    if (span_equals(name, SPAN_LITERAL("limit")))
        return LIST_LIMIT;
    return span_equals(name, SPAN_LITERAL("cursor")) ? LIST_CURSOR : 0;
}

/* Valid values fit into a cursor's length; longer ones and invalid encodings give an empty span. */
static struct span decode(struct span piece, char out[COUPON_ID_MAX])
{
    size_t length = 0;
    return http_percent_decode(piece, out, COUPON_ID_MAX, &length) ? (struct span){out, length} : SPAN_LITERAL("");
}

static void read_list_member(struct api_call *call, struct span name, struct span value, unsigned *seen)
{
    char name_text[COUPON_ID_MAX];
    char value_text[COUPON_ID_MAX];
    enum list_member member = list_member_of(decode(name, name_text));
    value = decode(value, value_text);
    if (member == 0)
        api_errors_add_unknown(&call->errors, name);
    else if ((*seen & member) != 0)
        api_errors_add(&call->errors, member == LIST_LIMIT ? "limit" : "cursor", "is given twice");
    else if (member == LIST_LIMIT && !read_limit(value, &call->limit))
        api_errors_add(&call->errors, "limit", "must be an integer from 1 to 200");
    else if (member == LIST_CURSOR && !read_cursor(value, &call->coupon))
        api_errors_add(&call->errors, "cursor", "must be the next_cursor of an earlier answer");
    *seen |= member;
}

static void read_coupon_list(struct api_call *call, const struct http_request *request)
{
    struct span query = call->target.query;
    struct span name = SPAN_NONE;
    struct span value = SPAN_NONE;
    unsigned seen = 0;
    (void)request;
    call->kind = API_LIST;
    call->limit = LIST_LIMIT_DEFAULT;
    memset(&call->coupon, 0, sizeof call->coupon);
    while (http_query_next(&query, &name, &value))
        read_list_member(call, name, value, &seen);
    if (call->errors.count > 0)
        invalid(call);
}

/* --- issues --- */

static void read_issue_post(struct api_call *call, const struct http_request *request)
{
    call->kind = API_ISSUE;
    call->issue_op = ISSUE_POST;
    if (!api_json_read_issue(request->body, &call->user_id, call->user_id_copy, &call->errors)) {
        invalid(call);
    } else if (!user_id_valid(call->user_id.at, call->user_id.length)) {
        api_errors_add(&call->errors, "user_id", USER_ID_RULE);
        invalid(call);
    }
}

static void read_issue_put(struct api_call *call, const struct http_request *request)
{
    call->kind = API_ISSUE;
    call->issue_op = ISSUE_ENSURE;
    if (request->body.length > 0 && !api_json_read_ensure(request->body, call->user_id, &call->errors))
        invalid(call);
}

static void read_issue_get(struct api_call *call, const struct http_request *request)
{
    (void)request;
    call->kind = API_ISSUE;
    call->issue_op = ISSUE_LOOKUP;
}

static void read_livez(struct api_call *call, const struct http_request *request)
{
    (void)request;
    call->kind = API_LIVEZ;
}

static void read_readyz(struct api_call *call, const struct http_request *request)
{
    (void)request;
    call->kind = API_READYZ;
}

static void read_document(struct api_call *call, const struct http_request *request)
{
    (void)request;
    call->kind = API_DOCUMENT;
    call->document = document_find(call->target.path);
    CHECK(call->document != NULL);
}

static void read_metrics(struct api_call *call, const struct http_request *request)
{
    (void)request;
    call->kind = API_METRICS;
}

/* Sorted by frequency. */
static const struct route routes[] = {
    {METHOD_POST, "/v1/coupons/{id}/issues", ROUTE_JSON, METRIC_ROUTE_ISSUE_POST, read_issue_post},
    {METHOD_PUT, "/v1/coupons/{id}/issues/{user_id}", ROUTE_OBJECT, METRIC_ROUTE_ISSUE_PUT, read_issue_put},
    {METHOD_GET, "/v1/coupons/{id}/issues/{user_id}", 0, METRIC_ROUTE_ISSUE_GET, read_issue_get},
    {METHOD_GET, "/v1/coupons/{id}", ROUTE_ETAG, METRIC_ROUTE_COUPON_GET, read_coupon_get},
    {METHOD_PATCH, "/v1/coupons/{id}", ROUTE_JSON | ROUTE_ADMIN | ROUTE_ETAG, METRIC_ROUTE_COUPON_CHANGE,
     read_coupon_change},
    {METHOD_GET, "/v1/coupons", ROUTE_QUERY, METRIC_ROUTE_COUPONS_LIST, read_coupon_list},
    {METHOD_POST, "/v1/coupons", ROUTE_JSON | ROUTE_ADMIN, METRIC_ROUTE_COUPONS_CREATE, read_coupon_create},
    {METHOD_GET, "/livez", 0, METRIC_ROUTE_LIVEZ, read_livez},
    {METHOD_GET, "/readyz", 0, METRIC_ROUTE_READYZ, read_readyz},
    {METHOD_GET, "/metrics", 0, METRIC_ROUTE_METRICS, read_metrics},
    {METHOD_GET, "/openapi.json", ROUTE_ETAG, METRIC_ROUTE_OPENAPI, read_document},
    {METHOD_GET, "/docs", ROUTE_ETAG, METRIC_ROUTE_DOCS, read_document},
    {METHOD_GET, "/docs/{file}", ROUTE_ETAG | ROUTE_ASSET, METRIC_ROUTE_DOCS, read_document},
};

/* The path segment for "{id}", "{user_id}" or "{file}" in the pattern. */
static size_t capture(const char *pattern, struct span rest, struct route_captures *captures)
{
    const char *slash = memchr(rest.at, '/', rest.length);
    struct span piece = {rest.at, slash == NULL ? rest.length : (size_t)(slash - rest.at)};
    if (pattern[1] == 'i')
        captures->coupon_id = piece;
    else if (pattern[1] == 'u')
        captures->user_id = piece;
    return piece.length;
}

static bool match(const char *pattern, struct span path, struct route_captures *captures)
{
    *captures = (struct route_captures){SPAN_NONE, SPAN_NONE};
    while (*pattern != '\0' && path.length > 0) {
        size_t size = 1;
        if (*pattern == '{') {
            size = capture(pattern, path, captures);
            if (size == 0)
                return false;
            pattern = strchr(pattern, '}') + 1;
        } else if (*pattern++ != path.at[0]) {
            return false;
        }
        path.at += size;
        path.length -= size;
    }
    return *pattern == '\0' && path.length == 0;
}

/* Which parts a page has depends on the build. */
static bool is_absent(const struct route *route, struct span path)
{
    return (route->flags & ROUTE_ASSET) != 0 && document_find(path) == NULL;
}

const struct route *api_route_find(enum method method, struct span path, struct route_captures *captures,
                                   unsigned *allow)
{
    enum method wanted = method == METHOD_HEAD ? METHOD_GET : method;
    *allow = 0;
    for (size_t i = 0; i < sizeof routes / sizeof routes[0]; i++) {
        if (!match(routes[i].pattern, path, captures) || is_absent(&routes[i], path))
            continue;
        if (routes[i].method == wanted)
            return &routes[i];
        *allow |= 1u << routes[i].method | (routes[i].method == METHOD_GET ? 1u << METHOD_HEAD : 0);
    }
    return NULL;
}
