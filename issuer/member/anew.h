/*
 * Throwing a journal aside that the owner's does not go on from, because it has records which were never answered, or
 * ends before everything that the owner's files still have: its folder stays under another name, and the process begins
 * anew, with a copy of the owner's journal. Replacing the whole process leaves nothing behind of
 * what the ledger, the stream or a snapshot have taken from those records.
 */
#ifndef COUPOND_MEMBER_ANEW_H
#define COUPOND_MEMBER_ANEW_H

#include "shared/journal/journal.h"

/* Call on the partition's thread. Ends the process when that fails. */
_Noreturn void member_begin_anew(const struct journal *journal);

#endif
