#include "gateway/dispatch.h"

#include "gateway/api.h"
#include "gateway/coupon_id_random.h"
#include "gateway/gateway_loop.h"
#include "gateway/listing.h"
#include "gateway/local_answers.h"
#include "gateway/verdicts.h"
#include "shared/error.h"
#include "shared/log.h"

/* An answer under way: to an exchange, or to the request at hand of a connection that waits for nothing. */
struct answer {
    struct gateway_loop *loop;
    struct connection *connection;
    struct exchange *exchange; /* NULL: of the request at hand */
    enum metric_route route;
    struct reply_style style;
    struct buffer *out;
};

static void count_answer(struct gateway_loop *loop, enum metric_route route, int status)
{
    metrics_add(loop->metrics, METRIC_GATEWAY_REQUESTS, metrics_route_status(route, status), 1);
}

/* ---- answers to exchanges ---- */

static struct answer begin_answer(struct gateway_loop *loop, struct exchange *exchange)
{
    struct connection *connection = exchange->connection;

    return (struct answer){
        .loop = loop,
        .connection = connection,
        .exchange = exchange,
        .route = exchange->route,
        .style = {connection_ends_with(connection, exchange), exchange->http_1_0, exchange->head_only},
        .out = connection_answer_buffer(connection, exchange),
    };
}

static void end_answer(const struct answer *answer, int status)
{
    struct gateway_loop *loop = answer->loop;
    struct exchange *exchange = answer->exchange;

    count_answer(loop, answer->route, status);
    if (exchange != NULL && exchange->waiting != 0) {
        metrics_observe(loop->metrics, METRIC_GATEWAY_REQUEST_TIME,
                        (uint64_t)(gateway_loop_now_us(loop) - exchange->begun_us), 1);
        exchange_settle(&loop->exchanges, exchange);
    }
    connection_answered(answer->connection, exchange);
}

static void answer_error(const struct answer *answer, enum error_code code, const struct problem_extras *extras)
{
    end_answer(answer, reply_write_problem(answer->out, &answer->loop->clock, answer->style, code, extras));
}

static void fail_exchange(struct gateway_loop *loop, struct exchange *exchange, enum error_code code)
{
    struct answer answer = begin_answer(loop, exchange);

    answer_error(&answer, code, NULL);
}

/* ---- answers to the request at hand ---- */

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
    connection_enqueue(connection, exchange);
    return exchange;
}

static struct answer begin_local_answer(struct connection *connection, const struct http_request *request,
                                        enum metric_route route)
{
    struct exchange *exchange = NULL;

    if (connection->queue_length > 0) {
        exchange = acquire_exchange(connection, request, route);
        CHECK(exchange != NULL); /* the connection takes no request behind others without a free exchange */
        return begin_answer(connection->loop, exchange);
    }
    return (struct answer){
        .loop = connection->loop,
        .connection = connection,
        .route = route,
        .style = {connection_ends_with(connection, NULL), request->http_1_0, request->method == METHOD_HEAD},
        .out = connection_answer_buffer(connection, NULL),
    };
}

void dispatch_refusal(struct connection *connection, enum error_code code, const char *reason)
{
    struct api_errors errors = {0};
    struct problem_extras extras = {.errors = &errors};
    struct answer answer;

    connection->state = CONNECTION_LAST;
    connection->refused = true;
    if (reason != NULL)
        api_errors_add(&errors, "http", reason);
    answer = begin_local_answer(connection, &connection->request, METRIC_ROUTE_NONE);
    answer.style.head_only = false; /* how much of the method was read depends on the refusal */
    answer_error(&answer, code, &extras);
}

static void answer_problem(struct connection *connection, const struct http_request *request,
                           const struct api_call *call)
{
    struct answer answer = begin_local_answer(connection, request, call->route);
    struct problem_extras extras = {0};
    char allow[64];

    if (call->errors.count > 0)
        extras.errors = &call->errors;
    if (call->error == ERROR_METHOD_NOT_ALLOWED) {
        api_allow_format(call->allow, allow, sizeof(allow));
        extras.allow = allow;
    }
    answer_error(&answer, call->error, &extras);
}

static void answer_code(struct connection *connection, const struct http_request *request, enum metric_route route,
                        enum error_code code)
{
    struct answer answer = begin_local_answer(connection, request, route);

    answer_error(&answer, code, NULL);
}

static void answer_local(struct connection *connection, const struct http_request *request, const struct api_call *call)
{
    struct answer answer = begin_local_answer(connection, request, call->route);
    int status = 0;

    if (call->kind == API_LIVEZ)
        status = local_answer_livez(answer.loop, answer.out, answer.style);
    else if (call->kind == API_READYZ)
        status = local_answer_readyz(answer.loop, answer.out, answer.style);
    else
        status = local_answer_metrics(answer.loop, answer.out, answer.style);
    end_answer(&answer, status);
}

