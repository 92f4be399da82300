/*
 * A watcher: a connection whose last answer is a stream of events without an end. It keeps no exchange and, while
 * nothing is unwritten, no buffer. What its peer sends is discarded; when the peer closes its side, the connection is
 * closed. Used on its thread.
 */
#ifndef COUPOND_CONNECTION_WATCHER_H
#define COUPOND_CONNECTION_WATCHER_H

#include "gateway/connection/connection.h"

/* Call before the answer's beginning is ended: the connection, in its last state, becomes a watcher of `watched`, and
 * keeps `index` for its owner. The kernel stores little for it and gives up when its peer acknowledges nothing for
 * `lost_ms`. */
void connection_watcher_begin(struct connection *connection, struct live_watched *watched, uint32_t index,
                              unsigned lost_ms);
/* Writes a text. What the kernel does not take is kept, and until it does, nothing else is sent: false, and the text is
 * left out. May close the connection. */
bool connection_watcher_send(struct connection *connection, const char *text, size_t length);
/* Ends the stream with a last text; closes the connection when everything is written. */
void connection_watcher_end(struct connection *connection, const char *text, size_t length);
/* Frees the buffers of a watcher that has nothing unwritten. */
void connection_watcher_shrink(struct connection *connection);

#endif
