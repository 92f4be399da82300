/*
 * The deadline by which a connection must make progress. Used on its thread.
 */
#ifndef COUPOND_CONNECTION_DEADLINE_H
#define COUPOND_CONNECTION_DEADLINE_H

#include "gateway/connection/connection.h"

/* Starts watching a write that the kernel did not accept at once. */
void connection_deadline_begin_write(struct connection *connection);
/* Moves the timer when the deadline has become earlier; a later deadline is noticed when the timer fires. */
void connection_deadline_arm(struct connection *connection);
/* Call when the timer has fired: true when the deadline has passed, otherwise sets the timer again. */
bool connection_deadline_passed(struct connection *connection);

#endif
