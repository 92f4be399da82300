/*
 * The numbers of coupons in a journal of version 1, which has none: their issues get codes from now on.
 */
#ifndef COUPOND_RECOVERY_NUMBERING_H
#define COUPOND_RECOVERY_NUMBERING_H

#include <stdint.h>

#include "issuer/ledger/ledger.h"
#include "shared/error.h"
#include "shared/journal/journal.h"

/* Numbers the coupons that have no number yet, at `last_time_us`, that of the journal (0: unknown). -1 and `error` when
 * the disk has no room. */
int recovery_number_coupons(struct journal *journal, struct ledger *ledger, int64_t last_time_us, struct error *error);

#endif
