/*
 * Input of a connection: parses bytes into requests and passes them up while there is room. Used on its thread.
 */
#ifndef COUPOND_CONNECTION_INPUT_H
#define COUPOND_CONNECTION_INPUT_H

#include "gateway/connection/connection.h"

/* Starts reading; -1 when libuv fails. */
int connection_input_start(struct connection *connection);
/* Passes on a held exchange whose turn has come, and parses input that had to wait. */
void connection_input_resume(struct connection *connection);

#endif
