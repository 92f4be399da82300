/*
 * The persister role: takes batches of journal records from the issuer's stream and writes each to the store in one
 * transaction, then acknowledges it. options->persister_threads actors, each on a thread of its own with its own
 * sockets and its own store.
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
 * the store refuses; after the start, faults of the store are retried for ever. `options` is borrowed and outlives it.
 */
int persister_start(struct persister **persister, const struct options *options, struct error *error);
/* Whether every writer has its connection to the store; `why` says which has not, or, when all have, what else an
 * operator should know. On any thread; `persister` is a struct persister, and NUL-terminated words go to `why`, which
 * was empty. */
bool persister_ready(void *persister, char why[READY_WHY_MAX]);
/* Finishes the batch in hand, joins, frees. */
void persister_stop(struct persister **persister);

#endif
