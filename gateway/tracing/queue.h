/*
 * The traces that wait for the exporter: from all gateway threads to its thread. Bounded; a mutex protects it, which
 * only traced requests take.
 */
#ifndef COUPOND_TRACE_QUEUE_H
#define COUPOND_TRACE_QUEUE_H

#include <pthread.h>
#include <stdbool.h>

#include "gateway/tracing/trace.h"

struct trace_queue {
    pthread_mutex_t mutex;
    struct trace *first;
    struct trace *last;
    unsigned length;
    unsigned length_max;
};

void trace_queue_init(struct trace_queue *queue, unsigned length_max);
/* Frees the traces that are left. */
void trace_queue_deinit(struct trace_queue *queue);

/* Takes the trace over and sets *trace to NULL. False, and the trace stays, when the queue is full. Any thread. */
bool trace_queue_put(struct trace_queue *queue, struct trace **trace);
/* The oldest; NULL when there is none. The caller frees it. Any thread. */
struct trace *trace_queue_take(struct trace_queue *queue);

#endif
