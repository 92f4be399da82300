/*
 * Takes connections from a listening socket, a bounded number a turn, and goes on when no descriptor is left: a client
 * that waits would keep the socket readable for ever, so it is hung up on with a descriptor that is held for that. When
 * not even this one can be had, since the limit was lowered or another thread was faster, the acceptor rests. (libuv's
 * own listener would try again without end then, and serve nobody.)
 *
 *   OPEN ── acceptor_refuse() ──► REFUSING ── acceptor_close() ──► CLOSED
 *
 * Owned by the loop's thread.
 */
#ifndef COUPOND_ACCEPTOR_H
#define COUPOND_ACCEPTOR_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "shared/telemetry/metrics.h"

enum acceptor_state {
    ACCEPTOR_CLOSED, /* as is one that was never opened, all zeros */
    ACCEPTOR_OPEN,
    ACCEPTOR_REFUSING, /* takes those that are connecting, and lets nobody begin to */
};

/* Takes over a connected, non-blocking descriptor. */
typedef void (*acceptor_fn)(void *arg, int fd);

struct acceptor {
    uv_poll_t poll;
    enum acceptor_state state;
    int fd;    /* listens */
    int spare; /* given up for hanging up on somebody when no descriptor is left */
    bool rests;
    uint64_t rests_until_ms;
    acceptor_fn take;
    void *arg;
    struct metrics *metrics; /* set by its owner */
};

/* Begins to listen with `fd`, a bound socket that it closes in the end, also after 0 was not returned but -1 with
 * errno. `arg` and `metrics` are borrowed. */
int acceptor_open(struct acceptor *acceptor, uv_loop_t *loop, int fd, acceptor_fn take, void *arg);
/* A few times a second: ends a rest. */
void acceptor_tick(struct acceptor *acceptor);
void acceptor_refuse(struct acceptor *acceptor);
/* Hangs up on everybody who waits to be taken, and says how many these were. */
unsigned acceptor_turn_away(struct acceptor *acceptor);
/* Takes those that wait, and closes. It stays open when there are more than a turn takes. */
void acceptor_finish(struct acceptor *acceptor);
/* Before the loop is closed; more often is harmless. */
void acceptor_close(struct acceptor *acceptor);

#endif
