/*
 * What the deciding functions of a turn share: what they read and write, and the circumstances of this turn. Owned by
 * the turn; a value that lives as long as it.
 */
#ifndef COUPOND_TURN_CONTEXT_H
#define COUPOND_TURN_CONTEXT_H

#include <stdbool.h>
#include <stdint.h>

#include "issuer/ledger/ledger.h"
#include "issuer/turn/coupon_gauges.h"
#include "issuer/turn/details.h"
#include "shared/journal/journal.h"

struct turn_context {
    struct journal *journal;
    struct ledger *ledger;
    struct details *details;
    struct coupon_gauges *gauges;
    const struct journal_meta *meta;
    int64_t now_us;    /* of the decisions of this turn */
    int64_t passed_us; /* sum of the times between decisions: the clock of the gauges */
    bool room;         /* the journal has room for the batch */
    bool memory;       /* there is memory for new issues, changes and coupons */
    uint64_t verdicts[VERDICT_COUNT];
};

/* Fills an issue of the coupon for a reply. `value` is that of its state. */
void turn_issue_write(const struct turn_context *context, const struct ledger_coupon *coupon,
                      const struct user_issue *issue, uint64_t value, struct frame_issue *out);

#endif
