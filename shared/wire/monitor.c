#include "shared/wire/monitor.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <zmq.h>

#include "shared/error.h"

zsock_t *monitor_open(zsock_t *socket, int events)
{
    static _Atomic unsigned count; /* unique names: closing a monitor does not free its name at once */
    char address[64];
    snprintf(address, sizeof address, "inproc://monitor-%u", atomic_fetch_add(&count, 1));
    CHECK(zmq_socket_monitor(zsock_resolve(socket), address, events) == 0);
    zsock_t *monitor = zsock_new(ZMQ_PAIR);
    CHECK(monitor != NULL);
    zsock_set_linger(monitor, 0);
    zsock_set_rcvhwm(monitor, 0);
    CHECK(zsock_connect(monitor, "%s", address) == 0);
    return monitor;
}

void monitor_end(zsock_t *socket)
{
    zmq_socket_monitor(zsock_resolve(socket), NULL, 0);
}

/* An event has two parts: number and value, then the endpoint. */
bool monitor_next(zsock_t *monitor, struct monitor_event *event)
{
    bool more = true;
    *event = (struct monitor_event){0};
    zmq_msg_t part;
    for (unsigned i = 0; more; i++) {
        zmq_msg_init(&part);
        if (zmq_msg_recv(&part, zsock_resolve(monitor), ZMQ_DONTWAIT) < 0) {
            zmq_msg_close(&part);
            return i > 0;
        }
        const char *data = zmq_msg_data(&part);
        if (i == 0 && zmq_msg_size(&part) == sizeof event->number + sizeof event->value) {
            memcpy(&event->number, data, sizeof event->number);
            memcpy(&event->value, data + sizeof event->number, sizeof event->value);
        }
        more = zmq_msg_more(&part) != 0;
        zmq_msg_close(&part);
    }
    return true;
}

int monitor_fd(zsock_t *monitor)
{
    int fd = -1;
    size_t size = sizeof fd;
    CHECK(zmq_getsockopt(zsock_resolve(monitor), ZMQ_FD, &fd, &size) == 0);
    return fd;
}
