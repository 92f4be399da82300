/*
 * The revocations in the store on their way into new ledgers. They are applied between the issues, in the order of
 * their records, since they may make room for later issues. Pure; owned by the rebuild.
 */
#ifndef COUPOND_REBUILD_REVOCATIONS_H
#define COUPOND_REBUILD_REVOCATIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/store/store.h"

struct rebuild_revocation {
    char coupon_id[COUPON_ID_MAX + 1];
    bool restock;
    bool again;
    uint32_t sequence;
    int64_t time_us;
    uint64_t journal_seq;
};

/* All zeros is an empty list. */
struct rebuild_revocations {
    struct rebuild_revocation *list; /* sorted by coupon and record when the first one is taken */
    size_t count;
    size_t capacity;
    size_t taken;
    bool sorted;
};

void rebuild_revocations_deinit(struct rebuild_revocations *revocations);
void rebuild_revocations_add(struct rebuild_revocations *revocations, const struct store_change *change);
/* Takes the next one of a coupon before `coupon_id`, or of that coupon with a record before `journal_seq`; NULL when
 * there is none. Coupons must come in byte order. With `coupon_id` NULL, takes any. Borrowed. */
const struct rebuild_revocation *rebuild_revocations_take(struct rebuild_revocations *revocations,
                                                          const char *coupon_id, uint64_t journal_seq);
/* As the JOURNAL_CHANGE record; borrows the coupon's id. */
struct journal_record rebuild_revocation_record(const struct rebuild_revocation *revocation);

#endif
