#include "gateway/api/routes.h"

#include <stdlib.h>
#include <string.h>

#include "gateway/api/change_query.h"
#include "gateway/api/coupon_json.h"
#include "gateway/api/document_request.h"
#include "gateway/api/idempotency_key.h"
#include "gateway/api/json.h"
#include "gateway/api/lists.h"
#include "gateway/api/operations.h"
#include "gateway/http/accept.h"
#include "shared/code.h"

static void invalid(struct api_call *call)
{
    call->kind = API_PROBLEM;
    call->error = ERROR_INVALID_REQUEST;
}

static void invalid_field(struct api_call *call, const char *field, const char *reason)
{
    api_errors_add(&call->errors, field, reason);
    invalid(call);
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
    if (!coupon_json_read_create(request->body, &call->coupon, &call->errors))
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
    if (!coupon_json_read_change(request->body, &call->coupon, &call->coupon_fields, &call->errors))
        invalid(call);
    read_preconditions(call, request);
    take_coupon_id(call);
}

static void read_coupon_get(struct api_call *call, const struct http_request *request)
{
    (void)request;
    ask_coupon(call, COUPON_GET);
    take_coupon_id(call);
}

static void read_coupon_live(struct api_call *call, const struct http_request *request)
{
    (void)request;
    call->kind = API_LIVE;
}

/* --- issues --- */

static void ask_issue(struct api_call *call, enum issue_op op)
{
    call->kind = API_ISSUE;
    call->issue_op = op;
    call->nth = 0;
    call->request_key = 0;
}

static bool read_key(struct api_call *call, const struct http_request *request)
{
    struct span key = request->idempotency_key;
    if (key.at == NULL || idempotency_key_read(key, &call->request_key))
        return true;
    invalid_field(call, "Idempotency-Key", IDEMPOTENCY_KEY_RULE);
    return false;
}

/* "erased:…" stands for somebody whose id was erased. */
static void refuse_erased(struct api_call *call)
{
    if (user_id_is_erased(call->user_id.at, call->user_id.length))
        invalid_field(call, "user_id", "is reserved for users who were erased");
}

static void read_issue_post(struct api_call *call, const struct http_request *request)
{
    ask_issue(call, ISSUE_POST);
    if (!read_key(call, request))
        return;
    call->user_id = call->self;
    if (!api_json_read_issue(request->body, &call->user_id, call->user_id_copy, &call->errors)) {
        invalid(call);
    } else if (!user_id_valid(call->user_id.at, call->user_id.length)) {
        invalid_field(call, "user_id", USER_ID_RULE);
    } else {
        refuse_erased(call);
    }
}

static void read_issue_put(struct api_call *call, const struct http_request *request)
{
    ask_issue(call, ISSUE_ENSURE);
    refuse_erased(call);
    if (request->body.length > 0 && !api_json_read_ensure(request->body, call->user_id, &call->errors))
        invalid(call);
}

static void read_issue_get(struct api_call *call, const struct http_request *request)
{
    (void)request;
    ask_issue(call, ISSUE_LOOKUP);
}

/* 1 to NTH_MAX in plain digits; the text is not empty. */
static bool read_nth(struct span text, uint16_t *nth)
{
    uint64_t value = 0;
    bool whole = span_decimal(text, NTH_MAX, &value) == text.length;
    *nth = (uint16_t)value;
    return whole && text.at[0] != '0';
}

static void read_issue_put_nth(struct api_call *call, const struct http_request *request)
{
    read_issue_put(call, request);
    if (!read_nth(call->nth_text, &call->nth))
        invalid_field(call, "nth", "must be an integer from 1 to 4095");
}

/* --- changes --- */

static void ask_change(struct api_call *call, enum change_op op)
{
    call->kind = API_CHANGE;
    call->change_op = op;
    call->sequence = 0;
    call->revocation.flags = 0;
    call->reference = SPAN_NONE;
    call->revocation.reason_length = 0;
}

static void read_redemption_put(struct api_call *call, const struct http_request *request)
{
    ask_change(call, CHANGE_REDEEM);
    if (!api_json_read_redemption(request->body, &call->reference, call->reference_copy, &call->sequence,
                                  &call->errors))
        invalid(call);
}

static void read_redemption_delete(struct api_call *call, const struct http_request *request)
{
    (void)request;
    ask_change(call, CHANGE_UNDO);
    change_query_read_undo(call);
    if (call->errors.count > 0)
        invalid(call);
}

