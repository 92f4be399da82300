/*
 * The end of a gateway thread in the reading part: takes back what the reading threads have answered, and knows which
 * requests are away and for how long. A mutex protects the requests on their way back; the issue path never takes it.
 */
#ifndef COUPOND_READING_PORT_H
#define COUPOND_READING_PORT_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "gateway/reading/request.h"

struct reading_port {
    /* shared: under the mutex */
    pthread_mutex_t mutex;
    struct reading_request *answered; /* in reverse order */
    void (*wake)(void *arg);          /* wakes the gateway thread; NULL: it has ended */
    void *wake_arg;
    /* owned by the gateway thread */
    struct reading_request *oldest; /* that are away and not dropped */
    struct reading_request *newest;
    unsigned streams; /* unfinished ones */
};

void reading_port_init(struct reading_port *port);
void reading_port_deinit(struct reading_port *port);

/* --- on the gateway thread --- */

/* From now on `wake` is called, on a reading thread, when something has been answered. */
void reading_port_open(struct reading_port *port, void (*wake)(void *arg), void *arg);
/* Every request has been dropped; those that are away are freed by their reading threads. */
void reading_port_close(struct reading_port *port);

/* Notes that the request leaves. */
void reading_port_send(struct reading_port *port, struct reading_request *request, int64_t now_us);
/* The next answered request, in order; frees dropped ones. NULL: none. */
struct reading_request *reading_port_take(struct reading_port *port);
/* Removes the request from those that are away. */
void reading_port_forget(struct reading_request *request);
/* Counts the request among the port's unfinished streams, until it is dropped. */
void reading_port_count_stream(struct reading_request *request);
/* Nobody waits for the request any more: frees it, now or when it comes back. Sets *request to NULL; accepts NULL. */
void reading_port_drop(struct reading_request **request);

/* --- on a reading thread --- */

void reading_port_answer(struct reading_port *port, struct reading_request *request);

#endif
