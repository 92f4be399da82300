/*
 * The connections of one gateway thread come and go here: those that are open, and the closed ones that are kept, with
 * some room in their buffers, for the next client. On that thread.
 */
#ifndef COUPOND_CONNECTION_POOL_H
#define COUPOND_CONNECTION_POOL_H

#include "gateway/connection/connection.h"

/* A blank connection, on the list of those that are open. */
struct connection *connection_pool_take(struct connections *connections);
/* Drops a connection with all that belongs to it; one that is closed stays so. It is kept when libuv has let go of it.
 */
void connection_pool_close(struct connection *connection);
/* Closes all that are open. */
void connection_pool_close_all(struct connections *connections);
/* Frees those that are kept, when none is open. */
void connection_pool_deinit(struct connections *connections);

#endif
