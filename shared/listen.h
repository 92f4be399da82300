/*
 * The sockets that a role listens on for HTTP. "localhost" stands for 127.0.0.1 and ::1, whatever a resolver says, "*"
 * for every address of the machine, IPv6 and IPv4; where the machine has no IPv6, they stand for IPv4 alone. Any other
 * name stands for the first of its addresses that the machine has. Blocking; on the thread that starts the role.
 */
#ifndef COUPOND_LISTEN_H
#define COUPOND_LISTEN_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/error.h"

enum { LISTEN_ADDRESSES_MAX = 2, LISTEN_SOCKETS_MAX = 64 /* of an address */ };

struct listen_sockets {
    unsigned addresses; /* 1, or 2 */
    unsigned count;     /* sockets of each */
    int fds[LISTEN_ADDRESSES_MAX][LISTEN_SOCKETS_MAX];
    uint16_t port;                        /* the same for all */
    bool loopback;                        /* nobody but this machine reaches them */
    char text[LISTEN_ADDRESSES_MAX * 64]; /* "127.0.0.1:8080,[::1]:8080", for the log */
};

/*
 * Binds `count` sockets to each address that "HOST:PORT" stands for (port 0 chooses one), not yet listening,
 * non-blocking. Several share an address by SO_REUSEPORT. That another program, or another coupond, has the port
 * already is an error all the same. -1 and `error`, which names `option`; no socket is left open then.
 */
int listen_bind(struct listen_sockets *sockets, const char *option, const char *address, unsigned count,
                struct error *error);

/* Closes all of them. */
void listen_close(struct listen_sockets *sockets);

#endif
