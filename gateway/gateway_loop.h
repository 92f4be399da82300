/*
 * One gateway thread: an event loop with its listening sockets, its connections, its exchanges and its links to the
 * partitions. All of it is owned by that thread.
 *
 * A turn of the loop: read what is readable and parse it, take the issuer's replies, send each partition one frame with
 * all requests that were found, write each connection once.
 *
 *   pipe in   "$TERM": drain, then end
 *   pipe out  a signal when it serves (zactor's), a signal when it has ended
 */
#ifndef COUPOND_GATEWAY_LOOP_H
#define COUPOND_GATEWAY_LOOP_H

#include <czmq.h>
#include <stdbool.h>

#include "gateway/policy/board.h"
#include "gateway/service/readiness.h"
#include "shared/error.h"
#include "shared/listen.h"
#include "shared/options/options.h"
#include "shared/telemetry/metrics.h"

/* What a thread is started with; borrowed until it has signalled. */
struct gateway_loop_args {
    const struct options *options;
    unsigned listeners;                   /* how many addresses it listens on */
    int listen_fds[LISTEN_ADDRESSES_MAX]; /* the thread closes them */
    unsigned connections_max;
    struct metrics *metrics;     /* set by the thread: its own, for others to read */
    struct policy_board *board;  /* of all threads; outlives them */
    struct readiness *readiness; /* the same */
    unsigned thread;             /* its place among those */
    bool hears;                  /* one of them hears what other gateways change */
    bool failed;                 /* set by the thread before its signal; `error` says why, and the thread ends */
    struct error error;
};

/* The actor: a zactor_fn; `args` is a struct gateway_loop_args. */
void gateway_loop_actor(zsock_t *pipe, void *args);

#endif
