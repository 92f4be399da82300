/*
 * Begins a copy of the owner's journal in a folder that does not exist yet: with its identity, and, if segments no
 * longer reach back to the first record, with a snapshot. What follows comes while the member runs
 * (issuer/member/follower.h). The folder gets its name last, so a crash leaves none.
 */
#ifndef COUPOND_MEMBER_FETCH_H
#define COUPOND_MEMBER_FETCH_H

#include <stdint.h>

#include "shared/error.h"
#include "shared/members.h"
#include "shared/options/options.h"

/* Waits for the owner of the journal, until the process is asked to stop: -1 and `error` then, and when the disk fails.
 */
int member_fetch(const struct options *options, const struct members *members, uint16_t partition,
                 const uint8_t journal_id[16], const char *dir, struct error *error);

#endif