static void read_issue_delete(struct api_call *call, const struct http_request *request)
{
    (void)request;
    ask_change(call, CHANGE_REVOKE);
    change_query_read_revoke(call);
    if (call->errors.count > 0)
        invalid(call);
}

static void read_revocations_post(struct api_call *call, const struct http_request *request)
{
    ask_change(call, CHANGE_SWEEP);
    call->kind = API_SWEEP;
    if (!api_json_read_revocation(request->body, &call->revocation, &call->errors))
        invalid(call);
}

static void read_revocations_get(struct api_call *call, const struct http_request *request)
{
    (void)request;
    ask_change(call, CHANGE_SWEPT);
    call->kind = API_SWEEP;
}

static void read_user_delete(struct api_call *call, const struct http_request *request)
{
    (void)request;
    ask_change(call, CHANGE_ERASE);
    call->kind = API_ERASE;
}

/* --- codes --- */

/* A wrong code goes the way of a right one, with a number that no code has, so that neither answer nor time tell what
 * is wrong with it. */
static void take_code(struct api_call *call)
{
    if (!code_parse(call->code_text.at, call->code_text.length, &call->code))
        call->code += CODE_NUMBER_END;
    call->kind = API_CODE;
}

static void read_code_get(struct api_call *call, const struct http_request *request)
{
    (void)request;
    ask_change(call, CHANGE_SHOW);
    take_code(call);
}

static void read_code_redemption_put(struct api_call *call, const struct http_request *request)
{
    read_redemption_put(call, request);
    if (call->sequence != 0)
        invalid_field(call, "sequence", "is not for a code, which names the issue");
    if (call->kind != API_PROBLEM)
        take_code(call);
}

/* --- the server --- */

static void read_me(struct api_call *call, const struct http_request *request)
{
    (void)request;
    call->kind = API_ME;
}

static void read_document(struct api_call *call, const struct http_request *request)
{
    document_request_read(call, request, call->target.path);
}

/* One page for all events; its script reads the address. */
static void read_event_page(struct api_call *call, const struct http_request *request)
{
    document_request_read(call, request, SPAN_LITERAL("/events"));
}

