/*
 * The bounded queue of requests that wait for a reading thread. A mutex protects it, also its metrics; the issue path
 * never takes it.
 */
#ifndef COUPOND_READING_QUEUE_H
#define COUPOND_READING_QUEUE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#include "gateway/reading/request.h"
#include "shared/telemetry/metrics.h"

struct reading_queue {
    pthread_mutex_t mutex;
    struct reading_request *first;
    struct reading_request *last;
    unsigned length;
    unsigned length_max;
    struct metrics *metrics; /* of the whole reading part; written under the mutex */
};

void reading_queue_init(struct reading_queue *queue, unsigned length_max, struct metrics *metrics);
/* Frees what still waits. */
void reading_queue_deinit(struct reading_queue *queue);

/* Appends the request; false when the queue is full, unless it `must` enter. */
bool reading_queue_put(struct reading_queue *queue, struct reading_request *request, bool must);
/* The first request; NULL: none. */
struct reading_request *reading_queue_take(struct reading_queue *queue);

#endif
