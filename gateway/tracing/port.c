#include "gateway/tracing/port.h"

#include <sodium.h>
#include <stdlib.h>

#include "shared/error.h"
#include "shared/limits.h"

#define SECOND_US INT64_C(1000000)

struct trace_list {
    struct trace *first;
    struct trace *last;
};

struct trace_port {
    struct trace_port_config config;
    int64_t full_us; /* when a second's worth may be traced at once again */
    uint64_t random;
    struct trace_list answered;
    struct trace_list waiting; /* for the store, in the order of ended_us */
    unsigned waiting_count;
    unsigned waiting_of[PARTITIONS_MAX];
};

/* --- life --- */

struct trace_port *trace_port_create(const struct trace_port_config *config)
{
    struct trace_port *port = calloc(1, sizeof *port);
    CHECK(port != NULL && sodium_init() >= 0 && config->interval_us > 0);
    port->config = *config;
    randombytes_buf(&port->random, sizeof port->random);
    return port;
}

static void append(struct trace_list *list, struct trace *trace)
{
    trace->next = NULL;
    if (list->last != NULL)
        list->last->next = trace;
    else
        list->first = trace;
    list->last = trace;
}

static struct trace *take_first(struct trace_list *list)
{
    struct trace *trace = list->first;
    if (trace == NULL)
        return NULL;
    list->first = trace->next;
    if (list->first == NULL)
        list->last = NULL;
    return trace;
}

static void hand_over(struct trace_port *port, struct trace *trace)
{
    port->config.done(port->config.arg, &trace);
    if (trace == NULL)
        return;
    metrics_add(port->config.metrics, METRIC_GATEWAY_TRACES, METRIC_TRACE_QUEUE_FULL, 1);
    trace_destroy(&trace);
}

/* --- sampling --- */

/* SplitMix64 (Steele, Lea, Flood 2014). */
static uint32_t random_below(struct trace_port *port, uint32_t bound)
{
    uint64_t mixed = port->random += 0x9e3779b97f4a7c15;
    mixed = (mixed ^ mixed >> 30) * 0xbf58476d1ce4e5b9;
    mixed = (mixed ^ mixed >> 27) * 0x94d049bb133111eb;
    return (uint32_t)((mixed ^ mixed >> 31) % bound);
}

static bool is_wanted(struct trace_port *port, const struct http_request *request, struct traceparent *parent)
{
    if (request->traceparent.at != NULL && traceparent_read(request->traceparent, parent))
        return parent->sampled;
    *parent = (struct traceparent){0};
    return port->config.per_million > 0 && random_below(port, 1000000) < port->config.per_million;
}

/* A client decides whether it is traced, but not how much that costs. */
static bool is_within_rate(struct trace_port *port, int64_t now_us)
{
    int64_t full_us = (port->full_us > now_us ? port->full_us : now_us) + port->config.interval_us;
    int64_t burst_us = SECOND_US > port->config.interval_us ? SECOND_US : port->config.interval_us;
    if (full_us - now_us > burst_us)
        return false;
    port->full_us = full_us;
    return true;
}

struct trace *trace_port_sample(struct trace_port *port, const struct http_request *request, int64_t now_us)
{
    struct traceparent parent;
    if (!is_wanted(port, request, &parent))
        return NULL;
    if (is_within_rate(port, now_us))
        return trace_create(&parent, request->method, now_us);
    metrics_add(port->config.metrics, METRIC_GATEWAY_TRACES, METRIC_TRACE_LIMITED, 1);
    return NULL;
}

/* --- the end --- */

void trace_port_answer(struct trace_port *port, struct trace **trace)
{
    append(&port->answered, *trace);
    *trace = NULL;
}

bool trace_port_has_answered(const struct trace_port *port)
{
    return port->answered.first != NULL;
}

/* The first of the waiting, which has waited the longest. */
static void end_oldest(struct trace_port *port, int64_t now_us)
{
    struct trace *trace = take_first(&port->waiting);
    port->waiting_count--;
    port->waiting_of[trace->partition]--;
    trace->store = TRACE_STORE_NOT_SEEN;
    trace->stored_us = now_us;
    hand_over(port, trace);
}

void trace_port_flush(struct trace_port *port, int64_t now_us, int64_t wall_us)
{
    struct trace *trace = NULL;
    while ((trace = take_first(&port->answered)) != NULL) {
        trace->ended_us = now_us;
        trace->wall_offset_us = wall_us - now_us;
        if (trace->store != TRACE_STORE_WAITS) {
            hand_over(port, trace);
            continue;
        }
        CHECK(trace->partition < PARTITIONS_MAX);
        if (port->waiting_count == TRACES_WAITING_MAX)
            end_oldest(port, now_us);
        append(&port->waiting, trace);
        port->waiting_count++;
        port->waiting_of[trace->partition]++;
    }
}

void trace_port_on_stored(struct trace_port *port, uint16_t partition, uint64_t acked_seq, int64_t now_us)
{
    struct trace_list waiting = port->waiting;
    struct trace *trace = NULL;
    if (!trace_port_waits(port, partition))
        return;
    port->waiting = (struct trace_list){0};
    while ((trace = take_first(&waiting)) != NULL) {
        if (trace->partition != partition || trace->journal_seq > acked_seq) {
            append(&port->waiting, trace);
            continue;
        }
        port->waiting_count--;
        port->waiting_of[partition]--;
        trace->store = TRACE_STORE_SEEN;
        trace->stored_us = now_us;
        hand_over(port, trace);
    }
}

void trace_port_tick(struct trace_port *port, int64_t now_us)
{
    while (port->waiting.first != NULL && now_us - port->waiting.first->ended_us >= TRACE_STORE_WAIT_US)
        end_oldest(port, now_us);
}

bool trace_port_waits(const struct trace_port *port, uint16_t partition)
{
    return port->waiting_of[partition] > 0;
}

void trace_port_destroy(struct trace_port **port, int64_t now_us)
{
    struct trace_port *self = *port;
    if (self == NULL)
        return;
    CHECK(self->answered.first == NULL);
    while (self->waiting.first != NULL)
        end_oldest(self, now_us);
    free(self);
    *port = NULL;
}
