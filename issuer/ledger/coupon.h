/*
 * A coupon as the ledger of its partition keeps it: the policy, what is issued, and who holds it. Its texts take as
 * many bytes as they have, since a million coupons are ordinary. Pure; owned by the ledger.
 */
#ifndef COUPOND_LEDGER_COUPON_H
#define COUPOND_LEDGER_COUPON_H

#include <stdbool.h>
#include <stdint.h>

#include "issuer/ledger/user_set.h"
#include "shared/coupon.h"

/* The members as in struct coupon. A decision reads the first two cache lines. */
struct ledger_coupon {
    char id[COUPON_ID_MAX + 1];
    bool paused;
    uint8_t holder; /* while a ledger is divided: the number of the part that keeps all users of the coupon, counted
                       from 1; 0: each part keeps its own */
    uint32_t quantity;
    uint32_t issued;
    uint32_t per_user_limit;
    unsigned gauge; /* of coupon_gauges: its place there, counted from 1; 0: it has none */
    int64_t starts_at_us;
    int64_t ends_at_us;
    struct user_set users; /* takes no memory while nobody holds the coupon */
    int64_t created_at_us;
    int64_t updated_at_us;
    uint64_t journal_seq;
    char *title; /* NULL in a part of a ledger (ledger_divide) */
};

/* A new entry, of zeros, becomes `coupon`, with nobody holding it. */
void ledger_coupon_init(struct ledger_coupon *entry, const struct coupon *coupon, bool with_title);
void ledger_coupon_deinit(struct ledger_coupon *entry);

/* Takes the policy of `coupon`, which has the same id; what is issued and who holds it stays. */
void ledger_coupon_change(struct ledger_coupon *entry, const struct coupon *coupon);
/* Fills all of `coupon`. */
void ledger_coupon_read(const struct ledger_coupon *entry, struct coupon *coupon);

#endif
