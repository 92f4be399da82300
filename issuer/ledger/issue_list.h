/*
 * The issues of one user of a coupon, from the latest to the first, and what has become of each. A user set holds the
 * latest one; earlier ones, and those that are redeemed or revoked, are in the coupon's maps. Pure; owned by the
 * ledger.
 *
 * The value of a sequence in COUPON_MAP_STATES, 0 while the issue is just issued:
 *
 *   kind, 3 bits   1: redeemed; 4: revoked, + 1: the piece went back to the stock, + 2: the user may get another
 *   hash, 51 bits  of the redemption's reference, under the journal's key; 0 if revoked
 */
#ifndef COUPOND_ISSUE_LIST_H
#define COUPOND_ISSUE_LIST_H

#include <stdbool.h>
#include <stdint.h>

#include "issuer/ledger/coupon.h"

#define ISSUE_HASH_BITS 51

enum issue_kind {
    ISSUE_KIND_ISSUED = 0,
    ISSUE_KIND_REDEEMED = 1,
    ISSUE_KIND_REVOKED = 4, /* the lowest of four */
    ISSUE_KIND_RESTOCK = 1, /* bits of a revoked one */
    ISSUE_KIND_AGAIN = 2,
};

static inline uint64_t issue_value(unsigned kind, uint64_t hash)
{
    return (uint64_t)kind << ISSUE_HASH_BITS | hash;
}

static inline uint64_t issue_value_revoked(bool restock, bool again)
{
    unsigned kind = ISSUE_KIND_REVOKED;
    kind |= restock ? ISSUE_KIND_RESTOCK : 0u;
    kind |= again ? ISSUE_KIND_AGAIN : 0u;
    return issue_value(kind, 0);
}

static inline unsigned issue_kind(uint64_t value)
{
    return (unsigned)(value >> ISSUE_HASH_BITS);
}

static inline uint64_t issue_hash(uint64_t value)
{
    return value & ((UINT64_C(1) << ISSUE_HASH_BITS) - 1);
}

static inline bool issue_is_revoked(uint64_t value)
{
    return issue_kind(value) >= ISSUE_KIND_REVOKED;
}

/* The state for frames. */
enum issue_state issue_state_of(uint64_t value);

/* The value of an issue's state. */
uint64_t issue_list_state(const struct ledger_coupon *coupon, uint32_t sequence);
/* Sets it, and counts: `redeemed`, `revoked`, `returned` and `forgiven` follow from the map. */
void issue_list_set_state(struct ledger_coupon *coupon, uint32_t sequence, uint64_t value);
/* Adds a loaded state to those counts. */
void issue_list_count(struct ledger_coupon *coupon, uint64_t value);

/* Replaces `issue` by the same user's issue before it. False when there is none, or when it is not known because a
 * journal of version 1 kept only the latest. */
bool issue_list_earlier(const struct ledger_coupon *coupon, struct user_issue *issue);
/* True when `last`, at which issue_list_earlier() ended, is not the user's first: those before it are not known. */
static inline bool issue_list_ends_early(const struct user_issue *last)
{
    return last->nth > 1;
}

/* Notes that `issue` follows `before`, which is the same user's. */
void issue_list_append(struct ledger_coupon *coupon, const struct user_issue *before, const struct user_issue *issue);

#endif
