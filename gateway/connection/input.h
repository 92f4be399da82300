/*
 * What a connection reads: bytes become requests, which are handed up while there is room for them. On its thread.
 */
#ifndef COUPOND_CONNECTION_INPUT_H
#define COUPOND_CONNECTION_INPUT_H

#include "gateway/connection/connection.h"

/* Begins to read; -1 when libuv cannot. */
int connection_input_start(struct connection *connection);
/* Gives a held exchange its turn, and parses what had to wait. */
void connection_input_resume(struct connection *connection);

#endif
