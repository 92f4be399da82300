/*
 * One gateway thread's cache of coupons, so that polling clients do not load the issuer. An entry holds the formatted
 * body of the answer and what is needed to compute its age and validity. Unknown coupons are cached as well. Eight
 * places per set; the least recently used one is evicted. Pure: all times are arguments.
 *
 * Times are microseconds: `now_us`, `asked_us` and `reported_us` of the gateway's monotonic clock, `issuer_us` of the
 * issuer's. The issuer's clock read `issuer_us` at some moment between `asked_us` and `reported_us`; so it now reads
 * between issuer_us + (now_us - reported_us) and issuer_us + (now_us - asked_us), whatever the offset of the two
 * clocks.
 */
#ifndef COUPOND_POLICY_CACHE_H
#define COUPOND_POLICY_CACHE_H

#include <stdbool.h>
#include <stdint.h>

#include "gateway/http/buffer.h"
#include "gateway/http/span.h"
#include "gateway/reply/error_codes.h"
#include "shared/coupon.h"

#define POLICY_CACHE_ENTRIES   4096   /* per thread */
#define POLICY_UNKNOWN_TTL_US  100000 /* maximum age of an entry for an unknown coupon */
#define POLICY_REFUSAL_TTL_US  100000 /* maximum age of an entry that may refuse issue requests */
#define POLICY_START_MARGIN_US 250000 /* from this long before a coupon's start, all its requests go to the issuer */

struct policy_entry {
    uint64_t hash;
    uint8_t id_length; /* 0: the place is free */
    char id[COUPON_ID_MAX];
    bool known;              /* false: the coupon does not exist */
    bool from_issuer;        /* received from the issuer by this thread; false: through Redis, where anyone may write */
    enum coupon_state state; /* the state in the body */
    int64_t asked_us;
    int64_t reported_us;
    int64_t issuer_us;
    int64_t used_us;
    uint64_t etag;         /* of the body */
    struct coupon *coupon; /* owned; NULL until first used */
    struct buffer body;
};

struct policy_cache;

/* `entries` is a multiple of eight. Every entry expires after `ttl_us`. */
struct policy_cache *policy_cache_create(unsigned entries, int64_t ttl_us);
void policy_cache_destroy(struct policy_cache **cache);

uint64_t policy_hash(struct span id);

/* One coupon as reported by the issuer or Redis. */
struct policy_report {
    struct span id;
    const struct coupon *coupon; /* NULL: the coupon does not exist */
    bool from_issuer;
    int64_t asked_us;
    int64_t reported_us;
    int64_t issuer_us;
};

/* Stores it unless the present entry was requested later. Returns the entry now present, valid until the next put. */
const struct policy_entry *policy_cache_put(struct policy_cache *cache, const struct policy_report *report,
                                            int64_t now_us);

/*
 * Returns the entry, with the state that the coupon has certainly reached by now. NULL when there is none, it has
 * expired, or it was requested at or before `changed_us`, the coupon's last change.
 */
const struct policy_entry *policy_cache_find(struct policy_cache *cache, struct span id, int64_t now_us,
                                             int64_t changed_us);

/* The entry, however old, if it was requested after `after_us`; otherwise NULL. Its state is that of its time. */
const struct policy_entry *policy_cache_newer(struct policy_cache *cache, struct span id, int64_t now_us,
                                              int64_t after_us);

/* Lower bound on the issuer's clock, so that a timed state is never reported early. */
int64_t policy_entry_issuer_us(const struct policy_entry *entry, int64_t now_us);

/* True when an entry from the issuer is recent enough to refuse requests, whether it refuses them or not. */
bool policy_cache_is_recent(struct policy_cache *cache, struct span id, int64_t now_us, int64_t changed_us);

/* False while no issue request at all would be refused: the common case, which skips the lookup. */
bool policy_cache_refuses(const struct policy_cache *cache, int64_t now_us);

struct policy_start {
    int64_t starts_at_us;
    uint32_t in_s; /* from now on, rounded up */
};

/*
 * The error that the issuer would certainly give to an issue request for this coupon, or ERROR_CODE_COUNT. A coupon
 * that someone may hold is never refused here, because holders are answered before any refusal. ERROR_NOT_STARTED fills
 * `start`.
 */
enum error_code policy_cache_refusal(struct policy_cache *cache, struct span id, int64_t now_us, int64_t changed_us,
                                     struct policy_start *start);

#endif
