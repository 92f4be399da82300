/*
 * The issuer role, the only place where decisions are made: one actor per partition (partition.h), and one that streams
 * the journals to the persisters (stream.h).
 */
#ifndef COUPOND_ISSUER_H
#define COUPOND_ISSUER_H

#include <stdbool.h>

#include "shared/error.h"
#include "shared/limits.h"
#include "shared/options/options.h"

struct issuer;

/* Creates an issuer that is not open yet; issuer_ready() may be called from now on. `options` is borrowed and must
 * outlive it. */
struct issuer *issuer_create(const struct options *options);
/*
 * Starts the status port, which is not ready until all of this is done: locks and opens the journals, replays them with
 * progress in the log, compares them with the store, binds the sockets, starts the threads. -1 and `error` when a
 * journal is locked, damaged or of another version, the store belongs to another journal, or an endpoint cannot be
 * bound; then only issuer_stop() may follow.
 */
int issuer_open(struct issuer *issuer, struct error *error);
/* Creates and opens; frees on failure. */
int issuer_start(const struct options *options, struct issuer **issuer, struct error *error);
/* True when it decides. `why`, empty at the call, gets what is missing, or, when ready, what else an operator should
 * know (NUL-terminated). Any thread; `issuer` is a struct issuer. */
bool issuer_ready(void *issuer, char why[READY_WHY_MAX]);
/*
 * Answers what it has received, syncs and seals the journals, joins, frees. Also for an issuer that was never opened.
 */
void issuer_stop(struct issuer **issuer);

#endif
