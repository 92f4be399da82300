#include "gateway/dispatch/dispatch.h"

#include "gateway/api/api.h"
#include "gateway/api/coupon_id_random.h"
#include "gateway/api/listing.h"
#include "gateway/connection/answer.h"
#include "gateway/connection/request_note.h"
#include "gateway/dispatch/local_answers.h"
#include "gateway/dispatch/private.h"
#include "gateway/gateway_loop.h"
#include "gateway/policy/policies.h"
#include "shared/error.h"

/* ---- answers to the request at hand ---- */

const char *dispatch_origin_fields(const struct gateway_loop *loop, const struct http_request *request)
{
    return loop->rules.cors == NULL ? NULL : cors_fields(loop->rules.cors, request->origin);
}

/* The request at hand gets an exchange when earlier ones are still to be answered, so that its answer waits. */
static struct exchange *acquire_exchange(struct connection *connection, const struct http_request *request,
                                         enum metric_route route)
{
    struct exchange *exchange = exchange_acquire(&connection->loop->exchanges);

    if (exchange == NULL)
        return NULL;
    exchange->route = route;
    exchange->http_1_0 = request->http_1_0;
    exchange->head_only = request->method == METHOD_HEAD;
    exchange->origin_fields = dispatch_origin_fields(connection->loop, request);
    exchange->note = connection->note;
    connection->note = NULL;
    connection_enqueue(connection, exchange);
    return exchange;
}

struct answer dispatch_begin_local(struct connection *connection, const struct http_request *request,
                                   enum metric_route route)
{
    struct exchange *exchange = NULL;

    if (connection->queue_length > 0) {
        exchange = acquire_exchange(connection, request, route);
        CHECK(exchange != NULL); /* the connection takes no request behind others without a free exchange */
        return answer_begin(connection->loop, exchange);
    }
    return (struct answer){
        .loop = connection->loop,
        .connection = connection,
        .route = route,
        .note = connection->note,
        .style = {connection_ends_with(connection, NULL), request->http_1_0, request->method == METHOD_HEAD,
                  answer_request_id(connection->note), dispatch_origin_fields(connection->loop, request)},
        .out = connection_answer_buffer(connection, NULL),
    };
}

/* Behind others the refusal needs an exchange. Where none is free it goes unsaid: the others are answered, and the
 * connection is closed. */
static void refuse(struct connection *connection, enum error_code code, const struct api_errors *errors)
{
    struct problem_extras extras = {.errors = errors};
    struct answer answer;

    connection->state = CONNECTION_LAST;
    connection->refused = true;
    connection_mark_dirty(connection);
    if (connection->queue_length > 0 && exchanges_full(&connection->loop->exchanges))
        return;
    answer = dispatch_begin_local(connection, &connection->request, METRIC_ROUTE_NONE);
    answer.style.head_only = false; /* how much of the method was read depends on the refusal */
    answer_error(&answer, code, &extras);
}

/* Of the request at hand, or, with NULL, of one that could not be read. */
static void take_note(struct connection *connection, const struct http_request *request)
{
    struct gateway_loop *loop = connection->loop;
    bool logged = loop->options->log_requests;

    if (logged || (request != NULL && request->request_id.at != NULL))
        connection->note = request_note_create(request, logged, gateway_loop_now_us(loop));
}

/* What no exchange has taken over. */
static void drop_note(struct connection *connection)
{
    if (connection->note != NULL)
        request_note_destroy(&connection->note);
}

static void note_coupon(struct connection *connection, const struct api_call *call)
{
    if (connection->note != NULL && call->kind == API_ISSUE)
        request_note_set_coupon(connection->note, call->coupon_id);
    else if (connection->note != NULL && call->kind == API_COUPON)
        request_note_set_coupon(connection->note, (struct span){call->coupon.id, strlen(call->coupon.id)});
}

void dispatch_refusal(struct connection *connection, enum error_code code, const char *reason)
{
    struct api_errors errors = {0};

    if (reason != NULL)
        api_errors_add(&errors, "http", reason);
    take_note(connection, NULL);
    refuse(connection, code, &errors);
    drop_note(connection);
}

static void answer_problem(struct connection *connection, const struct http_request *request,
                           const struct api_call *call)
{
    struct answer answer = dispatch_begin_local(connection, request, call->route);
    struct problem_extras extras = {
        .detail = call->detail,
        .invalid_token = call->error == ERROR_UNAUTHORIZED && call->invalid_token,
    };
    char allow[64];

    if (call->errors.count > 0)
        extras.errors = &call->errors;
    if (call->error == ERROR_METHOD_NOT_ALLOWED) {
        api_allow_format(call->allow, allow, sizeof(allow));
        extras.allow = allow;
    }
    answer_error(&answer, call->error, &extras);
}

void dispatch_answer_code(struct connection *connection, const struct http_request *request, enum metric_route route,
                          enum error_code code)
{
    struct answer answer = dispatch_begin_local(connection, request, route);

    answer_error(&answer, code, NULL);
}

