/*
 * One gateway thread: an event loop with its listening sockets, connections, exchanges and links to the partitions, all
 * owned by that thread.
 *
 * Each turn reads and parses what is readable, takes the issuer's replies, sends one frame with all new requests to
 * each partition, and writes each connection once.
 *
 *   pipe in   "$TERM": drain, then end
 *   pipe out  a signal when it is ready to serve (zactor's), a signal when it has ended
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

struct exporter;
struct limits;
struct readers;
struct rehearsal;

/* Arguments of a thread; borrowed until its first signal. */
struct gateway_loop_args {
    const struct options *options;
    unsigned listeners;                   /* number of listening addresses */
    int listen_fds[LISTEN_ADDRESSES_MAX]; /* closed by the thread */
    unsigned connections_max;
    struct metrics *metrics;     /* set by the thread: its own metrics, for others to read */
    struct policy_board *board;  /* shared by all threads; outlives them */
    struct readiness *readiness; /* shared by all threads; outlives them */
    struct limits *limits;       /* the same; NULL: none is on */
    struct exporter *exporter;   /* the same; NULL: no request is traced */
    struct readers *readers;     /* the same; NULL: the store is not read */
    struct identity *identity;   /* the same; NULL: identity is off */
    struct rehearsal *rehearsal; /* the same; NULL: turned off */
    unsigned thread;             /* this thread's index */
    bool subscribes;             /* this thread subscribes to other gateways' changes; true for one of them */
    bool failed;                 /* set by the thread before its signal; `error` says why, and the thread ends */
    struct error error;
};

/* The actor: a zactor_fn; `args` is a struct gateway_loop_args. */
void gateway_loop_actor(zsock_t *pipe, void *args);

#endif
