#include "gateway/tracing/queue.h"

void trace_queue_init(struct trace_queue *queue, unsigned length_max)
{
    *queue = (struct trace_queue){.length_max = length_max};
    pthread_mutex_init(&queue->mutex, NULL);
}

void trace_queue_deinit(struct trace_queue *queue)
{
    struct trace *trace = NULL;
    while ((trace = trace_queue_take(queue)) != NULL)
        trace_destroy(&trace);
    pthread_mutex_destroy(&queue->mutex);
}

bool trace_queue_put(struct trace_queue *queue, struct trace **trace)
{
    pthread_mutex_lock(&queue->mutex);
    bool room = queue->length < queue->length_max;
    if (room) {
        (*trace)->next = NULL;
        if (queue->last != NULL)
            queue->last->next = *trace;
        else
            queue->first = *trace;
        queue->last = *trace;
        queue->length++;
        *trace = NULL;
    }
    pthread_mutex_unlock(&queue->mutex);
    return room;
}

struct trace *trace_queue_take(struct trace_queue *queue)
{
    pthread_mutex_lock(&queue->mutex);
    struct trace *trace = queue->first;
    if (trace != NULL) {
        queue->first = trace->next;
        if (queue->first == NULL)
            queue->last = NULL;
        queue->length--;
    }
    pthread_mutex_unlock(&queue->mutex);
    return trace;
}
