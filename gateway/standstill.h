/*
 * A gateway that stood still (stopped by a debugger, with its machine, or starved) finds requests in its sockets of
 * which nobody knows how old they are. Whoever passed one on has long told its client that the outcome is unknown, and
 * that nothing is decided any more: HAProxy, for example, after its `timeout server`. So these are never read: their
 * connections are closed. Requests that were read before bear a deadline that has passed.
 *
 * On the gateway's thread.
 */
#ifndef COUPOND_STANDSTILL_H
#define COUPOND_STANDSTILL_H

#include <stdbool.h>
#include <stdint.h>

#include "gateway/acceptor.h"
#include "gateway/connection/connections.h"

/* All zeros before the first look. */
struct standstill {
    int64_t looked_us; /* with the time that the machine slept; 0: not yet */
    bool looked;       /* since the last poll */
};

/* How long the thread stood still since the last look, in µs; 0 when that was no longer than a busy machine keeps a
 * thread waiting. */
int64_t standstill_look(struct standstill *standstill);
/* Before the poll: what is looked at after it is news. */
void standstill_end_turn(struct standstill *standstill);

/* Closes every connection with something to read, and hangs up on whoever waits to be accepted. */
void standstill_close_undated(struct connections *connections, struct acceptor *acceptors, unsigned acceptors_count,
                              int64_t stood_us);

#endif
