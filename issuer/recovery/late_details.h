/*
 * The details of changes that the snapshot contains and the store may not have yet: the ledger has no details, so they
 * are read from the journal, which keeps every record until the store has it. Used once, at the start.
 */
#ifndef COUPOND_RECOVERY_LATE_DETAILS_H
#define COUPOND_RECOVERY_LATE_DETAILS_H

#include "issuer/turn/details.h"
#include "shared/error.h"

/* Adds those of the records after `acked_seq`, up to `until_seq`, in the journal in `dir`. -1 and `error` when it
 * cannot be read so far; nothing but details is missing then, until the store has them. */
int late_details_read(const char *dir, uint64_t acked_seq, uint64_t until_seq, struct details *details,
                      struct error *error);

#endif
