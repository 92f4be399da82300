#include "gateway/dispatch/traces.h"

#include "gateway/connection/connection.h"
#include "gateway/connection/request_note.h"
#include "gateway/tracing/port.h"
#include "shared/clock.h"

void traces_begin(struct service *service, struct exporter *exporter)
{
    unsigned threads = (unsigned)service->options->gateway_threads;
    if (exporter != NULL)
        service->traces = exporter_create_port(exporter, threads, service->metrics);
}

struct trace *traces_sample(struct service *service, const struct http_request *request)
{
    return request == NULL ? NULL : trace_port_sample(service->traces, request, service_now_us(service));
}

void traces_call(const struct connection *connection, const struct api_call *call)
{
    if (connection->note != NULL && connection->note->trace != NULL)
        connection->note->trace->route = call->pattern;
}

/* Several partitions work on a list or an erasure at once; their times are not in the trace. */
static struct trace *trace_of(const struct exchange *exchange)
{
    if (exchange->note == NULL || exchange->kind == EXCHANGE_LIST || exchange->kind == EXCHANGE_ERASE)
        return NULL;
    return exchange->note->trace;
}

void traces_send(struct service *service, uint16_t partition, const struct exchange *exchange)
{
    struct trace *trace = trace_of(exchange);
    if (trace == NULL)
        return;
    trace_send(trace, service_now_us(service));
    partition_link_ask_times(service->links[partition]);
}

/* The issuer has written something for the request. */
static bool wrote(unsigned verdict)
{
    switch (verdict) {
    case VERDICT_ISSUED:
    case VERDICT_COUPON_CREATED:
    case VERDICT_COUPON_CHANGED:
    case VERDICT_REDEEMED:
    case VERDICT_REDEMPTION_UNDONE:
    case VERDICT_REVOKED:
    case VERDICT_SWEEPING:
        return true;
    default:
        return false;
    }
}

void traces_reply(struct service *service, uint16_t partition, const struct exchange *exchange, unsigned verdict)
{
    struct trace *trace = trace_of(exchange);
    if (trace == NULL)
        return;
    trace->verdict = verdict_name((enum verdict)verdict);
    struct link_turn turn = {.sent_us = trace->rounds_count > 0 ? trace->rounds[trace->rounds_count - 1].sent_us : 0};
    if (turn.sent_us == 0 || !partition_link_turn(service->links[partition], &turn))
        return;
    trace_reply(trace, turn.began_us, turn.decided_us, turn.synced_us);
    if (!wrote(verdict))
        return;
    trace->store = TRACE_STORE_WAITS;
    trace->partition = partition;
    trace->journal_seq = turn.journal_seq;
}

void traces_flush(struct service *service)
{
    if (service->traces != NULL && trace_port_has_answered(service->traces))
        trace_port_flush(service->traces, clock_mono_us(), clock_wall_us());
}

void traces_tick(struct service *service)
{
    if (service->traces == NULL)
        return;
    for (uint16_t p = 0; p < service->partitions; p++) {
        if (trace_port_waits(service->traces, p))
            partition_link_hurry(service->links[p], (int64_t)uv_now(service->connections->uv));
    }
    trace_port_tick(service->traces, service_now_us(service));
}

void traces_end(struct service *service)
{
    traces_flush(service);
    trace_port_destroy(&service->traces, clock_mono_us());
}
