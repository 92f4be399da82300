/*
 * The thread that watches the process's listening ZeroMQ sockets (shared/wire/door.h). With a cluster secret, it
 * answers libzmq's question about each peer that has proved a CURVE key (shared/wire/zap.h), and counts and logs
 * refused peers (shared/wire/door_watch.h). It runs from before the first socket listens until after the last one is
 * closed, because libzmq 4.3 admits every peer when no ZAP handler is bound.
 *
 * An actor (a zactor_fn): `args` is a struct guard_config, borrowed.
 *   pipe in   $TERM
 */
#ifndef COUPOND_GUARD_H
#define COUPOND_GUARD_H

#include <czmq.h>

#include "shared/telemetry/metrics.h"

struct guard_config {
    const unsigned char *accepted; /* the 32 bytes of the one admitted key; NULL: no secret */
    struct metrics *metrics;       /* owned by the actor's thread */
};

void guard_actor(zsock_t *pipe, void *args);

#endif
