/*
 * The details of changes that the snapshot contains and the store may not have yet: the ledger has no details, so they
 * are read from the journal, which keeps every record until the store has it. Used once, at the start.
 */
#ifndef COUPOND_RECOVERY_LATE_DETAILS_H
#define COUPOND_RECOVERY_LATE_DETAILS_H

#include "issuer/turn/details.h"
#include "shared/error.h"

struct late_details {
    uint64_t acked_seq;   /* the store has every record up to this one */
    uint64_t until_seq;   /* the snapshot has every record up to this one */
    uint64_t records_max; /* only so many of the last ones are read: however far behind the store is, the start waits
                             for no more */
};

/* Adds those of the records after `acked_seq`, up to `until_seq`, in the journal in `dir`. -1 and `error` when it
 * cannot be read so far; nothing but details is missing then, until the store has them. */
int late_details_read(const char *dir, const struct late_details *wanted, struct details *details, struct error *error);

#endif
