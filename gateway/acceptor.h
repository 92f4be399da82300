/*
 * Accepts connections from a listening socket, at most a fixed number per turn, and keeps working when the process is
 * out of file descriptors. A client that stays in the backlog would keep the socket readable for ever, so the acceptor
 * accepts it with a reserved descriptor and closes it. When even that fails (the limit was lowered, or another thread
 * took the descriptor), the acceptor pauses. (libuv's own listener would spin at that point and serve no client.)
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
    ACCEPTOR_CLOSED, /* also the state of an acceptor that was never opened (all zeros) */
    ACCEPTOR_OPEN,
    ACCEPTOR_REFUSING, /* accepts clients whose handshake has begun; new ones get no answer */
};

/* Takes over a connected, non-blocking descriptor. */
typedef void (*acceptor_fn)(void *arg, int fd);

struct acceptor {
    uv_poll_t poll;
    enum acceptor_state state;
    int fd;    /* listens */
    int spare; /* reserved; released to accept and close one client when no descriptor is left */
    bool paused;
    uint64_t paused_until_ms;
    acceptor_fn take;
    void *arg;
    struct metrics *metrics; /* set by the owner */
};

/* Starts listening on `fd`, a bound socket. Returns 0, or -1 with errno; owns `fd` in both cases and closes it. `arg`
 * and `metrics` are borrowed. */
int acceptor_open(struct acceptor *acceptor, uv_loop_t *loop, int fd, acceptor_fn take, void *arg);
/* Call a few times a second: ends a pause when its time is over. */
void acceptor_tick(struct acceptor *acceptor);
void acceptor_refuse(struct acceptor *acceptor);
/* Accepts and closes every waiting client; returns their number. */
unsigned acceptor_turn_away(struct acceptor *acceptor);
/* Accepts the waiting clients and closes. Stays open when more clients wait than one turn accepts. */
void acceptor_finish(struct acceptor *acceptor);
/* Call before the loop is closed; a second call has no effect. */
void acceptor_close(struct acceptor *acceptor);

#endif
