#include "gateway/connection/answer.h"

#include "gateway/connection/request_note.h"
#include "gateway/gateway_loop.h"

static void count_answer(struct gateway_loop *loop, enum metric_route route, int status)
{
    metrics_add(loop->metrics, METRIC_GATEWAY_REQUESTS, metrics_route_status(route, status), 1);
}

const char *answer_request_id(const struct request_note *note)
{
    return note == NULL ? NULL : note->id;
}

struct answer answer_begin(struct gateway_loop *loop, struct exchange *exchange)
{
    struct connection *connection = exchange->connection;

    return (struct answer){
        .loop = loop,
        .connection = connection,
        .exchange = exchange,
        .route = exchange->route,
        .note = exchange->note,
        .style = {connection_ends_with(connection, exchange), exchange->http_1_0, exchange->head_only,
                  answer_request_id(exchange->note), exchange->origin_fields},
        .out = connection_answer_buffer(connection, exchange),
    };
}

void answer_end(const struct answer *answer, int status)
{
    struct gateway_loop *loop = answer->loop;
    struct exchange *exchange = answer->exchange;

    count_answer(loop, answer->route, status);
    if (answer->note != NULL && loop->options->log_requests)
        request_note_log(answer->note, answer->route, status, gateway_loop_now_us(loop));
    if (exchange != NULL && exchange->waiting != 0) {
        metrics_observe(loop->metrics, METRIC_GATEWAY_REQUEST_TIME,
                        (uint64_t)(gateway_loop_now_us(loop) - exchange->begun_us), 1);
        exchange_settle(&loop->exchanges, exchange);
    }
    connection_answered(answer->connection, exchange);
}

/* What clients are told to ask again for. */
static void count_unavailable(struct gateway_loop *loop, enum error_code code)
{
    if (code == ERROR_OVERLOADED)
        metrics_add(loop->metrics, METRIC_GATEWAY_UNAVAILABLE, METRIC_UNAVAILABLE_OVERLOADED, 1);
    else if (code == ERROR_ISSUER_UNAVAILABLE)
        metrics_add(loop->metrics, METRIC_GATEWAY_UNAVAILABLE, METRIC_UNAVAILABLE_ISSUER_UNAVAILABLE, 1);
    else if (code == ERROR_OUTCOME_UNKNOWN)
        metrics_add(loop->metrics, METRIC_GATEWAY_UNAVAILABLE, METRIC_UNAVAILABLE_OUTCOME_UNKNOWN, 1);
}

void answer_error(const struct answer *answer, enum error_code code, const struct problem_extras *extras)
{
    count_unavailable(answer->loop, code);
    answer_end(answer, reply_write_problem(answer->out, &answer->loop->clock, answer->style, code, extras));
}

void answer_exchange_with_error(struct gateway_loop *loop, struct exchange *exchange, enum error_code code)
{
    struct answer answer = answer_begin(loop, exchange);

    answer_error(&answer, code, NULL);
}
