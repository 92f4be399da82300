#include "issuer/ledger/change.h"

#include "issuer/ledger/issue_list.h"
#include "issuer/ledger/state.h"
#include "shared/error.h"

int64_t ledger_redeemable_until_us(const struct ledger_coupon *coupon, int64_t issued_at_us)
{
    return issue_redeemable_until_us(coupon->redeem_until_us, coupon->redeem_within_s, issued_at_us);
}

static bool is_expired(const struct ledger_coupon *coupon, const struct user_issue *issue, int64_t now_us)
{
    int64_t until_us = ledger_redeemable_until_us(coupon, issue->issued_at_us);
    return until_us != TIME_NONE && now_us >= until_us;
}

static void tell(struct ledger_change_decision *decision, enum verdict verdict, const struct user_issue *issue,
                 uint64_t value)
{
    decision->verdict = verdict;
    decision->issue = *issue;
    decision->value = value;
}

/* What issues of the user that are not known could change must be asked again later. */
static void put_off(struct ledger_change_decision *decision)
{
    static const struct user_issue none = {0};
    tell(decision, VERDICT_OVERLOADED, &none, ISSUE_KIND_ISSUED);
}

/* Finds the named issue among those of the user, from `issue` on: FOUND; NOT_ISSUED; OVERLOADED if it may be one that
 * is not known. */
static enum verdict find_sequence(const struct ledger_coupon *coupon, uint32_t sequence, struct user_issue *issue)
{
    while (issue->sequence > sequence) {
        if (!issue_list_earlier(coupon, issue))
            return issue_list_ends_early(issue) ? VERDICT_OVERLOADED : VERDICT_NOT_ISSUED;
    }
    return issue->sequence == sequence ? VERDICT_FOUND : VERDICT_NOT_ISSUED;
}

/* --- redeeming --- */

/* The verdict on one issue. */
static enum verdict judge(const struct ledger_coupon *coupon, const struct user_issue *issue, uint64_t hash,
                          int64_t now_us)
{
    uint64_t value = issue_list_state(coupon, issue->sequence);
    if (issue_is_revoked(value))
        return VERDICT_ISSUE_REVOKED;
    if (issue_kind(value) == ISSUE_KIND_REDEEMED)
        return issue_hash(value) == hash ? VERDICT_REDEEMED_BEFORE : VERDICT_ALREADY_REDEEMED;
    return is_expired(coupon, issue, now_us) ? VERDICT_ISSUE_EXPIRED : VERDICT_REDEEMED;
}

/* Which of two verdicts on a user's issues counts: a redemption with this reference, one that can be made, then the
 * refusals. Of equal ones the later issue's, except that the oldest one is redeemed. */
static unsigned rank(enum verdict verdict)
{
    switch (verdict) {
    case VERDICT_REDEEMED_BEFORE:
        return 4;
    case VERDICT_REDEEMED:
        return 3;
    case VERDICT_ALREADY_REDEEMED:
        return 2;
    case VERDICT_ISSUE_EXPIRED:
        return 1;
    default:
        return 0;
    }
}

static void decide_redeem(const struct ledger_change *change, uint64_t hash, struct user_issue issue, int64_t now_us,
                          struct ledger_change_decision *decision)
{
    const struct ledger_coupon *coupon = decision->coupon;
    decision->verdict = VERDICT_NONE;
    do {
        enum verdict verdict = judge(coupon, &issue, hash, now_us);
        bool first = decision->verdict == VERDICT_NONE, older = verdict == VERDICT_REDEEMED;
        if (first || rank(verdict) > rank(decision->verdict) || (older && decision->verdict == verdict))
            tell(decision, verdict, &issue, issue_list_state(coupon, issue.sequence));
    } while (change->sequence == 0 && issue_list_earlier(coupon, &issue));
    if (change->sequence == 0 && issue_list_ends_early(&issue) && decision->verdict != VERDICT_REDEEMED_BEFORE)
        put_off(decision); /* an earlier one may be the oldest, or redeemed with this reference */
    else if (decision->verdict == VERDICT_REDEEMED)
        decision->value = issue_value(ISSUE_KIND_REDEEMED, hash);
}

/* --- the others --- */

