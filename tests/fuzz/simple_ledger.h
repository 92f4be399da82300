/*
 * The promises of a partition as simply as they can be written: lists of coupons and of their holders, searched from
 * the front. What the ledger makes of the same records is compared with this.
 */
#ifndef COUPOND_FUZZ_SIMPLE_LEDGER_H
#define COUPOND_FUZZ_SIMPLE_LEDGER_H

#include <stdbool.h>

#include "issuer/ledger/ledger.h"
#include "shared/journal/format.h"

struct simple_ledger;

struct simple_ledger *simple_ledger_create(void);
void simple_ledger_destroy(struct simple_ledger **simple);

/* Takes a record. False, and nothing is changed, when it breaks a promise. */
bool simple_ledger_take(struct simple_ledger *simple, const struct journal_record *record);

/* Whether an issue that may be taken also falls into its coupon's window as it is now, while it is not paused, and is
 * no earlier than the coupon's issue before it: what the journal's reader leaves to `verify`. Before it is taken. */
bool simple_ledger_in_time(const struct simple_ledger *simple, const struct journal_record *record);

/* CHECKs that the ledger has the same coupons with the same issues, and the same holders. */
void simple_ledger_compare(const struct simple_ledger *simple, const struct ledger *ledger);

#endif
