/* What ledger/user_set.c (finding, adding, growing) and ledger/user_set_parts.c (snapshots, recovery on several
 * threads) share. */
#ifndef COUPOND_USER_SET_PRIVATE_H
#define COUPOND_USER_SET_PRIVATE_H

#include "issuer/ledger/user_set.h"
#include "issuer/ledger/user_table.h"

#define DEPTH_MAX 22u /* 4,000,000,000 users are 244,155 tables and more */

/* Entry of the directory for `user`: the highest `depth` bits. */
static inline size_t user_set_entry(const struct user_set *set, struct fingerprint user)
{
    return set->depth == 0 ? 0 : (size_t)(user.high >> (64 - set->depth));
}

/* How many entries of the directory lead to the same table. */
static inline size_t user_set_entries(const struct user_set *set, const struct user_table *table)
{
    return (size_t)1 << (set->depth - table->depth);
}

/* Splits a table in two; `user` is any whose place it is. */
void user_set_split(struct user_set *set, struct user_table *table, struct fingerprint user);
void user_set_double_directory(struct user_set *set);
/* Lets `entries` of the directory, from `first` on, lead to `table`. */
void user_set_replace_entries(struct user_set *set, size_t first, size_t entries, struct user_table *table);

#endif