/* Sorted by frequency. */
static const struct route routes[] = {
    {METHOD_POST, "/v1/coupons/{id}/issues", ROUTE_OBJECT, METRIC_ROUTE_ISSUE_POST, read_issue_post},
    {METHOD_PUT, "/v1/coupons/{id}/issues/{user_id}", ROUTE_OBJECT, METRIC_ROUTE_ISSUE_PUT, read_issue_put},
    {METHOD_GET, "/v1/coupons/{id}/issues/{user_id}", 0, METRIC_ROUTE_ISSUE_GET, read_issue_get},
    {METHOD_PUT, "/v1/coupons/{id}/issues/{user_id}/redemption", ROUTE_JSON, METRIC_ROUTE_REDEMPTION_PUT,
     read_redemption_put},
    {METHOD_DELETE, "/v1/coupons/{id}/issues/{user_id}/redemption", ROUTE_QUERY, METRIC_ROUTE_REDEMPTION_DELETE,
     read_redemption_delete},
    {METHOD_PUT, "/v1/coupons/{id}/issues/{user_id}/{nth}", ROUTE_OBJECT, METRIC_ROUTE_ISSUE_PUT, read_issue_put_nth},
    {METHOD_DELETE, "/v1/coupons/{id}/issues/{user_id}", ROUTE_QUERY, METRIC_ROUTE_ISSUE_DELETE, read_issue_delete},
    {METHOD_POST, "/v1/coupons/{id}/revocations", ROUTE_OBJECT, METRIC_ROUTE_REVOCATIONS_POST, read_revocations_post},
    {METHOD_GET, "/v1/coupons/{id}/revocations", 0, METRIC_ROUTE_REVOCATIONS_GET, read_revocations_get},
    {METHOD_GET, "/v1/codes/{code}", 0, METRIC_ROUTE_CODE_GET, read_code_get},
    {METHOD_PUT, "/v1/codes/{code}/redemption", ROUTE_JSON, METRIC_ROUTE_CODE_REDEMPTION_PUT, read_code_redemption_put},
    {METHOD_DELETE, "/v1/users/{user_id}", 0, METRIC_ROUTE_USER_DELETE, read_user_delete},
    {METHOD_GET, "/v1/coupons/{id}", ROUTE_ETAG, METRIC_ROUTE_COUPON_GET, read_coupon_get},
    {METHOD_PATCH, "/v1/coupons/{id}", ROUTE_JSON | ROUTE_ETAG, METRIC_ROUTE_COUPON_CHANGE, read_coupon_change},
    {METHOD_GET, "/v1/coupons/{id}/live", 0, METRIC_ROUTE_COUPON_LIVE, read_coupon_live},
    {METHOD_GET, "/v1/coupons", ROUTE_QUERY, METRIC_ROUTE_COUPONS_LIST, lists_read_coupons},
    {METHOD_POST, "/v1/coupons", ROUTE_JSON, METRIC_ROUTE_COUPONS_CREATE, read_coupon_create},
    {METHOD_GET, "/v1/users/{user_id}/issues", ROUTE_QUERY, METRIC_ROUTE_USER_ISSUES, lists_read_user_issues},
    {METHOD_GET, "/v1/coupons/{id}/history", ROUTE_QUERY, METRIC_ROUTE_COUPON_HISTORY, lists_read_history},
    {METHOD_GET, "/v1/me", 0, METRIC_ROUTE_ME, read_me},
    {METHOD_GET, "/v1/coupons/{id}/issues", ROUTE_QUERY, METRIC_ROUTE_COUPON_ISSUES, lists_read_coupon_issues},
    {METHOD_GET, "/v1/status", 0, METRIC_ROUTE_STATUS, operations_read_status},
    {METHOD_GET, "/v1/dead-letters", ROUTE_QUERY, METRIC_ROUTE_DEAD_LETTERS_LIST, operations_read_letters},
    {METHOD_POST, "/v1/dead-letters/{letter}/retry", 0, METRIC_ROUTE_DEAD_LETTER_RETRY, operations_read_letter_retry},
    {METHOD_POST, "/v1/verification", 0, METRIC_ROUTE_VERIFICATION_POST, operations_read_verification_start},
    {METHOD_GET, "/v1/verification", 0, METRIC_ROUTE_VERIFICATION_GET, operations_read_verification},
    {METHOD_POST, "/v1/rehearsals", ROUTE_JSON, METRIC_ROUTE_REHEARSALS_POST, operations_read_rehearsal_start},
    {METHOD_GET, "/v1/rehearsals/latest", 0, METRIC_ROUTE_REHEARSAL_GET, operations_read_rehearsal},
    {METHOD_GET, "/livez", 0, METRIC_ROUTE_LIVEZ, operations_read_livez},
    {METHOD_GET, "/readyz", 0, METRIC_ROUTE_READYZ, operations_read_readyz},
    {METHOD_GET, "/metrics", 0, METRIC_ROUTE_METRICS, operations_read_metrics},
    {METHOD_GET, "/openapi.json", ROUTE_ETAG, METRIC_ROUTE_OPENAPI, read_document},
    {METHOD_GET, "/docs", ROUTE_ETAG, METRIC_ROUTE_DOCS, read_document},
    {METHOD_GET, "/docs/{file}", ROUTE_ETAG | ROUTE_ASSET, METRIC_ROUTE_DOCS, read_document},
    {METHOD_GET, "/events/{event}", ROUTE_QUERY | ROUTE_ETAG, METRIC_ROUTE_PAGES, read_event_page},
    {METHOD_GET, "/pages/{folder}/{file}", ROUTE_ETAG | ROUTE_ASSET, METRIC_ROUTE_PAGES, read_document},
    {METHOD_GET, "/admin", ROUTE_QUERY | ROUTE_ETAG, METRIC_ROUTE_PAGES, read_document},
    {METHOD_GET, "/", ROUTE_QUERY | ROUTE_ETAG, METRIC_ROUTE_PAGES, read_document},
};

/* The path segment for a name in the pattern. Those of pages are not kept. */
static size_t capture(const char *pattern, struct span rest, struct route_captures *captures)
{
    const char *slash = memchr(rest.at, '/', rest.length);
    struct span piece = {rest.at, slash == NULL ? rest.length : (size_t)(slash - rest.at)};
    if (pattern[1] == 'i')
        captures->coupon_id = piece;
    else if (pattern[1] == 'u')
        captures->user_id = piece;
    else if (pattern[1] == 'c')
        captures->code = piece;
    else if (pattern[1] == 'n')
        captures->nth = piece;
    else if (pattern[1] == 'l')
        captures->letter = piece;
    return piece.length;
}

static bool match(const char *pattern, struct span path, struct route_captures *captures)
{
    *captures = (struct route_captures){SPAN_NONE, SPAN_NONE, SPAN_NONE, SPAN_NONE, SPAN_NONE};
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

const struct route *api_route_at(size_t index)
{
    return index < sizeof routes / sizeof routes[0] ? &routes[index] : NULL;
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
