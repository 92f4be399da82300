/*
 * The sockets that the gateway's threads listen on. Blocking; on the thread that starts the gateway.
 */
#ifndef COUPOND_LISTENER_H
#define COUPOND_LISTENER_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/error.h"

/*
 * Binds `count` sockets to one address ("HOST:PORT"; port 0 chooses one), not yet listening, non-blocking. Several
 * share it by SO_REUSEPORT. Of a name's addresses the first that this machine has is taken. That another program, or
 * another coupond, has its port already is an error all the same. -1 and `error` then; no socket is left open.
 */
int listener_bind(const char *address, int *fds, unsigned count, uint16_t *port, bool *loopback, struct error *error);

/* On a listening socket: who asks for a connection from now on hears nothing, so that its system asks once more a
 * second later; whose connection is on the way already gets it. Without this, a socket that closes resets those who
 * wait. */
void listener_refuse(int fd);

#endif
