#include "gateway/reading/port.h"

#include <stddef.h>

#include "shared/error.h"

void reading_port_init(struct reading_port *port)
{
    *port = (struct reading_port){.answered = NULL};
    pthread_mutex_init(&port->mutex, NULL);
}

static struct reading_request *take_all(struct reading_port *port)
{
    pthread_mutex_lock(&port->mutex);
    struct reading_request *answered = port->answered;
    port->answered = NULL;
    pthread_mutex_unlock(&port->mutex);
    return answered;
}

void reading_port_deinit(struct reading_port *port)
{
    struct reading_request *next = NULL;
    for (struct reading_request *request = take_all(port); request != NULL; request = next) {
        next = request->next;
        reading_request_destroy(&request);
    }
    pthread_mutex_destroy(&port->mutex);
}

void reading_port_open(struct reading_port *port, void (*wake)(void *arg), void *arg)
{
    pthread_mutex_lock(&port->mutex);
    port->wake = wake;
    port->wake_arg = arg;
    pthread_mutex_unlock(&port->mutex);
}

void reading_port_close(struct reading_port *port)
{
    CHECK(port->oldest == NULL);
    reading_port_open(port, NULL, NULL);
}

/* --- those that are away --- */

void reading_port_send(struct reading_port *port, struct reading_request *request, int64_t now_us)
{
    CHECK(!request->away);
    request->away = true;
    request->sent_us = now_us;
    request->newer = NULL;
    request->older = port->newest;
    if (port->newest != NULL)
        port->newest->newer = request;
    else
        port->oldest = request;
    port->newest = request;
}

void reading_port_forget(struct reading_request *request)
{
    struct reading_port *port = request->port;
    bool listed = request->older != NULL || request->newer != NULL || port->oldest == request;
    if (!listed)
        return;
    if (request->older != NULL)
        request->older->newer = request->newer;
    else
        port->oldest = request->newer;
    if (request->newer != NULL)
        request->newer->older = request->older;
    else
        port->newest = request->older;
    request->older = request->newer = NULL;
}

void reading_port_count_stream(struct reading_request *request)
{
    request->streams = true;
    request->port->streams++;
}

void reading_port_drop(struct reading_request **request)
{
    struct reading_request *self = *request;
    *request = NULL;
    if (self == NULL)
        return;
    self->asker = NULL;
    self->port->streams -= self->streams;
    reading_port_forget(self);
    if (self->away)
        atomic_store_explicit(&self->dropped, true, memory_order_relaxed);
    else
        reading_request_destroy(&self);
}

/* --- the way back --- */

void reading_port_answer(struct reading_port *port, struct reading_request *request)
{
    pthread_mutex_lock(&port->mutex);
    request->next = port->answered;
    port->answered = request;
    if (port->wake != NULL)
        port->wake(port->wake_arg);
    pthread_mutex_unlock(&port->mutex);
}

/* The requests are few, so the last of the list is simply searched for. */
static struct reading_request *take_first(struct reading_port *port)
{
    pthread_mutex_lock(&port->mutex);
    struct reading_request **at = &port->answered;
    while (*at != NULL && (*at)->next != NULL)
        at = &(*at)->next;
    struct reading_request *first = *at;
    *at = NULL;
    pthread_mutex_unlock(&port->mutex);
    return first;
}

struct reading_request *reading_port_take(struct reading_port *port)
{
    struct reading_request *request = NULL;
    while ((request = take_first(port)) != NULL) {
        request->away = false;
        if (request->asker != NULL) {
            reading_port_forget(request);
            return request;
        }
        reading_request_destroy(&request);
    }
    return NULL;
}
