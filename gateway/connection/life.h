/*
 * Creates, times out and drains connections. Used on their thread.
 */
#ifndef COUPOND_CONNECTION_LIFE_H
#define COUPOND_CONNECTION_LIFE_H

#include "gateway/connection/connection.h"

/* Takes ownership of an accepted descriptor. Turns the client away at the connection limit or when memory is exhausted,
 * but not when it is merely scarce: health checks arrive on new connections, and a complete request stores nothing. */
void connection_life_begin(struct connections *connections, int fd);
/* Callback of the timer wheel: answers 408, closes, or sets the timer again. */
void connection_life_on_timer(struct timer_node *node, void *arg);
/* Makes the next answer the last one; an idle connection is closed after a second. */
void connection_life_drain(struct connection *connection);

#endif
