/*
 * A coupon in the ledger of its partition: policy, number of issues, and holders. Texts take only as many bytes as they
 * have, since a partition may hold a million coupons. Pure; owned by the ledger.
 */
#ifndef COUPOND_LEDGER_COUPON_H
#define COUPOND_LEDGER_COUPON_H

#include <stdbool.h>
#include <stdint.h>

#include "issuer/ledger/user_set.h"
#include "shared/coupon.h"

/* The members of struct coupon. A decision reads the first two cache lines. */
struct ledger_coupon {
    char id[COUPON_ID_MAX + 1];
    bool paused;
    uint8_t holder; /* in a divided ledger the part with all users of the coupon, from 1; 0: each part has its own */
    uint32_t quantity;
    uint32_t issued;
    uint32_t per_user_limit;
    unsigned gauge; /* the coupon's place in coupon_gauges, from 1; 0: none */
    int64_t starts_at_us;
    int64_t ends_at_us;
    struct user_set users; /* takes no memory while the coupon has no holder */
    int64_t created_at_us;
    int64_t updated_at_us;
    uint64_t journal_seq;
    char *title; /* NULL in a part of a ledger (ledger_divide) */
};

/* Initializes an entry of zeros from `coupon`, without holders. */
void ledger_coupon_init(struct ledger_coupon *entry, const struct coupon *coupon, bool with_title);
void ledger_coupon_deinit(struct ledger_coupon *entry);

/* Takes over the policy of `coupon`, which has the same id; issues and holders stay. */
void ledger_coupon_change(struct ledger_coupon *entry, const struct coupon *coupon);
/* Fills all of `coupon`. */
void ledger_coupon_read(const struct ledger_coupon *entry, struct coupon *coupon);

#endif
