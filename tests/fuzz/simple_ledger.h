/*
 * A reference implementation of a partition's promises, as simple as possible: lists of coupons and holders, searched
 * linearly. The real ledger is compared with it after the same records.
 */
#ifndef COUPOND_FUZZ_SIMPLE_LEDGER_H
#define COUPOND_FUZZ_SIMPLE_LEDGER_H

#include <stdbool.h>

#include "issuer/ledger/ledger.h"
#include "shared/journal/format.h"

struct simple_ledger;

struct simple_ledger *simple_ledger_create(void);
void simple_ledger_destroy(struct simple_ledger **simple);

/* Applies a record. False, without a change, when it breaks a promise. */
bool simple_ledger_take(struct simple_ledger *simple, const struct journal_record *record);

/* True when an issue that may be applied also lies in its coupon's present window, not while paused, and not before
 * the coupon's previous issue: the checks that the journal's reader leaves to `verify`. Call it before applying the
 * issue. */
bool simple_ledger_in_time(const struct simple_ledger *simple, const struct journal_record *record);

/* CHECKs that both ledgers have the same coupons, issues and holders. */
void simple_ledger_compare(const struct simple_ledger *simple, const struct ledger *ledger);

#endif
