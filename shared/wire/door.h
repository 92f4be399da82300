/*
 * A listening ZeroMQ socket's endpoint, which takes no more connections while less than a quarter of the descriptors is
 * left to the process: who connects then is hung up on, and asks again later. Peers that stand are not touched, and the
 * journal, the store and the status port have what is left.
 *
 * libzmq has no bound on connections. When no descriptor is left it spins in accept() over TCP and ends the process by
 * an assertion over ipc. It has no hook for that either, so the program defines accept4() itself: the dynamic linker
 * prefers it to the C library's for libzmq, too. For all descriptors but those of open doors it is the plain system
 * call.
 */
#ifndef COUPOND_DOOR_H
#define COUPOND_DOOR_H

#include <czmq.h>
#include <stdint.h>

struct door_watch;

struct door {
    struct door_watch *watch; /* counts whom it turns away; NULL: the endpoint is inproc */
    int listener; /* libzmq's descriptor, borrowed; 0: not open; -1: the endpoint is inproc, which takes none */
};

/* On the socket's thread. Binds `socket`, for tcp://localhost:PORT to 127.0.0.1; -1 and errno when it cannot. */
int door_open(struct door *door, zsock_t *socket, const char *endpoint);
/* On the socket's thread, before the socket is destroyed; a door that was never opened is all zeros. */
void door_close(struct door *door);

/* On any thread: how many were hung up on, at all doors since the start. */
uint64_t doors_refused(void);

#endif
