#include "issuer/ledger/earlier.h"

#include "issuer/ledger/issue_list.h"
#include "issuer/ledger/state.h"

/* Each user has one latest issue, and every other known issue is the one before another. */
uint32_t ledger_earlier_missing(const struct ledger_coupon *coupon)
{
    uint64_t known = coupon->users.count + (coupon->maps != NULL ? coupon->maps[COUPON_MAP_EARLIER].count : 0);
    return known < coupon->issued ? (uint32_t)(coupon->issued - known) : 0;
}

uint64_t ledger_earlier_missing_all(const struct ledger *ledger)
{
    uint64_t missing = 0;
    for (size_t i = 0; i < ledger->index.count; i++)
        missing += ledger_earlier_missing(coupon_index_at(&ledger->index, i));
    return missing;
}

struct ledger_coupon *ledger_earlier_next(const struct ledger *ledger, size_t *at)
{
    while (*at < ledger->index.count) {
        struct ledger_coupon *coupon = coupon_index_at(&ledger->index, (*at)++);
        if (ledger_earlier_missing(coupon) > 0)
            return coupon;
    }
    return NULL;
}

/* An issue that belongs to a list already, as one before the latest. */
static bool is_taken(const struct ledger_coupon *coupon, uint32_t sequence)
{
    return ledger_coupon_value(coupon, COUPON_MAP_EARLIER, sequence) != 0 ||
           ledger_coupon_value(coupon, COUPON_MAP_TIMES, sequence) != 0;
}

/* Times of a coupon's issues never go back. */
static bool can_precede(const struct user_issue *issue, const struct user_issue *next)
{
    return issue->sequence >= 1 && issue->sequence < next->sequence && issue->nth >= 1 && issue->issued_at_us >= 0 &&
           issue->issued_at_us <= next->issued_at_us;
}

enum ledger_earlier ledger_earlier_add(struct ledger_coupon *coupon, struct fingerprint user,
                                       const struct user_issue *issue)
{
    struct user_issue next;
    if (!user_set_find(&coupon->users, user, &next) || issue->nth > next.nth)
        return LEDGER_EARLIER_CONTRADICTS;
    while (next.nth > issue->nth && issue_list_earlier(coupon, &next))
        continue;
    if (next.nth == issue->nth)
        return next.sequence == issue->sequence ? LEDGER_EARLIER_KNOWN : LEDGER_EARLIER_CONTRADICTS;
    if (!can_precede(issue, &next) || is_taken(coupon, issue->sequence))
        return LEDGER_EARLIER_CONTRADICTS;
    if (next.nth > issue->nth + 1)
        return LEDGER_EARLIER_APART;
    issue_list_append(coupon, issue, &next);
    return LEDGER_EARLIER_ADDED;
}

bool ledger_earlier_is_wanted(const struct ledger_coupon *coupon, struct fingerprint user,
                              const struct user_issue *issue)
{
    struct user_issue latest;
    return ledger_earlier_missing(coupon) > 0 && user_set_find(&coupon->users, user, &latest) &&
           issue->nth < latest.nth;
}
