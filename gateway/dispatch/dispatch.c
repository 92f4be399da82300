#include "gateway/dispatch/dispatch.h"

#include <stdlib.h>
#include <string.h>

#include "gateway/api/coupon_id_random.h"
#include "gateway/api/listing.h"
#include "gateway/connection/request_note.h"
#include "gateway/dispatch/audit.h"
#include "gateway/dispatch/change.h"
#include "gateway/dispatch/eligibility.h"
#include "gateway/dispatch/limiting.h"
#include "gateway/dispatch/local_answers.h"
#include "gateway/dispatch/readings.h"
#include "gateway/dispatch/rehearsing.h"
#include "gateway/dispatch/status.h"
#include "gateway/dispatch/traces.h"
#include "gateway/dispatch/verification.h"
#include "gateway/limits/limits.h"
#include "gateway/live/live.h"
#include "gateway/policy/requests.h"
#include "gateway/reading/request.h"
#include "gateway/service/answer.h"
#include "shared/error.h"

/* --- answers to the request at hand --- */

/* Behind unanswered requests the refusal needs an exchange. When none is free it is omitted: the earlier requests are
 * answered, and the connection is closed. */
static void refuse(struct service *service, struct connection *connection, enum error_code code,
                   const struct api_errors *errors)
{
    struct problem_extras extras = {.errors = errors};
    connection_enter(connection, CONNECTION_LAST);
    connection->refused = true;
    connection_mark_dirty(connection);
    if (connection->queue_length > 0 && exchanges_full(&service->exchanges))
        return;
    struct answer answer = answer_begin_local(service, connection, &connection->request, METRIC_ROUTE_NONE);
    answer.style.head_only = false; /* a refused request's method may be unknown */
    answer_error(&answer, code, &extras);
}

/* Creates the note of the current request, or with NULL of one that could not be parsed. */
static void take_note(struct service *service, struct connection *connection, const struct http_request *request)
{
    bool logged = service->options->log_requests;
    struct trace *trace = service->traces == NULL ? NULL : traces_sample(service, request);
    if (!logged && trace == NULL && (request == NULL || request->request_id.at == NULL))
        return;
    connection->note = request_note_create(request, logged || trace != NULL, service_now_us(service));
    connection->note->trace = trace;
}

/* A change has a note, so that its record says with which request, and who asked for it; a request with a condition on
 * the owner, so that it says who that must be. */
static void note_actor(struct service *service, struct connection *connection, const struct http_request *request,
                       const struct api_call *call)
{
    const struct principal *principal = &call->principal;
    if (connection->note == NULL && (audit_concerns(call) || call->owned))
        connection->note = request_note_create(request, true, service_now_us(service));
    if (connection->note != NULL && principal->id_length > 0)
        request_note_set_actor(connection->note, (struct span){principal->id, principal->id_length});
}

/* Drops a note that no exchange has taken over. */
static void drop_note(struct connection *connection)
{
    if (connection->note != NULL)
        request_note_destroy(&connection->note);
}

static void note_coupon(struct connection *connection, const struct api_call *call)
{
    if (connection->note != NULL &&
        (call->kind == API_ISSUE || call->kind == API_CHANGE || call->kind == API_SWEEP || call->kind == API_LIVE ||
         (call->kind == API_READING &&
          (call->question.scope == READING_COUPON || call->question.scope == READING_HISTORY))))
        request_note_set_coupon(connection->note, call->coupon_id);
    else if (connection->note != NULL && call->kind == API_COUPON)
        request_note_set_coupon(connection->note, (struct span){call->coupon.id, strlen(call->coupon.id)});
}

void dispatch_refusal(struct service *service, struct connection *connection, enum error_code code, const char *reason)
{
    struct api_errors errors = {0};
    if (reason != NULL)
        api_errors_add(&errors, "http", reason);
    take_note(service, connection, NULL);
    refuse(service, connection, code, &errors);
    drop_note(connection);
}

void dispatch_turned_away(struct service *service, struct connection *connection)
{
    const struct reply_style last = {.close = true,
                                     .origin_fields = service_origin_fields(service, &connection->request)};
    reply_write_problem(&connection->out, &service->clock, last, ERROR_OVERLOADED, NULL);
}

static void answer_problem(struct service *service, struct connection *connection, const struct http_request *request,
                           const struct api_call *call)
{
    struct answer answer = answer_begin_local(service, connection, request, call->route);
    struct problem_extras extras = {
        .detail = call->detail,
        .invalid_token = call->error == ERROR_UNAUTHORIZED && call->invalid_token,
        .reason = call->identity == METRIC_IDENTITY_OK ? NULL : identity_reason_name(call->identity),
    };
    char allow[64];
    if (call->errors.count > 0)
        extras.errors = &call->errors;
    if (call->error == ERROR_METHOD_NOT_ALLOWED) {
        api_allow_format(call->allow, allow, sizeof allow);
        extras.allow = allow;
    }
    answer_error(&answer, call->error, &extras);
}

