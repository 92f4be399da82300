/*
 * Who holds a coupon: a set of 128-bit keyed fingerprints with each user's latest issue beside them. Pure; the ledger
 * owns one a coupon.
 *
 * A directory of tables (extendible hashing; ledger/user_table.h): one that has reached its bound splits in two, so no
 * answer ever waits for the rehash of a large set, and a user of more than a few takes 34 to 40 bytes, all in.
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

/* Asks for the memory that deciding about `user` will touch, in three passes: the table, its index, the slot. */
void user_set_prefetch_table(const struct user_set *set, struct fingerprint user);
void user_set_prefetch_index(const struct user_set *set, struct fingerprint user);
void user_set_prefetch_slot(const struct user_set *set, struct fingerprint user);

/* Bytes of memory taken, all in. */
size_t user_set_bytes(const struct user_set *set);

/* --- snapshots --- */

#define USER_BLOCK_CAPACITY_MAX (1u << 16) /* slots; far above what a table takes before it splits */

/* One table of the set. Tables never merge, so where one begins, one will always begin. */
struct user_block {
    uint64_t first; /* the least `high` of the fingerprints that belong into it */
    uint32_t depth; /* bits of `high` that they share */
    uint32_t capacity;
    uint32_t count;
    const void *slots; /* capacity × USER_SLOT_BYTES, little-endian */
};

/* The table that begins with `first`; borrowed until the next put. False when the set is empty. */
bool user_set_block(const struct user_set *set, uint64_t first, struct user_block *block);
/* Where the table behind `block` begins; false when it was the last. */
bool user_block_next(const struct user_block *block, uint64_t *first);
/* Adds a copy of a table to a set that is filled by this alone. NULL, or what is wrong with it. */
const char *user_set_load(struct user_set *set, const struct user_block *block);
/* True when the tables that were loaded hold a place for every fingerprint, or when there are none. */
bool user_set_is_whole(const struct user_set *set);

/* --- parts, for recovery on several threads --- */

/* True when the set holds users, but so few that dividing it is not worth the work. */
bool user_set_has_few(const struct user_set *set);
/* Divides a set into 1 << bits parts by the highest bits of the fingerprints: each is used for its own users alone.
 * The parts are initialised; their `count` and `held` mean something only in sum. `set` is empty afterwards. */
void user_set_divide(struct user_set *set, unsigned bits, struct user_set *const parts[]);
/* The reverse: `parts`, which are empty afterwards, make one set. */
void user_set_unite(struct user_set *set, unsigned bits, struct user_set *const parts[]);

#endif
