#include "gateway/dispatch/readings.h"

#include <stdio.h>
#include <string.h>

#include "gateway/connection/pool.h"
#include "gateway/connection/request_note.h"
#include "gateway/dispatch/change.h"
#include "gateway/dispatch/status.h"
#include "gateway/dispatch/verdicts.h"
#include "gateway/reading/readers.h"
#include "gateway/service/answer.h"
#include "shared/clock.h"
#include "shared/store/letter.h"
#include "shared/telemetry/log.h"

enum { FIELDS_MAX = 256 };

static bool is_stream(const struct reading_request *request)
{
    return request->question.format != READING_JSON;
}

/* --- streams --- */

static void format_fields(const struct reading_request *request, char out[FIELDS_MAX])
{
    const struct reading_question *question = &request->question;
    bool csv = question->format == READING_CSV;
    char as_of[RFC3339_MAX] = "";
    if (request->page.as_of_us != TIME_NONE)
        rfc3339_format(request->page.as_of_us, as_of);
    snprintf(out, FIELDS_MAX, "Content-Type: %s\r\nContent-Disposition: attachment; filename=\"%.*s.%s\"\r\n%s%s%s",
             csv ? "text/csv; charset=utf-8; header=present" : "application/x-ndjson", (int)question->id_length,
             question->id, csv ? "csv" : "ndjson", as_of[0] != '\0' ? "X-As-Of: " : "", as_of,
             as_of[0] != '\0' ? "\r\n" : "");
}

static void begin_stream(struct service *service, struct exchange *exchange)
{
    char fields[FIELDS_MAX];
    struct answer answer = answer_begin(service, exchange);
    format_fields(exchange->reading, fields);
    connection_begin_parts(exchange->connection);
    reply_begin_stream(answer.out, &service->clock, answer.style, fields);
    exchange->reading->begun = true;
}

static void end_stream(struct service *service, struct exchange *exchange)
{
    struct answer answer = answer_begin(service, exchange);
    reply_end_stream(answer.out, answer.style);
    answer_end(&answer, 200);
}

static void write_part(struct service *service, struct exchange *exchange)
{
    struct reading_request *request = exchange->reading;
    struct connection *connection = exchange->connection;
    if (!request->begun)
        begin_stream(service, exchange);
    struct answer answer = answer_begin(service, exchange);
    reply_write_part(answer.out, answer.style, request->page.text.data, request->page.text.length);
    if (request->page.more && !answer.style.head_only)
        connection_hold_first(connection, exchange);
    else
        end_stream(service, exchange);
}

/* --- failures --- */

/* The client of a stream that has begun gets a reset, because its answer is not whole. */
static void fail(struct service *service, struct exchange *exchange, enum error_code code)
{
    if (exchange->reading->begun)
        connection_pool_close(exchange->connection);
    else
        answer_exchange_with_error(service, exchange, code);
}

/* A stream that has begun ends as well when the coupon changes hands. */
static void forbid(struct service *service, struct exchange *exchange)
{
    if (exchange->reading->begun) {
        connection_pool_close(exchange->connection);
        return;
    }
    struct answer answer = answer_begin(service, exchange);
    answer_error(&answer, ERROR_FORBIDDEN, &(struct problem_extras){.detail = VERDICT_FORBIDDEN_DETAIL});
}

/* --- pages --- */

static void answer_page(struct service *service, struct exchange *exchange)
{
    const struct buffer *text = &exchange->reading->page.text;
    const struct reply reply = {.status = 200, .type = REPLY_JSON, .body = text->data, .body_length = text->length};
    struct answer answer = answer_begin(service, exchange);
    reply_write(answer.out, &service->clock, answer.style, &reply);
    answer_end(&answer, reply.status);
}

static void format_letter_id(const struct reading_question *question, char out[STORE_LETTER_ID_MAX])
{
    struct store_dead_letter letter = {.journal_seq = question->letter.journal_seq};
    memcpy(letter.journal_id, question->letter.journal_id, sizeof letter.journal_id);
    store_letter_id_format(&letter, out);
}

static int answer_stored_letter(const struct answer *answer, const struct reading_question *question)
{
    char id[STORE_LETTER_ID_MAX], body[STORE_LETTER_ID_MAX + 32];
    struct reply reply = {.status = 200, .type = REPLY_JSON, .body = body};
    format_letter_id(question, id);
    reply.body_length = (size_t)snprintf(body, sizeof body, "{\"id\":\"%s\",\"result\":\"stored\"}", id);
    reply_write(answer->out, &answer->service->clock, answer->style, &reply);
    return reply.status;
}

