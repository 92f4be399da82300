/*
 * Recovery: replays a partition's journal into its ledger. Runs before the partition's actor starts, on the main
 * thread.
 */
#ifndef COUPOND_RECOVERY_H
#define COUPOND_RECOVERY_H

#include "issuer/ledger.h"
#include "shared/error.h"
#include "shared/journal.h"

/*
 * Replays `journal` into `ledger`, logging progress every two seconds and a summary at the end. `last_time_us` becomes
 * the time of the last batch, so that the clock goes on from there. -1 and `error` when the journal is damaged or
 * contradicts itself.
 */
int recovery_run(struct journal *journal, struct ledger *ledger, int64_t *last_time_us, struct error *error);

#endif
