/*
 * A gateway thread's part in tracing: which requests are traced, and what becomes of their traces.
 *
 *   trace_port_sample() ──► the request's ──trace_port_answer()──► answered ──trace_port_flush()──► done, or waiting
 *                                                                                                      for the store
 *   waiting ──trace_port_on_stored(), or TRACE_STORE_WAIT_US later──► done (handed over)
 *
 * Owned by its thread. Pure: time is an argument, and done traces go to a callback.
 */
#ifndef COUPOND_TRACE_PORT_H
#define COUPOND_TRACE_PORT_H

#include <stdbool.h>
#include <stdint.h>

#include "gateway/http/request.h"
#include "gateway/tracing/trace.h"
#include "shared/telemetry/metrics.h"

#define TRACE_STORE_WAIT_US INT64_C(30000000)
#define TRACES_WAITING_MAX  1024 /* for the store; beyond it the oldest is done without */

struct trace_port_config {
    uint32_t per_million;    /* of the requests without a valid traceparent, how many are traced */
    int64_t interval_us;     /* between two traces on average; a second's worth may come at once */
    struct metrics *metrics; /* the thread's; borrowed */
    void (*done)(void *arg, struct trace **trace); /* takes the trace over, or leaves it to be dropped and counted */
    void *arg;
};

struct trace_port;

/* Never NULL. */
struct trace_port *trace_port_create(const struct trace_port_config *config);
/* Hands over what waits; the store was not seen to have it. */
void trace_port_destroy(struct trace_port **port, int64_t now_us);

/* The trace of a request that has just arrived; NULL: it is not traced. The caller owns it. */
struct trace *trace_port_sample(struct trace_port *port, const struct http_request *request, int64_t now_us);
/* The request is answered; takes the trace over and sets *trace to NULL. */
void trace_port_answer(struct trace_port *port, struct trace **trace);
/* All answers up to now are written. */
void trace_port_flush(struct trace_port *port, int64_t now_us, int64_t wall_us);
/* The store has every record of the partition up to `acked_seq`. */
void trace_port_on_stored(struct trace_port *port, uint16_t partition, uint64_t acked_seq, int64_t now_us);
/* Call a few times a second: ends the waits that have lasted too long. */
void trace_port_tick(struct trace_port *port, int64_t now_us);

/* True while traces of the partition wait for the store. */
bool trace_port_waits(const struct trace_port *port, uint16_t partition);
/* True when there are traces that trace_port_flush() would take. */
bool trace_port_has_answered(const struct trace_port *port);

#endif
