/*
 * Completes recovered ledgers with the issues that journals of version 1 forgot (issuer/ledger/earlier.h): first from
 * the remaining segments, whose records may not be in the store yet, then from the store. Runs on the main thread after
 * the recovery and before anything is decided; does nothing when no ledger lacks any. It is repeated at each start
 * until a snapshot of this version has them.
 */
#ifndef COUPOND_RECOVERY_EARLIER_H
#define COUPOND_RECOVERY_EARLIER_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "issuer/ledger/ledger.h"
#include "shared/error.h"
#include "shared/journal/journal.h"
#include "shared/options/options.h"

struct recovery_earlier_part {
    struct journal *journal;
    struct ledger *ledger;
};

/* Written by the main thread, read on any thread. */
struct recovery_earlier_progress {
    _Atomic uint64_t lacking; /* when it began */
    _Atomic uint64_t added;
};

/* 0, with a warning if some issues remain unknown, because the store cannot be read or does not have them, or memory is
 * scarce. -1 and `error` when the process is asked to stop. */
int recovery_earlier_run(const struct options *options, const struct recovery_earlier_part parts[], size_t count,
                         struct recovery_earlier_progress *progress, struct error *error);

#endif
