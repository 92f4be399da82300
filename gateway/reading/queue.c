#include "gateway/reading/queue.h"

void reading_queue_init(struct reading_queue *queue, unsigned length_max, struct metrics *metrics)
{
    *queue = (struct reading_queue){.length_max = length_max, .metrics = metrics};
    pthread_mutex_init(&queue->mutex, NULL);
}

void reading_queue_deinit(struct reading_queue *queue)
{
    struct reading_request *request = NULL;
    while ((request = reading_queue_take(queue)) != NULL)
        reading_request_destroy(&request);
    pthread_mutex_destroy(&queue->mutex);
}

static void append(struct reading_queue *queue, struct reading_request *request)
{
    request->next = NULL;
    if (queue->last != NULL)
        queue->last->next = request;
    else
        queue->first = request;
    queue->last = request;
    metrics_set(queue->metrics, METRIC_GATEWAY_STORE_QUEUE, 0, ++queue->length);
}

bool reading_queue_put(struct reading_queue *queue, struct reading_request *request, bool must)
{
    pthread_mutex_lock(&queue->mutex);
    bool room = must || queue->length < queue->length_max;
    if (room)
        append(queue, request);
    pthread_mutex_unlock(&queue->mutex);
    return room;
}

struct reading_request *reading_queue_take(struct reading_queue *queue)
{
    pthread_mutex_lock(&queue->mutex);
    struct reading_request *request = queue->first;
    if (request != NULL) {
        queue->first = request->next;
        if (queue->first == NULL)
            queue->last = NULL;
        metrics_set(queue->metrics, METRIC_GATEWAY_STORE_QUEUE, 0, --queue->length);
    }
    pthread_mutex_unlock(&queue->mutex);
    return request;
}
