/*
 * Recovery with several threads, in one: the ledger is divided, each part replays every record, and they are united. A
 * partition may go on with the result, so that all further checks concern it.
 */
#ifndef COUPOND_SIM_DIVIDED_H
#define COUPOND_SIM_DIVIDED_H

#include "issuer/ledger/ledger.h"
#include "shared/journal/journal.h"
#include "sim.h"

/* Recovers the ledger of the journal in `dir` once more, from its newest snapshot and its records. The caller owns
 * it. */
struct ledger *sim_divided_recover(struct sim *sim, const char *dir, struct journal *journal);

#endif