static void answer_local(struct connection *connection, const struct http_request *request, const struct api_call *call)
{
    struct answer answer = dispatch_begin_local(connection, request, call->route);
    int status = 0;

    if (call->kind == API_LIVEZ)
        status = local_answer_livez(answer.loop, answer.out, answer.style);
    else if (call->kind == API_READYZ)
        status = local_answer_readyz(answer.loop, answer.out, answer.style);
    else
        status = local_answer_metrics(answer.loop, answer.out, answer.style);
    answer_end(&answer, status);
}

static void answer_preflight(struct connection *connection, const struct http_request *request,
                             const struct api_call *call)
{
    struct answer answer = dispatch_begin_local(connection, request, call->route);
    char methods[64];

    api_allow_format(call->allow, methods, sizeof(methods));
    answer_end(&answer, cors_write_preflight(answer.out, &answer.loop->clock, answer.style, methods));
}

/* ---- calls of the issuer ---- */

int64_t dispatch_until_us(struct gateway_loop *loop)
{
    return gateway_loop_now_us(loop) + loop->options->gateway_issuer_timeout_ms * 1000;
}

bool dispatch_partition_up(struct gateway_loop *loop, uint16_t partition)
{
    return issuer_link_up(loop->links[partition], (int64_t)uv_now(&loop->uv));
}

struct exchange *dispatch_begin_exchange(struct connection *connection, const struct http_request *request,
                                         enum metric_route route, uint64_t partitions)
{
    struct gateway_loop *loop = connection->loop;
    struct exchange *exchange = acquire_exchange(connection, request, route);

    if (exchange == NULL) {
        dispatch_answer_code(connection, request, route, ERROR_OVERLOADED);
        return NULL;
    }
    exchange_wait(&loop->exchanges, exchange, partitions, gateway_loop_now_us(loop));
    return exchange;
}

static void send_issue(struct connection *connection, const struct http_request *request, const struct api_call *call)
{
    struct gateway_loop *loop = connection->loop;
    uint16_t partition = coupon_partition(call->coupon_id.at, call->coupon_id.length, loop->partitions);
    struct frame_issue_request *record = NULL;
    struct exchange *exchange = NULL;

    if (policies_refuse(connection, request, call))
        return;
    if (!dispatch_partition_up(loop, partition)) {
        dispatch_answer_code(connection, request, call->route, ERROR_ISSUER_UNAVAILABLE);
        return;
    }
    exchange = dispatch_begin_exchange(connection, request, call->route, 1ull << partition);
    if (exchange == NULL)
        return;
    exchange->kind = EXCHANGE_ISSUE;
    exchange->op = (uint8_t)call->issue_op;
    exchange->coupon_id_length = (uint8_t)call->coupon_id.length;
    exchange->user_id_length = (uint8_t)call->user_id.length;
    memcpy(exchange->coupon_id, call->coupon_id.at, call->coupon_id.length);
    memcpy(exchange->user_id, call->user_id.at, call->user_id.length);
    record = issuer_link_add_issue(loop->links[partition], exchange->begun_us, dispatch_until_us(loop));
    record->tag = exchange_tag(exchange);
    record->op = (uint8_t)call->issue_op;
    record->coupon_id_length = (uint8_t)call->coupon_id.length;
    record->user_id_length = (uint8_t)call->user_id.length;
    memcpy(record->coupon_id, call->coupon_id.at, call->coupon_id.length);
    memcpy(record->user_id, call->user_id.at, call->user_id.length);
}

static void add_coupon_record(struct gateway_loop *loop, uint16_t partition, const struct exchange *exchange,
                              const struct coupon *coupon, uint8_t fields)
{
    struct frame_coupon_request *record =
        issuer_link_add_coupon(loop->links[partition], exchange->begun_us, dispatch_until_us(loop));

    record->tag = exchange_tag(exchange);
    record->op = exchange->op;
    record->fields = fields;
    frame_coupon_write(&record->coupon, coupon);
}

char *dispatch_if_match(const struct http_request *request)
{
    bool asks = request->if_match.present && !request->if_match.any;

    return asks ? http_request_list(request, SPAN_LITERAL("if-match")) : NULL;
}

static void send_coupon(struct connection *connection, const struct http_request *request, struct api_call *call)
{
    struct gateway_loop *loop = connection->loop;
    struct exchange *exchange = NULL;
    uint16_t partition = 0;

    if (call->coupon.id[0] == '\0')
        coupon_id_random(call->coupon.id);
    note_coupon(connection, call);
    partition = coupon_partition(call->coupon.id, strlen(call->coupon.id), loop->partitions);
    if (!dispatch_partition_up(loop, partition)) {
        dispatch_answer_code(connection, request, call->route, ERROR_ISSUER_UNAVAILABLE);
        return;
    }
    exchange = dispatch_begin_exchange(connection, request, call->route, 1ull << partition);
    if (exchange == NULL)
        return;
    exchange->kind = EXCHANGE_COUPON;
    exchange->op = (uint8_t)call->coupon_op;
    exchange->coupon_id_length = (uint8_t)strlen(call->coupon.id);
    memcpy(exchange->coupon_id, call->coupon.id, exchange->coupon_id_length);
    if (call->coupon_op == COUPON_GET)
        exchange->if_match = dispatch_if_match(request);
    if (call->coupon_op == COUPON_GET && request->if_none_match.at != NULL)
        exchange->if_none_match = strndup(request->if_none_match.at, request->if_none_match.length);
    add_coupon_record(loop, partition, exchange, &call->coupon,
                      call->coupon_op == COUPON_CHANGE ? call->coupon_fields : 0);
}

