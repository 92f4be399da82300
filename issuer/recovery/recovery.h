/*
 * Recovery: from a partition's newest sound snapshot and the journal behind it to its ledger. Runs before the
 * partition's actor starts. Two threads share the work: the caller's reads, checks and hashes, another one applies.
 */
#ifndef COUPOND_RECOVERY_H
#define COUPOND_RECOVERY_H

#include "issuer/ledger/ledger.h"
#include "issuer/recovery/progress.h"
#include "shared/error.h"
#include "shared/journal/journal.h"

struct recovery_result {
    int64_t last_time_us;   /* the latest that a batch or an issue bears */
    uint64_t journal_bytes; /* replayed */
    uint64_t records;       /* replayed */
    int64_t took_us;
    uint64_t snapshot_bytes; /* of the snapshot that was loaded; 0: none was */
};

/*
 * Makes the ledger of `journal`, which is open and not yet replayed, logging progress every two seconds and a summary
 * at the end; `progress` (NULL is welcome) is never behind by more than 16 MiB. A snapshot that is damaged is passed
 * over with a warning for the one before it, and removed once all is recovered. -1 and `error` when the process is told
 * to end meanwhile (shared/process/stop.h), which leaves the files as they are, when the journal is damaged or
 * contradicts itself, or when it needs a snapshot and none is sound; `ledger` is then NULL.
 */
int recovery_run(struct journal *journal, struct ledger **ledger, struct recovery_result *result,
                 struct recovery_progress *progress, struct error *error);
/* The same on the caller's thread alone, for the simulation. */
int recovery_run_alone(struct journal *journal, struct ledger **ledger, struct recovery_result *result,
                       struct recovery_progress *progress, struct error *error);

#endif
