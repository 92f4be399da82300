/*
 * What happens to an issue after it is issued: redeeming it, taking that back, revoking it. Pure, like the rest of the
 * ledger: ledger_decide_change_of() changes nothing, ledger_apply_change() applies a journalled decision.
 */
#ifndef COUPOND_LEDGER_CHANGE_H
#define COUPOND_LEDGER_CHANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "issuer/ledger/ledger.h"

/* One request. The texts are borrowed. */
struct ledger_change {
    enum change_op op; /* CHANGE_REDEEM, CHANGE_UNDO, CHANGE_REVOKE or CHANGE_SHOW */
    const char *coupon_id;
    size_t coupon_id_length;
    const char *user_id;
    size_t user_id_length;
    const char *reference;
    size_t reference_length;
    uint32_t sequence;                /* 0: none is named */
    const struct ledger_owner *owner; /* who must own the coupon; NULL: anyone may */
    bool restock;
    bool again;
};

/*
 * The verdicts, each with the issue that it is about:
 *
 *   redeem   REDEEMED; REDEEMED_BEFORE, with the same reference; ALREADY_REDEEMED, with another; ISSUE_EXPIRED;
 *            ISSUE_REVOKED
 *   undo     REDEMPTION_UNDONE; NOT_REDEEMED; REFERENCE_MISMATCH, redeemed with another reference
 *   revoke   REVOKED; REVOKED_BEFORE; ALREADY_REDEEMED
 *   show     FOUND
 *   all      COUPON_NOT_FOUND; FORBIDDEN, it has another owner; NOT_ISSUED; OVERLOADED, without an issue, if the answer
 *            depends on issues of the user that are not known, because a journal of version 1 kept only the latest
 *            (ledger/earlier.h)
 */
struct ledger_change_decision {
    enum verdict verdict;
    struct ledger_coupon *coupon; /* NULL: COUPON_NOT_FOUND */
    struct user_issue issue;
    uint64_t value; /* of its state, after the decision (ledger/issue_list.h) */
};

void ledger_decide_change_of(const struct ledger *ledger, const struct ledger_change *change, int64_t now_us,
                             struct ledger_change_decision *decision);
/* True for REDEEMED, REDEMPTION_UNDONE and REVOKED: the decision changes the ledger and must be journalled. */
bool ledger_change_changes(enum verdict verdict);
void ledger_apply_change(const struct ledger_change_decision *decision);

/* When the issue can no longer be redeemed; TIME_NONE: never. */
int64_t ledger_redeemable_until_us(const struct ledger_coupon *coupon, int64_t issued_at_us);

#endif