static void answer_local(struct service *service, struct connection *connection, const struct http_request *request,
                         const struct api_call *call)
{
    struct answer answer = answer_begin_local(service, connection, request, call->route);
    char *if_match = call->kind == API_DOCUMENT ? http_request_if_match(request) : NULL;
    char *if_none_match = call->kind == API_DOCUMENT ? http_request_if_none_match(request) : NULL;
    int status = 0;
    if (call->kind == API_ME)
        status = local_answer_me(service, answer.out, answer.style, call);
    else if (call->kind == API_LIVEZ)
        status = local_answer_livez(service, answer.out, answer.style);
    else if (call->kind == API_READYZ)
        status = local_answer_readyz(answer.service, answer.out, answer.style);
    else if (call->kind == API_METRICS)
        status = local_answer_metrics(answer.service, answer.out, answer.style);
    else
        status =
            local_answer_document(answer.service, answer.out, answer.style, call->document, if_match, if_none_match);
    free(if_match);
    free(if_none_match);
    answer_end(&answer, status);
}

static void answer_preflight(struct service *service, struct connection *connection, const struct http_request *request,
                             const struct api_call *call)
{
    struct answer answer = answer_begin_local(service, connection, request, call->route);
    char methods[64];
    api_allow_format(call->allow, methods, sizeof methods);
    answer_end(&answer, cors_write_preflight(answer.out, &service->clock, answer.style, methods));
}

/* --- calls of the issuer --- */

static void send_issue(struct service *service, struct connection *connection, const struct http_request *request,
                       const struct api_call *call)
{
    uint16_t partition = coupon_partition(call->coupon_id.at, call->coupon_id.length, service->partitions);
    struct frame_issue_request *record = NULL;
    struct exchange *exchange = NULL;
    if (policies_refuse(service, connection, request, call))
        return;
    if (!service_may_ask(service, partition)) {
        answer_local_with_error(service, connection, request, call->route, ERROR_ISSUER_UNAVAILABLE);
        return;
    }
    exchange = answer_exchange_waiting(service, connection, request, call->route, 1ull << partition);
    if (exchange == NULL)
        return;
    exchange->kind = EXCHANGE_ISSUE;
    exchange->op = (uint8_t)call->issue_op;
    exchange->nth = call->nth;
    exchange->coupon_id_length = (uint8_t)call->coupon_id.length;
    exchange->user_id_length = (uint8_t)call->user_id.length;
    memcpy(exchange->coupon_id, call->coupon_id.at, call->coupon_id.length);
    memcpy(exchange->user_id, call->user_id.at, call->user_id.length);
    record = partition_link_add_issue(service->links[partition], exchange->begun_us, service_until_us(service));
    record->tag = exchange_tag(exchange);
    record->op = (uint8_t)call->issue_op;
    record->nth = call->nth;
    record->request_key = call->request_key;
    record->segments = eligibility_claim(service, exchange, call);
    record->coupon_id_length = (uint8_t)call->coupon_id.length;
    record->user_id_length = (uint8_t)call->user_id.length;
    memcpy(record->coupon_id, call->coupon_id.at, call->coupon_id.length);
    memcpy(record->user_id, call->user_id.at, call->user_id.length);
    traces_send(service, partition, exchange);
}

/* A record of this exchange, blank but for the op and the id. */
static struct frame_coupon_request *add_coupon_record(struct service *service, uint16_t partition,
                                                      const struct exchange *exchange)
{
    struct frame_coupon_request *record =
        partition_link_add_coupon(service->links[partition], exchange->begun_us, service_until_us(service));
    record->tag = exchange_tag(exchange);
    record->op = exchange->op;
    record->coupon.id_length = exchange->coupon_id_length;
    memcpy(record->coupon.id, exchange->coupon_id, exchange->coupon_id_length);
    traces_send(service, partition, exchange);
    return record;
}

/* For a GET whose answer has an ETag. */
static void keep_conditions(struct exchange *exchange, const struct http_request *request)
{
    exchange->if_match = http_request_if_match(request);
    exchange->if_none_match = http_request_if_none_match(request);
}

