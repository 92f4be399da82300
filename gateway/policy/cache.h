/*
 * What one gateway thread keeps of coupons, so that those who poll them do not trouble the issuer: the body of the
 * answer, ready made, and what is needed to tell how old it is and whether it still holds. Also which coupons are
 * unknown. Bounded: eight places a set, the longest unused one makes room. Pure: all times come in.
 *
 * Times are microseconds: `now_us`, `asked_us`, `told_us` of the gateway's monotone clock, `issuer_us` of the
 * issuer's. The issuer's clock stood at `issuer_us` at some moment between asking and telling; so what it shows now
 * lies between issuer_us + (now_us - told_us) and issuer_us + (now_us - asked_us), whatever the two clocks show.
 */
#ifndef COUPOND_POLICY_CACHE_H
#define COUPOND_POLICY_CACHE_H

#include <stdbool.h>
#include <stdint.h>

#include "gateway/http/buffer.h"
#include "gateway/http/span.h"
#include "gateway/reply/error_codes.h"
#include "shared/coupon.h"

#define POLICY_CACHE_ENTRIES   4096   /* of one thread */
#define POLICY_UNKNOWN_TTL_US  100000 /* how long a coupon that is unknown is taken for that, at the most */
#define POLICY_REFUSAL_TTL_US  100000 /* how old an entry may be that issue requests are refused by */
#define POLICY_START_MARGIN_US 250000 /* so long before its start a coupon's requests all go to the issuer */

struct policy_entry {
    uint64_t hash;
    uint8_t id_length; /* 0: the place is free */
    char id[COUPON_ID_MAX];
    bool known;              /* false: there is no such coupon */
    bool from_issuer;        /* it told this thread itself; false: it came through Redis, where anybody may write */
    enum coupon_state state; /* in the body */
    int64_t asked_us;
    int64_t told_us;
    int64_t issuer_us;
    int64_t used_us;
    uint64_t etag;         /* of the body */
    struct coupon *coupon; /* owned; NULL until the place had one */
    struct buffer body;
};

struct policy_cache;

/* `entries` a multiple of eight. Everything expires after `ttl_us`. */
struct policy_cache *policy_cache_create(unsigned entries, int64_t ttl_us);
void policy_cache_destroy(struct policy_cache **cache);

uint64_t policy_hash(struct span id);

/* What was told of a coupon. */
struct policy_told {
    struct span id;
    const struct coupon *coupon; /* NULL: it is unknown */
    bool from_issuer;
    int64_t asked_us;
    int64_t told_us;
    int64_t issuer_us;
};

/* Keeps it, unless what is there was asked for later. Returns what is there now; valid until the next put. */
const struct policy_entry *policy_cache_put(struct policy_cache *cache, const struct policy_told *told, int64_t now_us);

/*
 * The entry, with the state that the coupon certainly has reached by now; NULL when there is none, it has expired, or
 * the coupon has changed since it was asked for, which was not after `changed_us`.
 */
const struct policy_entry *policy_cache_find(struct policy_cache *cache, struct span id, int64_t now_us,
                                             int64_t changed_us);

/* What the issuer's clock shows at the least: a state that comes with time is never told too early. */
int64_t policy_entry_issuer_us(const struct policy_entry *entry, int64_t now_us);

/* True when there is an entry by the issuer that is young enough to refuse by, whether it does or not. */
bool policy_cache_is_recent(struct policy_cache *cache, struct span id, int64_t now_us, int64_t changed_us);

/* False while no issue request at all would be refused: what most of them need to know. */
bool policy_cache_refuses(const struct policy_cache *cache, int64_t now_us);

struct policy_start {
    int64_t starts_at_us;
    uint32_t in_s; /* seconds from now, rounded up */
};

/*
 * What an issue request to this coupon would certainly be refused with, or ERROR_CODE_COUNT. A coupon that anybody may
 * hold is never refused here, since holders are told so before anything else. ERROR_NOT_STARTED fills `start`.
 */
enum error_code policy_cache_refusal(struct policy_cache *cache, struct span id, int64_t now_us, int64_t changed_us,
                                     struct policy_start *start);

#endif
