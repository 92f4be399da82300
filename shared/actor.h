/*
 * What actors have in common: a zactor's pipe, on which "$TERM" asks for the end.
 */
#ifndef COUPOND_ACTOR_H
#define COUPOND_ACTOR_H

#include <czmq.h>
#include <stdbool.h>

/* On the actor's thread, never blocks: true when `pipe` says that the actor is to end. */
bool actor_told_to_end(zsock_t *pipe);

#endif