/* ---- calls of the issuer ---- */

static bool partition_up(struct gateway_loop *loop, uint16_t partition)
{
    return issuer_link_up(loop->links[partition], (int64_t)uv_now(&loop->uv));
}

/* An exchange that waits for `partitions`; NULL when there is none left, which is answered then. */
static struct exchange *begin_exchange(struct connection *connection, const struct http_request *request,
                                       enum metric_route route, uint64_t partitions)
{
    struct gateway_loop *loop = connection->loop;
    struct exchange *exchange = acquire_exchange(connection, request, route);

    if (exchange == NULL) {
        answer_code(connection, request, route, ERROR_OVERLOADED);
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

    if (!partition_up(loop, partition)) {
        answer_code(connection, request, call->route, ERROR_ISSUER_UNAVAILABLE);
        return;
    }
    exchange = begin_exchange(connection, request, call->route, 1ull << partition);
    if (exchange == NULL)
        return;
    exchange->kind = EXCHANGE_ISSUE;
    exchange->op = (uint8_t)call->issue_op;
    exchange->coupon_id_length = (uint8_t)call->coupon_id.length;
    exchange->user_id_length = (uint8_t)call->user_id.length;
    memcpy(exchange->coupon_id, call->coupon_id.at, call->coupon_id.length);
    memcpy(exchange->user_id, call->user_id.at, call->user_id.length);
    record = issuer_link_add_issue(loop->links[partition]);
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
    struct frame_coupon_request *record = issuer_link_add_coupon(loop->links[partition]);

    record->tag = exchange_tag(exchange);
    record->op = exchange->op;
    record->fields = fields;
    frame_coupon_write(&record->coupon, coupon);
}

static void send_coupon(struct connection *connection, const struct http_request *request, struct api_call *call)
{
    struct gateway_loop *loop = connection->loop;
    struct exchange *exchange = NULL;
    uint16_t partition = 0;

    if (call->coupon.id[0] == '\0')
        coupon_id_random(call->coupon.id);
    partition = coupon_partition(call->coupon.id, strlen(call->coupon.id), loop->partitions);
    if (!partition_up(loop, partition)) {
        answer_code(connection, request, call->route, ERROR_ISSUER_UNAVAILABLE);
        return;
    }
    exchange = begin_exchange(connection, request, call->route, 1ull << partition);
    if (exchange == NULL)
        return;
    exchange->kind = EXCHANGE_COUPON;
    exchange->op = (uint8_t)call->coupon_op;
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
        answer_code(connection, request, call->route, ERROR_OVERLOADED);
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
        answer_code(connection, request, call->route, ERROR_OVERLOADED);
    } else {
        answer_local(connection, request, call);
    }
}

