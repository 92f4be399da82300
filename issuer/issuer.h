/*
 * The issuer role: the only place where a decision is made. One actor a partition (partition.h), and one that streams
 * the journals to the persisters (stream.h).
 */
#ifndef COUPOND_ISSUER_H
#define COUPOND_ISSUER_H

#include <stdbool.h>

#include "shared/error.h"
#include "shared/limits.h"
#include "shared/options/options.h"

struct issuer;

/* Makes one that is yet to be opened: issuer_ready() may be asked from now on. `options` is borrowed and outlives it.
 */
struct issuer *issuer_create(const struct options *options);
/*
 * Starts the status port, which is not ready until all of this is done: locks and opens the journals, replays them with
 * progress on the log, compares them with the store, binds the sockets, starts the threads. -1 and `error` when a
 * journal is locked, damaged or of another version, the store is another journal's, or an endpoint cannot be bound;
 * then issuer_stop() is all that may follow.
 */
int issuer_open(struct issuer *issuer, struct error *error);
/* Both in one; frees it when that fails. */
int issuer_start(struct issuer **issuer, const struct options *options, struct error *error);
/* Whether it decides; `why` says what is missing, or, when it is ready, what else an operator should know. On any
 * thread; `issuer` is a struct issuer, and NUL-terminated words go to `why`, which was empty. */
bool issuer_ready(void *issuer, char why[READY_WHY_MAX]);
/* Answers what it has received, syncs and seals the journals, joins, frees; also one that was never opened. */
void issuer_stop(struct issuer **issuer);

#endif