static void send_coupon(struct service *service, struct connection *connection, const struct http_request *request,
                        struct api_call *call)
{
    struct exchange *exchange = NULL;
    uint16_t partition = 0;
    if (call->coupon.id[0] == '\0')
        coupon_id_random(call->coupon.id);
    note_coupon(connection, call);
    partition = coupon_partition(call->coupon.id, strlen(call->coupon.id), service->partitions);
    if (!service_may_ask(service, partition)) {
        answer_local_with_error(service, connection, request, call->route, ERROR_ISSUER_UNAVAILABLE);
        return;
    }
    exchange = answer_exchange_waiting(service, connection, request, call->route, 1ull << partition);
    if (exchange == NULL)
        return;
    exchange->kind = EXCHANGE_COUPON;
    exchange->op = (uint8_t)call->coupon_op;
    exchange->coupon_id_length = (uint8_t)strlen(call->coupon.id);
    memcpy(exchange->coupon_id, call->coupon.id, exchange->coupon_id_length);
    struct frame_coupon_request *record = add_coupon_record(service, partition, exchange);
    if (call->coupon_op == COUPON_GET) {
        keep_conditions(exchange, request);
        return;
    }
    frame_coupon_write(&record->coupon, &call->coupon);
    if (exchange->note != NULL) {
        record->request_id_length = (uint8_t)request_note_copy_id(exchange->note, record->request_id);
        record->actor_length = (uint8_t)request_note_copy_actor(exchange->note, record->actor);
    }
    record->if_owner = call->owned;
    record->fields = call->coupon_op == COUPON_CHANGE ? call->coupon_fields : 0;
}

/* --- answers that may be large --- */

/* An exchange that waits for no reply yet; NULL when none is free, which is answered. */
static struct exchange *begin_large(struct service *service, struct connection *connection,
                                    const struct http_request *request, const struct api_call *call,
                                    enum exchange_kind kind)
{
    struct exchange *exchange = answer_exchange(service, connection, request, call->route);
    if (exchange == NULL)
        answer_local_with_error(service, connection, request, call->route, ERROR_OVERLOADED);
    else
        exchange->kind = kind;
    return exchange;
}

static void send_or_hold(struct service *service, struct connection *connection, struct exchange *exchange)
{
    if (connection_is_clear(connection, exchange))
        dispatch_held(service, exchange);
    else
        connection_hold(connection, exchange);
}

static void take_list(struct service *service, struct connection *connection, const struct http_request *request,
                      const struct api_call *call)
{
    struct exchange *exchange = begin_large(service, connection, request, call, EXCHANGE_LIST);
    if (exchange == NULL)
        return;
    exchange->op = COUPON_LIST;
    exchange->listing = listing_create(call->limit);
    exchange->coupon_id_length = (uint8_t)strlen(call->coupon.id);
    memcpy(exchange->coupon_id, call->coupon.id, exchange->coupon_id_length);
    exchange->list_filter = call->list_filter;
    exchange->list_state = (uint8_t)call->list_state;
    exchange->user_id_length = (uint8_t)strlen(call->coupon.owner);
    memcpy(exchange->user_id, call->coupon.owner, exchange->user_id_length);
    send_or_hold(service, connection, exchange);
}

static void take_reading(struct service *service, struct connection *connection, const struct http_request *request,
                         const struct api_call *call)
{
    if (service->readers == NULL) {
        answer_local_with_error(service, connection, request, call->route, ERROR_STORE_UNAVAILABLE);
        return;
    }
    struct exchange *exchange = begin_large(service, connection, request, call, EXCHANGE_READING);
    if (exchange == NULL)
        return;
    exchange->reading = reading_request_create(service->reading_port, &call->question, exchange);
    exchange->user_id_length = call->principal.id_length;
    memcpy(exchange->user_id, call->principal.id, exchange->user_id_length);
    send_or_hold(service, connection, exchange);
}

static void take_live(struct service *service, struct connection *connection, const struct http_request *request,
                      const struct api_call *call)
{
    struct exchange *exchange = begin_large(service, connection, request, call, EXCHANGE_LIVE);
    if (exchange == NULL)
        return;
    exchange->op = COUPON_GET;
    exchange->coupon_id_length = (uint8_t)call->coupon_id.length;
    memcpy(exchange->coupon_id, call->coupon_id.at, call->coupon_id.length);
    send_or_hold(service, connection, exchange);
}

static void take_status(struct service *service, struct connection *connection, const struct http_request *request,
                        const struct api_call *call)
{
    struct exchange *exchange = begin_large(service, connection, request, call, EXCHANGE_STATUS);
    if (exchange != NULL)
        send_or_hold(service, connection, exchange);
}

static void hold_local(struct service *service, struct connection *connection, const struct http_request *request,
                       const struct api_call *call)
{
    enum exchange_kind kind = call->kind == API_METRICS ? EXCHANGE_METRICS : EXCHANGE_DOCUMENT;
    struct exchange *exchange = begin_large(service, connection, request, call, kind);
    if (exchange == NULL)
        return;
    if (kind == EXCHANGE_DOCUMENT)
        exchange->document = call->document;
    keep_conditions(exchange, request);
    send_or_hold(service, connection, exchange);
}

/* /metrics and documents. An answer without earlier ones needs no exchange, so /metrics works even when all
 * exchanges are in use. */
