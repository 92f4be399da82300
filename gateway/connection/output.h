/*
 * What a connection writes, and how it ends. On its thread.
 */
#ifndef COUPOND_CONNECTION_OUTPUT_H
#define COUPOND_CONNECTION_OUTPUT_H

#include "gateway/connection/connection.h"

/* Writes; closes when that was the last. */
void connection_output_flush(struct connection *connection);

#endif
