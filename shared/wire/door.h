/*
 * The endpoint of a listening ZeroMQ socket. It accepts no connections while less than a quarter of the process's
 * descriptors is left: new peers are disconnected and retry later. Existing connections are not affected, and the
 * journal, the store and the status port keep the remaining descriptors.
 *
 * libzmq has no limit on connections. When no descriptor is left, it spins in accept() over TCP and fails an assertion
 * over ipc. It offers no hook, so the program defines accept4() itself: the dynamic linker prefers it to the C
 * library's, also for libzmq. For all descriptors but those of open doors it is the plain system call.
 */
#ifndef COUPOND_DOOR_H
#define COUPOND_DOOR_H

#include <czmq.h>
#include <stdint.h>

struct door_watch;

struct door {
    struct door_watch *watch; /* counts refused peers; NULL: the endpoint is inproc */
    int listener;             /* libzmq's descriptor, borrowed; 0: not open; -1: the endpoint is inproc */
};

/* On the socket's thread. Binds `socket`; tcp://localhost:PORT binds to 127.0.0.1. -1 and errno when it fails. */
int door_open(struct door *door, zsock_t *socket, const char *endpoint);
/* On the socket's thread, before the socket is destroyed; a door that was never opened is all zeros. */
void door_close(struct door *door);

/* Any thread: the number of connections refused at all doors since the start. */
uint64_t doors_refused(void);

#endif
