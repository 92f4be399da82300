/*
 * The connections of one gateway thread: those that are open, and the closed ones that are kept, with some room in
 * their buffers, for the next client. On that thread.
 */
#ifndef COUPOND_CONNECTION_POOL_H
#define COUPOND_CONNECTION_POOL_H

#include "gateway/connection/connection.h"

/* Room in bytes that a connection with nothing to do keeps in each buffer. */
#define CONNECTION_BUFFER_KEEP 4096

/* A blank connection, on the list of those that are open. */
struct connection *connection_pool_take(struct gateway_loop *loop);
/* Off the list of those that are open; it stays with its owner until it is given back. */
void connection_pool_unlink(struct connection *connection);
/* Nothing refers to it any more. */
void connection_pool_give(struct connection *connection);
/* Frees those that were given back. */
void connection_pool_deinit(struct gateway_loop *loop);

#endif
