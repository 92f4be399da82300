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

struct gateway_loop;

/* Looks at the clock, for the whole turn. True when the thread stood still since the last look: every connection with
 * something to read is closed then, and so is whoever waits to be accepted. */
bool standstill_look(struct gateway_loop *loop);

/* The same, but only the first time since the poll. */
bool standstill_look_once(struct gateway_loop *loop);

#endif
