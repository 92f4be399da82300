/*
 * A listening ZeroMQ socket's endpoint, which takes no more connections while few descriptors are left to the process,
 * and takes them again when there are more: libzmq has no bound on connections, and spins in accept() when no
 * descriptor is left. The socket stays bound, since unbinding would disconnect the peers that stand. Instead the kernel
 * drops whoever asks for a connection (a filter on TCP's listening socket, which lets the client ask again), or finds
 * nobody (the UNIX socket's file bears another name meanwhile).
 *
 *   open ── less than a quarter of the descriptors is left ──► shut ── more than three eighths are ──► open
 *
 * Owned and used by the socket's thread.
 */
#ifndef COUPOND_DOOR_H
#define COUPOND_DOOR_H

#include <czmq.h>
#include <stdbool.h>
#include <stdint.h>

#define DOOR_TURN_MS 200 /* door_tend() wants to be called about so often */

struct door {
    char endpoint[300];
    int listener; /* libzmq's descriptor, borrowed; -1: the endpoint is inproc, which takes none */
    int spare;    /* given up for turning away those who wait when no descriptor is left */
    bool open;
    bool warned; /* since it was last said that all is well again */
    int64_t next_us;
    int64_t warned_us;
};

/* Binds `socket`. -1 and errno when it cannot. */
int door_open(struct door *door, zsock_t *socket, const char *endpoint);
/* Looks at most each DOOR_TURN_MS; `now_us` is monotone. */
void door_tend(struct door *door, int64_t now_us);
/* Before the socket is destroyed. A door that was never opened is all zeros. */
void door_close(struct door *door);

#endif
