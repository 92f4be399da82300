#include "gateway/api/api.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/api/ownership.h"
#include "gateway/api/permissions.h"
#include "gateway/api/routes.h"

static void fail(struct api_call *call, enum error_code error)
{
    call->kind = API_PROBLEM;
    call->error = error;
}

static void fail_field(struct api_call *call, const char *field, const char *reason)
{
    fail(call, ERROR_INVALID_REQUEST);
    api_errors_add(&call->errors, field, reason);
}

static void forbid_origin(struct api_call *call)
{
    fail(call, ERROR_FORBIDDEN);
    api_errors_add(&call->errors, "origin", "is not one of gateway/cors_origins");
}

/* True for valid text after "application/json": nothing, or charset=utf-8, quoted or not. */
static bool is_utf8_parameter(struct span rest)
{
    rest = span_trim(rest);
    if (rest.length == 0)
        return true;
    if (rest.at[0] != ';')
        return false;
    rest = span_trim((struct span){rest.at + 1, rest.length - 1});
    return rest.length == 0 || span_equals_nocase(rest, SPAN_LITERAL("charset=utf-8")) ||
           span_equals_nocase(rest, SPAN_LITERAL("charset=\"utf-8\""));
}

static bool is_json(struct span content_type)
{
    static const struct span json = {"application/json", 16};
    return content_type.length >= json.length &&
           span_equals_nocase((struct span){content_type.at, json.length}, json) &&
           is_utf8_parameter((struct span){content_type.at + json.length, content_type.length - json.length});
}

/* The body must not be encoded, and must be JSON if the route uses it. */
static bool has_readable_body(const struct route *route, const struct http_request *request)
{
    bool needs_json =
        (route->flags & ROUTE_JSON) != 0 || ((route->flags & ROUTE_OBJECT) != 0 && request->body.length > 0);
    return !request->encoded && (!needs_json || is_json(request->content_type));
}

/* Reports every query parameter that the route does not know. */
static bool has_no_query(struct api_call *call)
{
    struct span query = call->target.query;
    struct span name = SPAN_NONE;
    struct span value = SPAN_NONE;
    while (http_query_next(&query, &name, &value))
        api_errors_add_unknown(&call->errors, name);
    if (call->errors.count > 0)
        fail(call, ERROR_INVALID_REQUEST);
    return call->errors.count == 0;
}

/* Rejects If-Match where it can never match: only existing coupons and the contract have tags, and POST and PUT create
 * what does not exist yet. Checked last, because other faults of the request take precedence (RFC 9110 §13.2.1). */
static void judge_if_match(struct api_call *call, const struct route *route, const struct http_request *request)
{
    bool reads = request->method == METHOD_GET || request->method == METHOD_HEAD;
    if (!request->if_match.present || (route->flags & ROUTE_ETAG) != 0 || (request->if_match.any && reads))
        return;
    fail(call, ERROR_STALE_VERSION);
    call->detail =
        "If-Match cannot match this request: only existing coupons, pages and /openapi.json have an ETag. Send the "
        "request without it.";
}

/* True when the page was loaded from the host that it asks. A balancer may speak another scheme than the gateway. */
static bool is_own_page(const struct http_request *request)
{
    char *line = http_request_list(request, SPAN_LITERAL("host"));
    struct span host = {line, line != NULL ? strlen(line) : 0}, origin = request->origin;
    bool own = host.length > 0 && origin.length > host.length + 3;
    const char *end = own ? origin.at + origin.length - host.length : NULL;
    own = own && span_equals_nocase((struct span){end, host.length}, host) && memcmp(end - 3, "://", 3) == 0;
    free(line);
    return own;
}

static bool is_bearer(struct span authorization)
{
    static const struct span scheme = {"Bearer ", 7};
    return authorization.at != NULL && authorization.length > scheme.length &&
           span_equals_nocase((struct span){authorization.at, scheme.length}, scheme);
}

/* A POST without a body is the only change that a browser sends for any page without a preflight (Fetch standard,
 * CORS-safelisted methods and header fields); JSON and other methods need one. So does a bearer token, but not Basic
 * credentials that the browser remembers for a proxy. */