/* ---- answers that may be large ---- */

/* An exchange that asks nobody yet; NULL when there is none left, which is answered then. */
static struct exchange *begin_large(struct connection *connection, const struct http_request *request,
                                    const struct api_call *call, enum exchange_kind kind)
{
    struct exchange *exchange = acquire_exchange(connection, request, call->route);

    if (exchange == NULL)
        dispatch_answer_code(connection, request, call->route, ERROR_OVERLOADED);
    else
        exchange->kind = kind;
    return exchange;
}

static void send_or_hold(struct connection *connection, struct exchange *exchange)
{
    if (connection_is_clear(connection, exchange))
        dispatch_held(connection->loop, exchange);
    else
        connection_hold(connection, exchange);
}

static void take_list(struct connection *connection, const struct http_request *request, const struct api_call *call)
{
    struct exchange *exchange = begin_large(connection, request, call, EXCHANGE_LIST);

    if (exchange == NULL)
        return;
    exchange->op = COUPON_LIST;
    exchange->listing = listing_create(call->limit);
    exchange->coupon_id_length = (uint8_t)strlen(call->coupon.id);
    memcpy(exchange->coupon_id, call->coupon.id, exchange->coupon_id_length);
    send_or_hold(connection, exchange);
}

/* An answer that is clear needs no exchange, so that the metrics are there when the bound of those is reached. */
static void take_metrics(struct connection *connection, const struct http_request *request, const struct api_call *call)
{
    struct exchange *exchange = NULL;

    if (!connection_is_clear(connection, NULL)) {
        exchange = begin_large(connection, request, call, EXCHANGE_METRICS);
        if (exchange != NULL)
            send_or_hold(connection, exchange);
    } else if (gateway_loop_crowded(connection->loop)) {
        dispatch_answer_code(connection, request, call->route, ERROR_OVERLOADED);
    } else {
        answer_local(connection, request, call);
    }
}

static void send_list(struct gateway_loop *loop, struct exchange *exchange)
{
    uint64_t all = loop->partitions == 64 ? UINT64_MAX : (1ull << loop->partitions) - 1;
    struct coupon cursor = {.quantity = listing_ask(exchange->listing)};

    for (uint16_t p = 0; p < loop->partitions; p++) {
        if (!dispatch_partition_up(loop, p)) {
            answer_exchange_with_error(loop, exchange, ERROR_ISSUER_UNAVAILABLE);
            return;
        }
    }
    memcpy(cursor.id, exchange->coupon_id, exchange->coupon_id_length);
    exchange_wait(&loop->exchanges, exchange, all, gateway_loop_now_us(loop));
    for (uint16_t p = 0; p < loop->partitions; p++)
        add_coupon_record(loop, p, exchange, &cursor, 0);
}

void dispatch_held(struct gateway_loop *loop, struct exchange *exchange)
{
    struct answer answer;

    if (gateway_loop_crowded(loop) || loop->exchanges.waiting_lists >= LISTINGS_MAX) {
        answer_exchange_with_error(loop, exchange, ERROR_OVERLOADED);
    } else if (exchange->kind == EXCHANGE_LIST) {
        send_list(loop, exchange);
    } else {
        answer = answer_begin(loop, exchange);
        answer_end(&answer, local_answer_metrics(loop, answer.out, answer.style));
    }
}

void dispatch_request(struct connection *connection, const struct http_request *request)
{
    struct api_call call;

    api_read(&call, request, &connection->loop->rules);
    take_note(connection, request);
    note_coupon(connection, &call);
    switch (call.kind) {
    case API_ISSUE:
        send_issue(connection, request, &call);
        break;
    case API_COUPON:
        if (call.coupon_op != COUPON_GET || !policies_read(connection, request, &call))
            send_coupon(connection, request, &call);
        break;
    case API_LIST:
        take_list(connection, request, &call);
        break;
    case API_PROBLEM:
        answer_problem(connection, request, &call);
        break;
    case API_REFUSAL:
        refuse(connection, call.error, &call.errors);
        break;
    case API_LIVEZ:
    case API_READYZ:
        answer_local(connection, request, &call);
        break;
    case API_METRICS:
        take_metrics(connection, request, &call);
        break;
    case API_PREFLIGHT:
        answer_preflight(connection, request, &call);
        break;
    }
    drop_note(connection);
}
