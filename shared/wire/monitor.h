/*
 * libzmq's events on the connections of a ZeroMQ socket (zmq_socket_monitor): a PAIR that one thread at a time reads
 * without blocking. Its queue is unbounded: with a bound, ZeroMQ's I/O thread would wait for the reader.
 */
#ifndef COUPOND_MONITOR_H
#define COUPOND_MONITOR_H

#include <czmq.h>
#include <stdbool.h>
#include <stdint.h>

struct monitor_event {
    uint16_t number; /* ZMQ_EVENT_… */
    uint32_t value;  /* a descriptor, an errno or a protocol error, depending on the event */
};

/* On the socket's thread. `events`: ZMQ_EVENT_… bits; a socket has one monitor at a time. The caller destroys it after
 * monitor_end(). */
zsock_t *monitor_open(zsock_t *socket, int events);
/* On the socket's thread: ends the events; those already queued can still be read. */
void monitor_end(zsock_t *socket);

/* False when there is no event. */
bool monitor_next(zsock_t *monitor, struct monitor_event *event);
/* The descriptor is edge-triggered: wait for it only after monitor_next() has returned false. */
int monitor_fd(zsock_t *monitor);

#endif
