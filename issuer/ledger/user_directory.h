/*
 * The directory of a user set: maps the highest bits of a fingerprint to the user's table (extendible hashing). Several
 * entries point to the same table until it splits. Pure, except for memory.
 */
#ifndef COUPOND_USER_DIRECTORY_H
#define COUPOND_USER_DIRECTORY_H

#include <stddef.h>
#include <stdint.h>

#include "issuer/ledger/fingerprint.h"

#define USER_DIRECTORY_DEPTH_MAX 22u /* 4,000,000,000 users need at least 244,155 tables */

struct user_table;

struct user_set {
    struct user_table **directory; /* 1 << depth entries; NULL while empty */
    unsigned depth;
    uint64_t count;    /* users */
    uint64_t held;     /* total of their issues */
    int64_t latest_us; /* the latest time of an issue; 0: none */
};

/* The user's directory entry: the highest `depth` bits. */
static inline size_t user_directory_entry(const struct user_set *set, struct fingerprint user)
{
    return set->depth == 0 ? 0 : (size_t)(user.high >> (64 - set->depth));
}

/* The number of entries that point to the table, and the first of them; `user` is any user of the table. */
size_t user_directory_entries(const struct user_set *set, const struct user_table *table);
size_t user_directory_first(const struct user_set *set, const struct user_table *table, struct fingerprint user);

/* Makes `entries` entries of the directory, from `first` on, point to `table`. */
void user_directory_replace(struct user_set *set, size_t first, size_t entries, struct user_table *table);
void user_directory_double(struct user_set *set);
/* Splits a table in two; `user` is any user of the table. */
void user_directory_split(struct user_set *set, struct user_table *table, struct fingerprint user);

#endif
