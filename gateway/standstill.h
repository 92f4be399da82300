/*
 * Handles a gateway that stood still: stopped by a debugger, suspended with its machine, or starved of CPU. Requests
 * that wait in its sockets have an unknown age, and a proxy in front of it has long answered that the outcome is
 * unknown and that nothing will be decided any more (HAProxy after its `timeout server`). So the gateway never reads
 * them and closes their connections. Requests that were read earlier carry a deadline, which has passed.
 *
 * On the gateway's thread.
 */
#ifndef COUPOND_STANDSTILL_H
#define COUPOND_STANDSTILL_H

#include <stdbool.h>
#include <stdint.h>

#include "gateway/acceptor.h"
#include "gateway/connection/connections.h"

/* All zeros before the first check. */
struct standstill {
    int64_t checked_us; /* of a clock that includes suspend; 0: not yet */
    bool checked;       /* since the last poll */
};

/* How long the thread stood still since the last check, in µs; 0 when that is no longer than a busy machine delays a
 * thread. */
int64_t standstill_check(struct standstill *standstill);
/* Call before the poll: input found after it is new. */
void standstill_end_turn(struct standstill *standstill);

/* Closes every connection with unread input and every connection in the backlogs. */
void standstill_close_undated(struct connections *connections, struct acceptor *acceptors, unsigned acceptors_count,
                              int64_t stood_us);

#endif
