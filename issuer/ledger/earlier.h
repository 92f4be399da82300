/*
 * Issues that the ledger does not know, because snapshots of journal version 1 kept only the latest issue of each user.
 * They are added from the latest to the first, and each must precede the earliest known one of its user. Pure; used at
 * the start, before anything is decided.
 */
#ifndef COUPOND_LEDGER_EARLIER_H
#define COUPOND_LEDGER_EARLIER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "issuer/ledger/coupon.h"
#include "issuer/ledger/ledger.h"

/* The number of issues of the coupon that are not known. The ledger has passed ledger_check(). */
uint32_t ledger_earlier_missing(const struct ledger_coupon *coupon);
/* Of all coupons. */
uint64_t ledger_earlier_missing_all(const struct ledger *ledger);
/* The next coupon with such issues. `at` begins with 0. NULL: no more. */
struct ledger_coupon *ledger_earlier_next(const struct ledger *ledger, size_t *at);

enum ledger_earlier {
    LEDGER_EARLIER_ADDED,
    LEDGER_EARLIER_KNOWN,
    LEDGER_EARLIER_APART,       /* the issues between it and the earliest known one are missing */
    LEDGER_EARLIER_CONTRADICTS, /* the ledger has other issues of the user, or of this sequence */
};

/* Adds an issue of the user unless the ledger knows or contradicts it. */
enum ledger_earlier ledger_earlier_add(struct ledger_coupon *coupon, struct fingerprint user,
                                       const struct user_issue *issue);
/* True when an issue that is read before later ones is worth keeping until those are added. */
bool ledger_earlier_is_wanted(const struct ledger_coupon *coupon, struct fingerprint user,
                              const struct user_issue *issue);

#endif