/* A retry must not depend on the user's other issues: while one is not redeemed, it may be the one that was undone. */
static void decide_undo(const struct ledger_change *change, uint64_t hash, struct user_issue issue,
                        struct ledger_change_decision *decision)
{
    const struct ledger_coupon *coupon = decision->coupon;
    struct user_issue latest = issue;
    decision->verdict = VERDICT_NONE;
    do {
        uint64_t value = issue_list_state(coupon, issue.sequence);
        unsigned kind = issue_kind(value);
        if (kind == ISSUE_KIND_REDEEMED && issue_hash(value) == hash) {
            tell(decision, VERDICT_REDEMPTION_UNDONE, &issue, ISSUE_KIND_ISSUED);
            return;
        }
        if (kind == ISSUE_KIND_ISSUED && decision->verdict != VERDICT_NOT_REDEEMED)
            tell(decision, VERDICT_NOT_REDEEMED, &issue, value);
        else if (kind == ISSUE_KIND_REDEEMED && decision->verdict == VERDICT_NONE)
            tell(decision, VERDICT_REFERENCE_MISMATCH, &issue, value);
    } while (change->sequence == 0 && issue_list_earlier(coupon, &issue));
    if (change->sequence == 0 && issue_list_ends_early(&issue))
        put_off(decision); /* an earlier one may be redeemed with this reference */
    else if (decision->verdict == VERDICT_NONE)
        tell(decision, VERDICT_NOT_REDEEMED, &latest, issue_list_state(coupon, latest.sequence));
}

static void decide_revoke(const struct ledger_change *change, struct user_issue issue,
                          struct ledger_change_decision *decision)
{
    uint64_t value = issue_list_state(decision->coupon, issue.sequence);
    if (issue_is_revoked(value))
        tell(decision, VERDICT_REVOKED_BEFORE, &issue, value);
    else if (issue_kind(value) == ISSUE_KIND_REDEEMED)
        tell(decision, VERDICT_ALREADY_REDEEMED, &issue, value);
    else
        tell(decision, VERDICT_REVOKED, &issue, issue_value_revoked(change->restock, change->again));
}

void ledger_decide_change_of(const struct ledger *ledger, const struct ledger_change *change, int64_t now_us,
                             struct ledger_change_decision *decision)
{
    *decision = (struct ledger_change_decision){.verdict = VERDICT_COUPON_NOT_FOUND};
    decision->coupon = ledger_entry(ledger, change->coupon_id, change->coupon_id_length);
    if (decision->coupon == NULL)
        return;
    if (change->owner != NULL && !ledger_is_owned_by(decision->coupon, change->owner)) {
        decision->verdict = VERDICT_FORBIDDEN;
        return;
    }
    struct user_issue issue;
    struct fingerprint user = ledger_fingerprint(ledger, change->user_id, change->user_id_length);
    decision->verdict = user_set_find(&decision->coupon->users, user, &issue) ? VERDICT_FOUND : VERDICT_NOT_ISSUED;
    if (decision->verdict == VERDICT_FOUND && change->sequence != 0)
        decision->verdict = find_sequence(decision->coupon, change->sequence, &issue);
    if (decision->verdict != VERDICT_FOUND)
        return;
    uint64_t hash = ledger_reference_hash(ledger, change->reference, change->reference_length);
    if (change->op == CHANGE_SHOW)
        tell(decision, VERDICT_FOUND, &issue, issue_list_state(decision->coupon, issue.sequence));
    else if (change->op == CHANGE_REDEEM)
        decide_redeem(change, hash, issue, now_us, decision);
    else if (change->op == CHANGE_UNDO)
        decide_undo(change, hash, issue, decision);
    else
        decide_revoke(change, issue, decision);
}

bool ledger_change_changes(enum verdict verdict)
{
    return verdict == VERDICT_REDEEMED || verdict == VERDICT_REDEMPTION_UNDONE || verdict == VERDICT_REVOKED;
}

void ledger_apply_change(const struct ledger_change_decision *decision)
{
    uint64_t before = issue_list_state(decision->coupon, decision->issue.sequence);
    unsigned expected = decision->verdict == VERDICT_REDEMPTION_UNDONE ? ISSUE_KIND_REDEEMED : ISSUE_KIND_ISSUED;
    CHECK(ledger_change_changes(decision->verdict));
    CHECK(issue_kind(before) == expected);
    issue_list_set_state(decision->coupon, decision->issue.sequence, decision->value);
}
