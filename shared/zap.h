/*
 * The doorkeeper of this process' listening ZeroMQ sockets (ZMTP's ZAP, RFC 27): libzmq asks it about each peer that
 * has proved a CURVE key, and only the one key that is derived from the cluster's secret is let in. A thread of its
 * own, which runs from before the first socket listens until after the last one is closed: libzmq 4.3 asks nobody when
 * nobody is there to be asked.
 *
 * An actor (a zactor_fn): `args` is a struct zap_config, borrowed.
 *   pipe in   $TERM
 */
#ifndef COUPOND_ZAP_H
#define COUPOND_ZAP_H

#include <czmq.h>
#include <stdbool.h>

#include "shared/metrics.h"

#define ZAP_DOMAIN "coupond"

struct zap_config {
    const unsigned char *accepted; /* the 32 bytes of the one key that is let in */
    struct metrics *metrics;       /* of the actor's thread */
};

void zap_actor(zsock_t *pipe, void *args);

/* Pure: what is answered to a request of so many parts. */
struct zap_part {
    const void *data;
    size_t size;
};
/* The number of parts of a CURVE request: version, request id, domain, address, identity, mechanism, key. */
#define ZAP_PARTS 7
/* True when the request asks for our domain with the accepted key. */
bool zap_admits(const struct zap_part parts[ZAP_PARTS], size_t count, const unsigned char accepted[32]);

#endif
