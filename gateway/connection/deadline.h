/*
 * Until when a connection must have moved on. On its thread.
 */
#ifndef COUPOND_CONNECTION_DEADLINE_H
#define COUPOND_CONNECTION_DEADLINE_H

#include "gateway/connection/connection.h"

/* Begins to watch what the kernel does not take at once. */
void connection_deadline_begin_write(struct connection *connection);
/* Moves the timer when the deadline has come nearer; a later one is found when the timer fires. */
void connection_deadline_arm(struct connection *connection);
/* The timer has fired: true when the deadline has passed. Else the timer is put to it. */
bool connection_deadline_passed(struct connection *connection);

#endif
