/*
 * The thread that watches this process' listening ZeroMQ sockets (shared/wire/door.h). It answers libzmq's question
 * about each peer that has proved a CURVE key (shared/wire/zap.h), where there is a secret, and counts and logs the
 * peers that are turned away (shared/wire/door_watch.h). It runs from before the first socket listens until after the
 * last one is closed: libzmq 4.3 asks nobody when nobody is there to be asked.
 *
 * An actor (a zactor_fn): `args` is a struct guard_config, borrowed.
 *   pipe in   $TERM
 */
#ifndef COUPOND_GUARD_H
#define COUPOND_GUARD_H

#include <czmq.h>

#include "shared/telemetry/metrics.h"

struct guard_config {
    const unsigned char *accepted; /* the 32 bytes of the one key that is let in; NULL: there is no secret */
    struct metrics *metrics;       /* of the actor's thread */
};

void guard_actor(zsock_t *pipe, void *args);

#endif
