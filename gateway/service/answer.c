#include "gateway/service/answer.h"

#include <string.h>

#include "gateway/connection/request_note.h"
#include "gateway/tracing/port.h"
#include "shared/error.h"
#include "shared/telemetry/log.h"

/* --- beginning --- */

struct exchange *answer_exchange(struct service *service, struct connection *connection,
                                 const struct http_request *request, enum metric_route route)
{
    struct exchange *exchange = exchange_acquire(&service->exchanges);
    if (exchange == NULL)
        return NULL;
    exchange->route = route;
    exchange->http_1_0 = request->http_1_0;
    exchange->head_only = request->method == METHOD_HEAD;
    exchange->origin_fields = service_origin_fields(service, request);
    exchange->note = connection->note;
    connection->note = NULL;
    connection_enqueue(connection, exchange);
    return exchange;
}

struct exchange *answer_exchange_waiting(struct service *service, struct connection *connection,
                                         const struct http_request *request, enum metric_route route,
                                         uint64_t partitions)
{
    struct exchange *exchange = answer_exchange(service, connection, request, route);
    if (exchange == NULL)
        answer_local_with_error(service, connection, request, route, ERROR_OVERLOADED);
    else
        exchange_wait(&service->exchanges, exchange, partitions, service_now_us(service));
    return exchange;
}

/* The id to echo; `note` may be NULL. */
static const char *request_id(const struct request_note *note)
{
    return note == NULL ? NULL : note->id;
}

/* `exchange` is NULL for the current request of a connection without unanswered ones. */
static struct answer begin(struct service *service, struct connection *connection, struct exchange *exchange,
                           enum metric_route route, struct request_note *note, struct reply_style style)
{
    style.close = connection_ends_with(connection, exchange);
    style.request_id = request_id(note);
    return (struct answer){
        .service = service,
        .connection = connection,
        .exchange = exchange,
        .route = route,
        .note = note,
        .style = style,
        .out = connection_answer_buffer(connection, exchange),
    };
}

struct answer answer_begin(struct service *service, struct exchange *exchange)
{
    struct reply_style style = {
        .http_1_0 = exchange->http_1_0,
        .head_only = exchange->head_only,
        .origin_fields = exchange->origin_fields,
    };
    return begin(service, exchange->connection, exchange, exchange->route, exchange->note, style);
}

/* Behind unanswered requests it gets an exchange that holds the answer. */
struct answer answer_begin_local(struct service *service, struct connection *connection,
                                 const struct http_request *request, enum metric_route route)
{
    if (connection->queue_length > 0) {
        struct exchange *exchange = answer_exchange(service, connection, request, route);
        CHECK(exchange != NULL); /* a connection with unanswered requests accepts another only if an exchange is free */
        return answer_begin(service, exchange);
    }
    struct reply_style style = {
        .http_1_0 = request->http_1_0,
        .head_only = request->method == METHOD_HEAD,
        .origin_fields = service_origin_fields(service, request),
    };
    return begin(service, connection, NULL, route, connection->note, style);
}

/* --- ending --- */

static void end_note(const struct answer *answer, int status)
{
    struct service *service = answer->service;
    struct request_note *note = answer->note;
    if (service->options->log_requests)
        request_note_log(note, answer->route, status, service_now_us(service));
    if (note->trace == NULL)
        return;
    note->trace->status = status;
    memcpy(note->trace->request_id, note->id, sizeof note->id);
    memcpy(note->trace->coupon_id, note->coupon_id, sizeof note->coupon_id);
    trace_port_answer(service->traces, &note->trace);
}

void answer_end(const struct answer *answer, int status)
{
    struct service *service = answer->service;
    struct exchange *exchange = answer->exchange;
    metrics_add(service->metrics, METRIC_GATEWAY_REQUESTS, metrics_route_status(answer->route, status), 1);
    if (answer->note != NULL)
        end_note(answer, status);
    if (exchange != NULL && exchange->waiting != 0) {
        metrics_observe(service->metrics, METRIC_GATEWAY_REQUEST_TIME,
                        (uint64_t)(service_now_us(service) - exchange->begun_us), 1);
        exchange_settle(&service->exchanges, exchange);
    }
    connection_answered(answer->connection, exchange);
}

/* Counts the 503 answers that ask clients to retry. */
static void count_unavailable(struct service *service, enum error_code code)
{
    if (code == ERROR_OVERLOADED)
        metrics_add(service->metrics, METRIC_GATEWAY_UNAVAILABLE, METRIC_UNAVAILABLE_OVERLOADED, 1);
    else if (code == ERROR_ISSUER_UNAVAILABLE)
        metrics_add(service->metrics, METRIC_GATEWAY_UNAVAILABLE, METRIC_UNAVAILABLE_ISSUER_UNAVAILABLE, 1);
    else if (code == ERROR_OUTCOME_UNKNOWN)
        metrics_add(service->metrics, METRIC_GATEWAY_UNAVAILABLE, METRIC_UNAVAILABLE_OUTCOME_UNKNOWN, 1);
    else if (code == ERROR_STORE_UNAVAILABLE)
        metrics_add(service->metrics, METRIC_GATEWAY_UNAVAILABLE, METRIC_UNAVAILABLE_STORE_UNAVAILABLE, 1);
}

void answer_error(const struct answer *answer, enum error_code code, const struct problem_extras *extras)
{
    count_unavailable(answer->service, code);
    answer_end(answer, reply_write_problem(answer->out, &answer->service->clock, answer->style, code, extras));
}

void answer_note_nonsense(const struct service *service, uint16_t partition, unsigned verdict)
{
    metrics_add(service->metrics, METRIC_GATEWAY_FRAMES_DROPPED, METRIC_DROP_MALFORMED, 1);
    log_debug("gateway", "invalid reply from the issuer partition=%u verdict=%u", partition, verdict);
}

void answer_nonsense(const struct answer *answer, uint16_t partition, unsigned verdict)
{
    answer_note_nonsense(answer->service, partition, verdict);
    answer_error(answer, ERROR_OUTCOME_UNKNOWN, NULL);
}

void answer_exchange_with_error(struct service *service, struct exchange *exchange, enum error_code code)
{
    struct answer answer = answer_begin(service, exchange);
    answer_error(&answer, code, NULL);
}

void answer_local_with_error(struct service *service, struct connection *connection, const struct http_request *request,
                             enum metric_route route, enum error_code code)
{
    struct answer answer = answer_begin_local(service, connection, request, route);
    answer_error(&answer, code, NULL);
}
