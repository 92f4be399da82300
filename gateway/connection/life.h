/*
 * How connections begin, run out of time, and are drained. On their thread.
 */
#ifndef COUPOND_CONNECTION_LIFE_H
#define COUPOND_CONNECTION_LIFE_H

#include "gateway/connection/connection.h"

/* Takes over a descriptor that was accepted; turns it away when there are too many, or memory is exhausted. Scarce
 * memory alone turns none away: health checks are new connections, and a request that is whole keeps nothing. */
void connection_life_begin(struct connections *connections, int fd);
/* A timer_wheel's: answers 408, closes, or waits on. */
void connection_life_on_timer(struct timer_node *node, void *arg);
/* Its next answer is its last; one that asks for nothing closes when it has been idle for a second. */
void connection_life_drain(struct connection *connection);

#endif
