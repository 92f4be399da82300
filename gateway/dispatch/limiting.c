#include "gateway/dispatch/limiting.h"

#include "gateway/api/routes.h"
#include "gateway/connection/connection.h"
#include "gateway/limits/limits.h"
#include "gateway/service/answer.h"
#include "shared/telemetry/log.h"

/* --- refusing --- */

static void log_refusal(struct service *service, const struct net_address *client, const char *kind, uint32_t wait_s)
{
    char text[NET_ADDRESS_TEXT_MAX];
    if (!limits_may_log(service->limits, client, service_now_us(service)))
        return;
    net_address_format(client, text);
    log_warn("gateway", "requests are refused with 429 limit=%s address=%s retry_after_s=%u", kind, text, wait_s);
}

static void refuse(struct service *service, struct connection *connection, const struct http_request *request,
                   enum metric_route route, uint32_t wait_s)
{
    const struct problem_extras extras = {.retry_after_s = wait_s};
    struct answer answer = answer_begin_local(service, connection, request, route);
    answer_error(&answer, ERROR_TOO_MANY_REQUESTS, &extras);
}

/* Counts the outcome. True when the request is to be refused. */
static bool count(struct service *service, enum metric_limit kind, uint32_t wait_s, bool evicted)
{
    if (evicted)
        metrics_add(service->metrics, METRIC_GATEWAY_LIMIT_EVICTIONS, kind, 1);
    if (wait_s > 0)
        metrics_add(service->metrics, METRIC_GATEWAY_LIMITED, kind, 1);
    return wait_s > 0;
}

/* --- addresses --- */

static bool counts(const struct service *service, const struct http_request *request, struct http_target *target)
{
    static const struct span api = {"/v1/", 4};
    if (request->method == METHOD_OPTIONS && request->preflight && service->cors != NULL)
        return false;
    return http_target_parse(target, request->target) == NULL && target->path.length >= api.length &&
           span_equals((struct span){target->path.at, api.length}, api);
}

static enum metric_route route_of(const struct http_request *request, const struct http_target *target)
{
    struct route_captures captures;
    unsigned allow = 0;
    const struct route *route = api_route_find(request->method, target->path, &captures, &allow);
    return route == NULL ? METRIC_ROUTE_NONE : route->metric;
}

static struct net_address client_of(const struct service *service, struct connection *connection,
                                    const struct http_request *request)
{
    return limits_client(service->limits, connection_peer(connection), request->head);
}

bool limiting_refuse_client(struct service *service, struct connection *connection, const struct http_request *request)
{
    struct http_target target;
    bool evicted = false;
    if (!limits_count(service->limits, METRIC_LIMIT_ADDRESS) || !counts(service, request, &target))
        return false;
    struct net_address client = client_of(service, connection, request);
    uint32_t wait_s = limits_take_address(service->limits, &client, service_now_us(service), &evicted);
    if (!count(service, METRIC_LIMIT_ADDRESS, wait_s, evicted))
        return false;
    log_refusal(service, &client, "address", wait_s);
    refuse(service, connection, request, route_of(request, &target), wait_s);
    return true;
}

/* --- users --- */

/* Whom the call counts for: the principal, unless it acts for others; without one the user that the request names.
 * Empty: nobody. */
static struct span user_of(const struct api_call *call)
{
    const struct principal *principal = &call->principal;
    if ((principal->roles & (ROLE_SERVICE | ROLE_ADMIN)) != 0)
        return SPAN_NONE;
    if (principal->id_length > 0)
        return (struct span){principal->id, principal->id_length};
    bool own = call->kind == API_ISSUE || (call->kind == API_CHANGE && call->change_op != CHANGE_REVOKE);
    return own ? call->user_id : SPAN_NONE;
}

bool limiting_refuse_user(struct service *service, struct connection *connection, const struct http_request *request,
                          const struct api_call *call)
{
    struct span user_id = limits_count(service->limits, METRIC_LIMIT_USER) ? user_of(call) : SPAN_NONE;
    bool evicted = false;
    if (user_id.length == 0)
        return false;
    uint32_t wait_s = limits_take_user(service->limits, user_id, service_now_us(service), &evicted);
    if (!count(service, METRIC_LIMIT_USER, wait_s, evicted))
        return false;
    struct net_address client = client_of(service, connection, request);
    log_refusal(service, &client, "user", wait_s);
    refuse(service, connection, request, call->route, wait_s);
    return true;
}
