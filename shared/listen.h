/*
 * The sockets on which a role listens for HTTP. "localhost" means 127.0.0.1 and ::1, independently of the resolver; "*"
 * means every IPv6 and IPv4 address of the machine. On a machine without IPv6, both mean IPv4 alone. Any other name
 * means the first of its addresses that the machine has. Blocking; on the thread that starts the role.
 */
#ifndef COUPOND_LISTEN_H
#define COUPOND_LISTEN_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/error.h"

enum { LISTEN_ADDRESSES_MAX = 2, LISTEN_SOCKETS_MAX = 64 /* of an address */ };

struct listen_sockets {
    unsigned addresses; /* 1, or 2 */
    unsigned count;     /* sockets of each address */
    int fds[LISTEN_ADDRESSES_MAX][LISTEN_SOCKETS_MAX];
    uint16_t port;                        /* the same for all addresses */
    bool loopback;                        /* reachable from this machine only */
    char text[LISTEN_ADDRESSES_MAX * 64]; /* "127.0.0.1:8080,[::1]:8080", for the log */
};

/*
 * Binds `count` non-blocking sockets, not yet listening, to each address of "HOST:PORT" (port 0 chooses one). Sockets
 * share an address by SO_REUSEPORT; a port that another program, or another coupond, already uses is still an error. -1
 * and `error`, which names `option`, with no socket left open.
 */
int listen_bind(struct listen_sockets *sockets, const char *option, const char *address, unsigned count,
                struct error *error);

/* Closes all sockets. */
void listen_close(struct listen_sockets *sockets);

#endif