static bool is_from_foreign_page(const struct http_request *request, const struct cors *cors)
{
    if (request->method != METHOD_POST || request->body.length > 0 || request->origin.at == NULL ||
        is_bearer(request->authorization))
        return false;
    return (cors == NULL || !cors_allows(cors, request->origin)) && !is_own_page(request);
}

/* The same with identity on; routes for everyone look at no credentials. */
static bool identify_principal(struct api_call *call, const struct route *route, const struct http_request *request,
                               const struct api_rules *rules)
{
    if (permission_of(route->metric)->everyone)
        return true;
    enum metric_identity reason =
        identity_check(rules->identity, request->authorization, rules->now_s, &call->principal, &call->expires_at_s);
    if (reason == METRIC_IDENTITY_OK)
        return true;
    call->identity = reason;
    call->invalid_token = reason != METRIC_IDENTITY_NO_TOKEN;
    call->detail = identity_reason_detail(reason);
    return false;
}

/* Fills the call's principal. False when credentials are missing or wrong. */
static bool identify(struct api_call *call, const struct route *route, const struct http_request *request,
                     const struct api_rules *rules)
{
    if (rules->identity != NULL)
        return identify_principal(call, route, request, rules);
    bool tells = route->metric == METRIC_ROUTE_ME && request->authorization.at != NULL;
    if ((permission_of(route->metric)->off != OFF_KEY && !tells) || !rules->admin.required)
        return true;
    enum admin_verdict verdict = admin_token_check(&rules->admin, request->authorization);
    call->invalid_token = verdict == ADMIN_WRONG;
    if (verdict != ADMIN_ALLOWED)
        return false;
    principal_set(&call->principal, PRINCIPAL_ADMIN_ID, sizeof PRINCIPAL_ADMIN_ID - 1, ROLE_ADMIN);
    return true;
}

/* Refuses a principal, and says who may. */
static void forbid(struct api_call *call, const struct permission *permission, const char *why)
{
    char who[PERMISSION_TEXT_MAX];
    permission_format(permission, who);
    fail(call, ERROR_FORBIDDEN);
    snprintf(call->detail_text, sizeof call->detail_text, "%s Allowed to: %s.", why, who);
    call->detail = call->detail_text;
}

/* What the roles of the principal permit before the request is read. */
static bool is_permitted(struct api_call *call, const struct route *route)
{
    const struct permission *permission = permission_of(route->metric);
    enum permission_grant grant = permission_grant(permission, call->principal.roles);
    if ((call->principal.roles & ROLE_USER) != 0)
        call->self = (struct span){call->principal.id, call->principal.id_length};
    bool others = grant == GRANT_OWN && permission->owner == OWNER_USER && call->user_id.at != NULL &&
                  !ownership_is_self(call, call->user_id);
    if (grant == GRANT_ANONYMOUS)
        fail(call, ERROR_UNAUTHORIZED);
    else if (grant == GRANT_NONE)
        forbid(call, permission, "Your roles do not permit this request.");
    else if (others)
        forbid(call, permission, "The user is somebody else.");
    return grant != GRANT_ANONYMOUS && grant != GRANT_NONE && !others;
}

/* Only a principal that may create coupons of anybody may create one that looks like the copy of a rehearsal. */
static bool takes_rehearsal_id(const struct api_call *call)
{
    return call->kind == API_COUPON && call->coupon_op == COUPON_CREATE &&
           strncmp(call->coupon.id, REHEARSAL_COUPON_PREFIX, sizeof REHEARSAL_COUPON_PREFIX - 1) == 0;
}

/* What ownership permits once the request is read. */
static void bind_to_own(struct api_call *call, const struct route *route)
{
    const struct permission *permission = permission_of(route->metric);
    bool bound = call->kind != API_PROBLEM && permission_grant(permission, call->principal.roles) == GRANT_OWN;
    if (bound && takes_rehearsal_id(call))
        forbid(call, permission, "Ids that begin with \"rehearsal-\" are reserved for rehearsals.");
    else if (bound && !ownership_bind(call, permission))
        forbid(call, permission,
               permission->owner == OWNER_USER ? "The user is somebody else." : "The owner is somebody else.");
}