static void answer_letter(struct service *service, struct exchange *exchange)
{
    const struct reading_page *page = &exchange->reading->page;
    struct problem_extras extras = {.detail = page->text.data};
    struct answer answer = answer_begin(service, exchange);
    if (page->letter == READING_LETTER_UNKNOWN) {
        extras.detail = "There is no dead letter with this id; it may have been stored since.";
        answer_error(&answer, ERROR_NOT_FOUND, &extras);
    } else if (page->letter == READING_LETTER_REFUSED) {
        answer_error(&answer, ERROR_DEAD_LETTER_REFUSED, &extras);
    } else {
        answer_end(&answer, answer_stored_letter(&answer, &exchange->reading->question));
    }
}

static void log_letter(const struct exchange *exchange)
{
    static const char *const results[] = {
        [READING_LETTER_UNKNOWN] = "unknown", [READING_LETTER_STORED] = "stored", [READING_LETTER_REFUSED] = "refused"};
    char id[STORE_LETTER_ID_MAX];
    format_letter_id(&exchange->reading->question, id);
    log_info("gateway", "dead letter retried letter=%s result=%s%s%.*s%s%s", id,
             results[exchange->reading->page.letter], exchange->user_id_length > 0 ? " actor=" : "",
             (int)exchange->user_id_length, exchange->user_id, exchange->note != NULL ? " request_id=" : "",
             exchange->note != NULL ? exchange->note->id : "");
}

static void take_letter(struct service *service, struct exchange *exchange)
{
    log_letter(exchange);
    answer_letter(service, exchange);
}

static void take_one(struct service *service, struct reading_request *request)
{
    struct exchange *exchange = request->asker;
    struct reading_one one = request->page.one;
    bool read = request->result == STORE_OK;
    reading_port_drop(&exchange->reading);
    change_on_read(service, exchange, read ? &one : NULL);
}

static void take_page(struct service *service, struct reading_request *request)
{
    struct exchange *exchange = request->asker;
    if (request->question.scope == READING_ISSUE)
        take_one(service, request);
    else if (request->question.scope == READING_PROGRESS)
        status_on_read(service, exchange, request->result == STORE_OK ? &request->page : NULL);
    else if (request->result != STORE_OK)
        fail(service, exchange, ERROR_STORE_UNAVAILABLE);
    else if (request->question.scope == READING_LETTER)
        take_letter(service, exchange);
    else if (!request->page.found)
        fail(service, exchange, ERROR_COUPON_NOT_FOUND);
    else if (request->page.foreign)
        forbid(service, exchange);
    else if (is_stream(request))
        write_part(service, exchange);
    else
        answer_page(service, exchange);
}

void readings_take(struct service *service)
{
    struct reading_request *request = NULL;
    while (service->readers != NULL && (request = reading_port_take(service->reading_port)) != NULL)
        take_page(service, request);
}

static void expire(struct service *service, struct reading_request *request)
{
    struct exchange *exchange = request->asker;
    if (request->question.scope == READING_ISSUE) {
        reading_port_drop(&exchange->reading);
        change_on_read(service, exchange, NULL);
    } else if (request->question.scope == READING_PROGRESS) {
        status_on_read(service, exchange, NULL);
    } else {
        fail(service, exchange, ERROR_STORE_UNAVAILABLE);
    }
}

void readings_expire(struct service *service)
{
    if (service->readers == NULL)
        return;
    struct reading_port *port = service->reading_port;
    int64_t latest_us = service_now_us(service) - service->options->gateway_store_timeout_ms * 1000;
    while (port->oldest != NULL && port->oldest->sent_us <= latest_us)
        expire(service, port->oldest);
}

/* --- asking --- */

/* From here on no other request of the connection is taken. */
static void prepare_stream(struct connection *connection, const struct exchange *exchange)
{
    reading_port_count_stream(exchange->reading);
    connection->streams = true;
    if (exchange->http_1_0 && connection->state == CONNECTION_OPEN)
        connection_enter(connection, CONNECTION_LAST); /* its end is the end of the answer */
}

static void ask_first(struct service *service, struct exchange *exchange)
{
    struct reading_request *request = exchange->reading;
    bool stream = is_stream(request);
    bool room = !connections_unread_limit_reached(service->connections) &&
                (!stream || service->reading_port->streams < READING_STREAMS_MAX) &&
                readers_submit(service->readers, request, service_now_us(service));
    if (!room)
        answer_exchange_with_error(service, exchange, ERROR_OVERLOADED);
    else if (stream)
        prepare_stream(exchange->connection, exchange);
}

void readings_ask(struct service *service, struct exchange *exchange)
{
    if (exchange->reading->begun)
        readers_continue(service->readers, exchange->reading, service_now_us(service));
    else
        ask_first(service, exchange);
}
