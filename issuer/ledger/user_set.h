/*
 * The holders of a coupon: a set of 128-bit keyed fingerprints with each user's latest issue. Pure; the ledger owns one
 * per coupon.
 *
 * A directory of tables (extendible hashing; ledger/user_table.h): a full table splits in two, so no answer ever waits
 * for the rehash of a large set. Beyond a few users, each takes 34 to 40 bytes in total.
 */
#ifndef COUPOND_USER_SET_H
#define COUPOND_USER_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "issuer/ledger/fingerprint.h"
#include "issuer/ledger/user_directory.h"

void user_set_init(struct user_set *set);
void user_set_deinit(struct user_set *set);

/* False when the user holds none. */
bool user_set_find(const struct user_set *set, struct fingerprint user, struct user_issue *issue);
/* Adds the user, or replaces the user's issue. */
void user_set_put(struct user_set *set, struct fingerprint user, const struct user_issue *issue);

/* Prefetches the memory for a decision about `user`, in three passes: the table, its index, the slot. */
void user_set_prefetch_table(const struct user_set *set, struct fingerprint user);
void user_set_prefetch_index(const struct user_set *set, struct fingerprint user);
void user_set_prefetch_slot(const struct user_set *set, struct fingerprint user);

/* Total bytes of memory. */
size_t user_set_bytes(const struct user_set *set);

/* --- snapshots --- */

#define USER_BLOCK_CAPACITY_MAX (1u << 16) /* slots; far more than a table takes before it splits */

/* One table of the set. Tables never merge, so a table always begins where one once began. */
struct user_block {
    uint64_t first; /* the smallest `high` of the fingerprints that belong to it */
    uint32_t depth; /* leading bits of `high` that they share */
    uint32_t capacity;
    uint32_t count;
    const void *slots; /* capacity × USER_SLOT_BYTES, little-endian */
};

/* The table that begins with `first`; borrowed until the next put. False when the set is empty. */
bool user_set_block(const struct user_set *set, uint64_t first, struct user_block *block);
/* Where the table after `block` begins; false for the last one. */
bool user_block_next(const struct user_block *block, uint64_t *first);
/* Adds a copy of a table to a set that is only filled by this function. NULL, or a description of the fault. */
const char *user_set_load(struct user_set *set, const struct user_block *block);
/* True when the loaded tables cover every fingerprint, or there are none. */
bool user_set_is_whole(const struct user_set *set);

/* --- parts, for recovery on several threads --- */

/* True when the set has so few users that dividing it is not worthwhile. */
bool user_set_has_few(const struct user_set *set);
/* Divides a set into 1 << bits parts by the highest bits of the fingerprints, each to be used for its own users only.
 * The parts are initialized; only the sums of their `count` and `held` are meaningful. `set` is empty afterwards. */
void user_set_divide(struct user_set *set, unsigned bits, struct user_set *const parts[]);
/* The reverse: merges `parts`, which are empty afterwards, into one set. */
void user_set_unite(struct user_set *set, unsigned bits, struct user_set *const parts[]);

#endif