/* The checks of every route, before its own reader. */
static bool passes(struct api_call *call, const struct route *route, const struct http_request *request,
                   const struct api_rules *rules)
{
    if (!identify(call, route, request, rules))
        fail(call, ERROR_UNAUTHORIZED);
    else if (rules->identity != NULL && !is_permitted(call, route))
        return false;
    else if (!has_readable_body(route, request))
        fail(call, ERROR_UNSUPPORTED_MEDIA_TYPE);
    else if (is_from_foreign_page(request, rules->cors))
        forbid_origin(call);
    else if ((route->flags & (ROUTE_JSON | ROUTE_OBJECT)) == 0 && request->body.length > 0)
        fail_field(call, "body", "must be empty for this request");
    else
        return (route->flags & ROUTE_QUERY) != 0 || has_no_query(call);
    return false;
}

static bool captures_valid(struct api_call *call, const struct route_captures *captures)
{
    if (captures->coupon_id.at != NULL && !coupon_id_valid(captures->coupon_id.at, captures->coupon_id.length))
        fail_field(call, "coupon_id", "must be 1 to 32 of A-Z a-z 0-9 - _ .");
    if (captures->user_id.at != NULL && !user_id_valid(captures->user_id.at, captures->user_id.length))
        fail_field(call, "user_id", "must be 1 to 64 of A-Z a-z 0-9 - _ . : @");
    return call->errors.count == 0;
}

/* True for routes that the options disable. */
static bool is_hidden(struct span path, const struct api_rules *rules)
{
    return !rules->metrics && span_equals(path, SPAN_LITERAL("/metrics"));
}

/* A browser asks whether a page may use this path; `allow` holds the path's methods. */
static void read_preflight(struct api_call *call, const struct http_request *request, const struct cors *cors)
{
    call->route = METRIC_ROUTE_PREFLIGHT;
    call->kind = API_PREFLIGHT;
    if (!cors_allows(cors, request->origin))
        forbid_origin(call);
}

void api_read(struct api_call *call, const struct http_request *request, const struct api_rules *rules)
{
    const struct route *route = NULL;
    const char *fault = http_target_parse(&call->target, request->target);
    call->errors.count = 0;
    call->detail = NULL;
    call->route = METRIC_ROUTE_NONE;
    call->pattern = NULL;
    call->invalid_token = false;
    call->identity = METRIC_IDENTITY_OK;
    call->expires_at_s = IDENTITY_NEVER;
    call->owned = false;
    call->self = SPAN_NONE;
    principal_clear(&call->principal);
    if (fault != NULL) {
        fail_field(call, "target", fault);
        call->kind = API_REFUSAL;
        return;
    }
    struct route_captures captures;
    route = api_route_find(request->method, call->target.path, &captures, &call->allow);
    if (is_hidden(call->target.path, rules)) {
        fail(call, ERROR_NOT_FOUND);
        return;
    }
    if (route == NULL && call->allow != 0 && rules->cors != NULL && request->method == METHOD_OPTIONS &&
        request->preflight) {
        read_preflight(call, request, rules->cors);
        return;
    }
    if (route == NULL) {
        fail(call, call->allow != 0 ? ERROR_METHOD_NOT_ALLOWED : ERROR_NOT_FOUND);
        return;
    }
    call->route = route->metric;
    call->pattern = route->pattern;
    call->coupon_id = captures.coupon_id;
    call->user_id = captures.user_id;
    call->nth_text = captures.nth;
    call->code_text = captures.code;
    call->letter_text = captures.letter;
    if (passes(call, route, request, rules) && captures_valid(call, &captures))
        route->read(call, request);
    if (rules->identity != NULL)
        bind_to_own(call, route);
    if (call->kind != API_PROBLEM)
        judge_if_match(call, route, request);
}

void api_allow_format(unsigned allow, char *out, size_t size)
{
    static const char *const names[METHOD_COUNT] = {NULL, "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"};
    size_t length = 0;
    out[0] = '\0';
    for (unsigned i = METHOD_GET; i < METHOD_COUNT; i++)
        if ((allow & (1u << i)) != 0 && length < size)
            length += (size_t)snprintf(out + length, size - length, "%s%s", length == 0 ? "" : ", ", names[i]);
}
