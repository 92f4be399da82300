/*
 * What all actors share: a zactor's pipe, over which czmq sends "$TERM" to end the actor.
 */
#ifndef COUPOND_ACTOR_H
#define COUPOND_ACTOR_H

#include <czmq.h>
#include <stdbool.h>

/* On the actor's thread, never blocks: true when `pipe` asks the actor to end. */
bool actor_is_terminated(zsock_t *pipe);

#endif
