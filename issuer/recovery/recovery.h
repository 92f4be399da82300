/*
 * Recovery: rebuilds a partition's ledger from the newest sound snapshot and the journal after it. Runs before the
 * partition's actor starts. The caller's thread reads, checks and hashes; others apply.
 */
#ifndef COUPOND_RECOVERY_H
#define COUPOND_RECOVERY_H

#include "issuer/ledger/ledger.h"
#include "issuer/recovery/progress.h"
#include "issuer/turn/details.h"
#include "shared/error.h"
#include "shared/journal/journal.h"

struct recovery_result {
    int64_t last_time_us;   /* the latest time of a batch or an issue */
    uint64_t journal_bytes; /* replayed */
    uint64_t records;       /* replayed */
    int64_t took_us;
    uint64_t snapshot_bytes; /* of the loaded snapshot; 0: none */
};

/*
 * Creates the ledger of `journal`, which is open and not yet replayed. Logs progress every two seconds and a summary at
 * the end; `progress` (may be NULL) lags by at most 16 MiB. `details` (may be NULL) receives those of the changes
 * that the store has not acknowledged. Skips a damaged snapshot with a warning, uses the previous one, and removes it
 * after the recovery. -1 and `error`, with `ledger` NULL, when the process is asked to stop
 * (shared/process/stop.h), which leaves the files unchanged; when the journal is damaged or contradicts itself; or when
 * it needs a snapshot and none is sound.
 */
int recovery_run(struct journal *journal, struct ledger **ledger, struct details *details,
                 struct recovery_result *result, struct recovery_progress *progress, struct error *error);
/* The same on the caller's thread only, for the simulation. */
int recovery_run_alone(struct journal *journal, struct ledger **ledger, struct details *details,
                       struct recovery_result *result, struct recovery_progress *progress, struct error *error);

#endif
