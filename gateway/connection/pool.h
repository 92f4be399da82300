/*
 * The open connections of one gateway thread, and the closed ones that are kept for reuse with small buffers. Used on
 * that thread.
 */
#ifndef COUPOND_CONNECTION_POOL_H
#define COUPOND_CONNECTION_POOL_H

#include "gateway/connection/connection.h"

/* Returns a blank connection, on the list of open ones. */
struct connection *connection_pool_take(struct connections *connections);
/* Closes a connection and everything that belongs to it; a closed one stays closed. It becomes reusable when libuv has
 * released its handle. */
void connection_pool_close(struct connection *connection);
/* Closes all open connections. */
void connection_pool_close_all(struct connections *connections);
/* Frees the kept connections; none may be open. */
void connection_pool_deinit(struct connections *connections);

#endif
