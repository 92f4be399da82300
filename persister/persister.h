/*
 * The persister role: takes batches of journal records from the issuer's stream, writes each to the store in one
 * transaction, then acknowledges it. options->persister_threads actors, each with its own thread, sockets and store.
 */
#ifndef COUPOND_PERSISTER_H
#define COUPOND_PERSISTER_H

#include <stdbool.h>

#include "shared/error.h"
#include "shared/limits.h"
#include "shared/options/options.h"

struct persister;

/*
 * Connects to the store, creates or migrates its schema and starts the threads and the status port. -1 and `error` when
 * the store refuses; after the start, faults of the store are retried for ever. `options` is borrowed and must outlive
 * it.
 */
int persister_start(const struct options *options, struct persister **persister, struct error *error);
/* True when every writer is connected to the store. `why`, empty at the call, says which is not, or, when all are, what
 * else an operator should know (NUL-terminated). Any thread; `persister` is a struct persister. */
bool persister_ready(void *persister, char why[READY_WHY_MAX]);
/* Finishes the current batch, joins, frees. */
void persister_stop(struct persister **persister);

#endif