static void send_list(struct gateway_loop *loop, struct exchange *exchange)
{
    uint64_t all = loop->partitions == 64 ? UINT64_MAX : (1ull << loop->partitions) - 1;
    struct coupon cursor = {.quantity = listing_ask(exchange->listing)};

    for (uint16_t p = 0; p < loop->partitions; p++) {
        if (!partition_up(loop, p)) {
            fail_exchange(loop, exchange, ERROR_ISSUER_UNAVAILABLE);
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
        fail_exchange(loop, exchange, ERROR_OVERLOADED);
    } else if (exchange->kind == EXCHANGE_LIST) {
        send_list(loop, exchange);
    } else {
        answer = begin_answer(loop, exchange);
        end_answer(&answer, local_answer_metrics(loop, answer.out, answer.style));
    }
}

void dispatch_request(struct connection *connection, const struct http_request *request)
{
    struct api_call call;

    api_read(&call, request, &connection->loop->admin);
    switch (call.kind) {
    case API_ISSUE:
        send_issue(connection, request, &call);
        break;
    case API_COUPON:
        send_coupon(connection, request, &call);
        break;
    case API_LIST:
        take_list(connection, request, &call);
        break;
    case API_PROBLEM:
        answer_problem(connection, request, &call);
        break;
    case API_LIVEZ:
    case API_READYZ:
        answer_local(connection, request, &call);
        break;
    case API_METRICS:
        take_metrics(connection, request, &call);
        break;
    }
}

/* ---- replies of the issuer ---- */

/* The exchange that waits for this reply; NULL, and counted, when nobody does (any more). */
static struct exchange *find_waiting(struct gateway_loop *loop, uint16_t partition, uint64_t tag)
{
    struct exchange *exchange = exchange_find(&loop->exchanges, tag);

    if (exchange != NULL && (exchange->waiting & (1ull << partition)) != 0)
        return exchange;
    metrics_add(loop->metrics, METRIC_GATEWAY_REPLIES_LATE, 0, 1);
    return NULL;
}

/* The issuer speaks nonsense: what it decided is not known. */
static void answer_nonsense(struct gateway_loop *loop, const struct answer *answer, uint16_t partition,
                            unsigned verdict)
{
    metrics_add(loop->metrics, METRIC_GATEWAY_FRAMES_DROPPED, 0, 1);
    log_debug("gateway", "a reply of the issuer makes no sense partition=%u verdict=%u", partition, verdict);
    answer_error(answer, ERROR_OUTCOME_UNKNOWN, NULL);
}

void dispatch_on_issue_reply(void *arg, uint16_t partition, const struct frame_issue_reply *reply)
{
    struct gateway_loop *loop = arg;
    struct exchange *exchange = find_waiting(loop, partition, reply->tag);
    struct answer answer;
    int status = 0;

    if (exchange == NULL)
        return;
    answer = begin_answer(loop, exchange);
    if (exchange->kind == EXCHANGE_ISSUE)
        status = verdict_answer_issue(answer.out, &loop->clock, answer.style, exchange, reply);
    if (status != 0)
        end_answer(&answer, status);
    else
        answer_nonsense(loop, &answer, partition, reply->verdict);
}

static void finish_listing(struct gateway_loop *loop, struct exchange *exchange)
{
    struct answer answer = begin_answer(loop, exchange);
    struct reply reply = {.status = 200, .type = REPLY_JSON};

    listing_json_append(exchange->listing, &loop->scratch);
    reply.body = loop->scratch.data;
    reply.body_length = loop->scratch.length;
    reply_write(answer.out, &loop->clock, answer.style, &reply);
    buffer_clear(&loop->scratch, 0);
    end_answer(&answer, 200);
}

/* One coupon of one partition's page, or its only reply when it has none. */
static void on_listed(struct gateway_loop *loop, struct exchange *exchange, uint16_t partition,
                      const struct frame_coupon_reply *reply)
{
    struct answer answer;
    struct coupon coupon;

    if (reply->verdict != VERDICT_NONE &&
        !(reply->verdict == VERDICT_FOUND && frame_coupon_read(&reply->coupon, &coupon) &&
          listing_add(exchange->listing, partition, &coupon, reply->now_us))) {
        answer = begin_answer(loop, exchange);
        answer_nonsense(loop, &answer, partition, reply->verdict);
        return;
    }
    if (reply->remaining != 0)
        return;
    if (exchange->waiting == 1ull << partition)
        finish_listing(loop, exchange);
    else
        exchange->waiting &= ~(1ull << partition);
}

static void on_coupon(struct gateway_loop *loop, struct exchange *exchange, uint16_t partition,
                      const struct frame_coupon_reply *reply)
{
    struct answer answer = begin_answer(loop, exchange);
    enum verdict verdict = (enum verdict)reply->verdict;
    bool bears_coupon =
        verdict == VERDICT_COUPON_CREATED || verdict == VERDICT_COUPON_CHANGED || verdict == VERDICT_FOUND;
    struct coupon coupon;
    int status = 0;

    if (exchange->kind == EXCHANGE_COUPON && (!bears_coupon || frame_coupon_read(&reply->coupon, &coupon)))
        status = verdict_answer_coupon(answer.out, &loop->clock, answer.style, verdict, &coupon, reply->now_us);
    if (status != 0)
        end_answer(&answer, status);
    else
        answer_nonsense(loop, &answer, partition, reply->verdict);
}

void dispatch_on_coupon_reply(void *arg, uint16_t partition, const struct frame_coupon_reply *reply)
{
    struct gateway_loop *loop = arg;
    struct exchange *exchange = find_waiting(loop, partition, reply->tag);

    if (exchange == NULL)
        return;
    if (exchange->kind == EXCHANGE_LIST)
        on_listed(loop, exchange, partition, reply);
    else
        on_coupon(loop, exchange, partition, reply);
}

/* ---- no reply ---- */

void dispatch_on_unsent(void *arg, uint16_t partition, uint64_t tag)
{
    struct gateway_loop *loop = arg;
    struct exchange *exchange = exchange_find(&loop->exchanges, tag);

    (void)partition;
    if (exchange != NULL)
        fail_exchange(loop, exchange, ERROR_ISSUER_UNAVAILABLE);
}

void dispatch_partition_lost(struct gateway_loop *loop, uint16_t partition)
{
    struct exchange *next = NULL;

    for (struct exchange *exchange = loop->exchanges.oldest; exchange != NULL; exchange = next) {
        next = exchange->newer;
        if ((exchange->waiting & (1ull << partition)) != 0)
            fail_exchange(loop, exchange, ERROR_OUTCOME_UNKNOWN);
    }
}

void dispatch_expire(struct gateway_loop *loop)
{
    int64_t latest_us = gateway_loop_now_us(loop) - loop->options->gateway_issuer_timeout_ms * 1000;

    while (loop->exchanges.oldest != NULL && loop->exchanges.oldest->begun_us <= latest_us)
        fail_exchange(loop, loop->exchanges.oldest, ERROR_OUTCOME_UNKNOWN);
}
