/*
 * What libzmq tells of a ZeroMQ socket's connections (zmq_socket_monitor): a PAIR that is read without waiting, by one
 * thread at a time. It holds as much as is told: where it had a bound, ZeroMQ's thread would wait for its reader.
 */
#ifndef COUPOND_MONITOR_H
#define COUPOND_MONITOR_H

#include <czmq.h>
#include <stdbool.h>
#include <stdint.h>

struct monitor_event {
    uint16_t number; /* ZMQ_EVENT_… */
    uint32_t value;  /* a descriptor, an errno or a protocol's error, as the event has it */
};

/* On the socket's thread. `events`: ZMQ_EVENT_… bits; a socket has one monitor at a time. The caller destroys it, after
 * monitor_end(). */
zsock_t *monitor_open(zsock_t *socket, int events);
/* On the socket's thread: no more is told, what was told can still be read. */
void monitor_end(zsock_t *socket);

/* False when there is nothing. */
bool monitor_next(zsock_t *monitor, struct monitor_event *event);
/* The descriptor tells changes: wait for it to be readable only after monitor_next() has found nothing. */
int monitor_fd(zsock_t *monitor);

#endif
