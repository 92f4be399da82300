/*
 * Output of a connection, and how it ends. Used on its thread.
 */
#ifndef COUPOND_CONNECTION_OUTPUT_H
#define COUPOND_CONNECTION_OUTPUT_H

#include "gateway/connection/connection.h"

/* Writes pending answers; closes the connection when it is done. */
void connection_output_flush(struct connection *connection);

#endif