static void take_large_local(struct service *service, struct connection *connection, const struct http_request *request,
                             const struct api_call *call)
{
    if (!connection_is_clear(connection, NULL)) {
        hold_local(service, connection, request, call);
    } else if (connections_unread_limit_reached(service->connections)) {
        answer_local_with_error(service, connection, request, call->route, ERROR_OVERLOADED);
    } else {
        answer_local(service, connection, request, call);
    }
}

static void send_list(struct service *service, struct exchange *exchange)
{
    if (!service_may_ask_all(service)) {
        answer_exchange_with_error(service, exchange, ERROR_ISSUER_UNAVAILABLE);
        return;
    }
    exchange_wait(&service->exchanges, exchange, service_all_partitions(service), service_now_us(service));
    for (uint16_t p = 0; p < service->partitions; p++) {
        struct frame_coupon_request *record = add_coupon_record(service, p, exchange);
        record->filter = exchange->list_filter;
        record->state = exchange->list_state;
        record->coupon.quantity = listing_ask(exchange->listing);
        record->coupon.text_lengths[COUPON_TEXT_OWNER] = exchange->user_id_length; /* its only text */
        memcpy(record->coupon.texts, exchange->user_id, exchange->user_id_length);
    }
}

/* Returns its status. */
static int answer_held_local(struct service *service, const struct exchange *exchange, const struct answer *answer)
{
    if (exchange->kind == EXCHANGE_METRICS)
        return local_answer_metrics(service, answer->out, answer->style);
    return local_answer_document(service, answer->out, answer->style, exchange->document, exchange->if_match,
                                 exchange->if_none_match);
}

void dispatch_held(struct service *service, struct exchange *exchange)
{
    struct answer answer;
    if (exchange->kind == EXCHANGE_READING) {
        readings_ask(service, exchange);
    } else if (exchange->kind == EXCHANGE_LIVE) {
        live_watch(service, exchange);
    } else if (connections_unread_limit_reached(service->connections) ||
               service->exchanges.waiting_lists >= LISTINGS_MAX) {
        answer_exchange_with_error(service, exchange, ERROR_OVERLOADED);
    } else if (exchange->kind == EXCHANGE_STATUS) {
        status_ask(service, exchange);
    } else if (exchange->kind == EXCHANGE_LIST) {
        send_list(service, exchange);
    } else {
        answer = answer_begin(service, exchange);
        answer_end(&answer, answer_held_local(service, exchange, &answer));
    }
}

static void answer_call(struct service *service, struct connection *connection, const struct http_request *request,
                        struct api_call *call)
{
    switch (call->kind) {
    case API_ISSUE:
        send_issue(service, connection, request, call);
        break;
    case API_CHANGE:
    case API_SWEEP:
    case API_CODE:
        change_send(service, connection, request, call);
        break;
    case API_ERASE:
        change_send_erasure(service, connection, request, call);
        break;
    case API_REHEARSE:
        rehearsing_answer(service, connection, request, call);
        break;
    case API_VERIFY:
        verification_send(service, connection, request, call);
        break;
    case API_COUPON:
        if (call->coupon_op != COUPON_GET || !policies_read(service, connection, request, call))
            send_coupon(service, connection, request, call);
        break;
    case API_LIST:
        take_list(service, connection, request, call);
        break;
    case API_READING:
        take_reading(service, connection, request, call);
        break;
    case API_LIVE:
        take_live(service, connection, request, call);
        break;
    case API_STATUS:
        take_status(service, connection, request, call);
        break;
    case API_PROBLEM:
        answer_problem(service, connection, request, call);
        break;
    case API_REFUSAL:
        refuse(service, connection, call->error, &call->errors);
        break;
    case API_ME:
    case API_LIVEZ:
    case API_READYZ:
        answer_local(service, connection, request, call);
        break;
    case API_METRICS:
    case API_DOCUMENT:
        take_large_local(service, connection, request, call);
        break;
    case API_PREFLIGHT:
        answer_preflight(service, connection, request, call);
        break;
    }
}

void dispatch_request(struct service *service, struct connection *connection, const struct http_request *request)
{
    struct api_call call;
    take_note(service, connection, request);
    if (service->limits == NULL || !limiting_refuse_client(service, connection, request)) {
        service->rules.now_s = service->clock.second;
        api_read(&call, request, &service->rules);
        note_actor(service, connection, request, &call);
        note_coupon(connection, &call);
        traces_call(connection, &call);
        if (service->limits == NULL || !limiting_refuse_user(service, connection, request, &call))
            answer_call(service, connection, request, &call);
    }
    drop_note(connection);
}

void dispatch_tick(struct service *service, bool first)
{
    dispatch_expire(service);
    readings_expire(service);
    traces_tick(service);
    if (service->limits != NULL && first)
        limits_tick(service->limits, service->metrics, service_now_us(service));
}
