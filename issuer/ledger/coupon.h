/*
 * A coupon in the ledger of its partition: policy, number of issues, and holders. Texts take only as many bytes as they
 * have, since a partition may hold a million coupons. Pure; owned by the ledger.
 */
#ifndef COUPOND_LEDGER_COUPON_H
#define COUPOND_LEDGER_COUPON_H

#include <stdbool.h>
#include <stdint.h>

#include "issuer/ledger/sequence_map.h"
#include "issuer/ledger/user_set.h"
#include "shared/coupon.h"

struct ledger_sweep;

/* What only some of a coupon's issues have, each a map from their sequences. The numbers are part of snapshots. */
enum coupon_map {
    COUPON_MAP_STATES = 0,   /* redeemed or revoked (ledger/issue_list.h) */
    COUPON_MAP_REQUESTS = 1, /* the idempotency key */
    COUPON_MAP_EARLIER = 2,  /* the same user's issue before this one */
    COUPON_MAP_TIMES = 3,    /* when it was issued, if its user has a later one */
    COUPON_MAPS,
};

/* The members of struct coupon. A decision reads the first two cache lines. */
struct ledger_coupon {
    char id[COUPON_ID_MAX + 1];
    bool paused;
    bool archived;
    uint8_t holder; /* in a divided ledger the part with all users of the coupon, from 1; 0: each part has its own */
    uint32_t quantity;
    uint32_t issued;
    uint32_t returned; /* of the revoked ones */
    uint32_t per_user_limit;
    uint32_t segments; /* their hash; 0: none */
    int64_t starts_at_us;
    int64_t ends_at_us;
    struct user_set users;     /* takes no memory while the coupon has no holder */
    struct sequence_map *maps; /* COUPON_MAPS of them; NULL while all are empty */
    uint32_t number;
    uint32_t redeemed;
    uint32_t revoked;
    uint32_t forgiven; /* of the revoked ones: those that do not count for their user's limit */
    uint32_t redeem_within_s;
    unsigned gauge; /* the coupon's place in coupon_gauges, from 1; 0: none */
    int64_t redeem_until_us;
    int64_t created_at_us;
    int64_t updated_at_us;
    uint64_t journal_seq;
    struct ledger_sweep *sweep; /* NULL: none goes on */
    char *texts; /* in the order of COUPON_TEXT_TABLE, each with its NUL; NULL in a part of a ledger (ledger_divide) */
};

/* Initializes an entry of zeros from `coupon`, without holders. */
void ledger_coupon_init(struct ledger_coupon *entry, const struct coupon *coupon, bool with_texts);
void ledger_coupon_deinit(struct ledger_coupon *entry);

/* Takes over the policy of `coupon`, which has the same id; issues and holders stay. */
void ledger_coupon_change(struct ledger_coupon *entry, const struct coupon *coupon);
/* Issues that count against the quantity. A snapshot may be ahead with what was returned until replay has met it. */
static inline uint32_t ledger_coupon_in_force(const struct ledger_coupon *entry)
{
    return entry->issued > entry->returned ? entry->issued - entry->returned : 0;
}

/* One of the coupon's maps, created when it is first needed. */
struct sequence_map *ledger_coupon_map(struct ledger_coupon *entry, enum coupon_map map);
/* The value of a sequence in one of the maps; 0: none. */
uint64_t ledger_coupon_value(const struct ledger_coupon *entry, enum coupon_map map, uint32_t sequence);

enum coupon_state ledger_coupon_state(const struct ledger_coupon *entry, int64_t now_us);
/* One of the coupon's texts, borrowed. The entry has texts. */
const char *ledger_coupon_text(const struct ledger_coupon *entry, enum coupon_text text);
/* Fills all of `coupon`. */
void ledger_coupon_read(const struct ledger_coupon *entry, struct coupon *coupon);

#endif
