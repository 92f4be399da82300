#include "issuer/ledger/issue_list.h"

#include "shared/error.h"

#define TIME_IS_KNOWN (UINT64_C(1) << (SEQUENCE_VALUE_BITS - 1)) /* so that a time of 0 is a value, too */

_Static_assert(ISSUE_HASH_BITS + 3 == SEQUENCE_VALUE_BITS, "kind and hash fill a value");
_Static_assert((uint64_t)ISSUER_TIME_US_MAX < TIME_IS_KNOWN, "a time fits");

enum issue_state issue_state_of(uint64_t value)
{
    if (issue_is_revoked(value))
        return ISSUE_REVOKED;
    return issue_kind(value) == ISSUE_KIND_REDEEMED ? ISSUE_REDEEMED : ISSUE_ISSUED;
}

uint64_t issue_list_state(const struct ledger_coupon *coupon, uint32_t sequence)
{
    return ledger_coupon_value(coupon, COUPON_MAP_STATES, sequence);
}

static void count(struct ledger_coupon *coupon, uint64_t value, uint32_t one)
{
    unsigned kind = issue_kind(value);
    if (kind == ISSUE_KIND_REDEEMED)
        coupon->redeemed += one;
    if (kind < ISSUE_KIND_REVOKED)
        return;
    coupon->revoked += one;
    if ((kind & ISSUE_KIND_RESTOCK) != 0)
        coupon->returned += one;
    if ((kind & ISSUE_KIND_AGAIN) != 0)
        coupon->forgiven += one;
}

void issue_list_count(struct ledger_coupon *coupon, uint64_t value)
{
    count(coupon, value, 1);
}

void issue_list_set_state(struct ledger_coupon *coupon, uint32_t sequence, uint64_t value)
{
    count(coupon, issue_list_state(coupon, sequence), (uint32_t)-1);
    count(coupon, value, 1);
    sequence_map_set(ledger_coupon_map(coupon, COUPON_MAP_STATES), sequence, value);
}

bool issue_list_earlier(const struct ledger_coupon *coupon, struct user_issue *issue)
{
    if (issue->nth <= 1)
        return false;
    uint64_t sequence = ledger_coupon_value(coupon, COUPON_MAP_EARLIER, issue->sequence);
    uint64_t time = ledger_coupon_value(coupon, COUPON_MAP_TIMES, (uint32_t)sequence);
    if (sequence == 0 || time == 0)
        return false;
    *issue = (struct user_issue){(uint32_t)sequence, (uint16_t)(issue->nth - 1), (int64_t)(time & ~TIME_IS_KNOWN)};
    return true;
}

void issue_list_append(struct ledger_coupon *coupon, const struct user_issue *before, const struct user_issue *issue)
{
    CHECK(issue->nth == before->nth + 1 && issue->sequence > before->sequence);
    sequence_map_set(ledger_coupon_map(coupon, COUPON_MAP_EARLIER), issue->sequence, before->sequence);
    sequence_map_set(ledger_coupon_map(coupon, COUPON_MAP_TIMES), before->sequence,
                     (uint64_t)before->issued_at_us | TIME_IS_KNOWN);
}
