/* What user_set.c (finding, adding, growing) and user_set_parts.c (snapshots, recovery on several threads) share. */
#ifndef COUPOND_USER_SET_PRIVATE_H
#define COUPOND_USER_SET_PRIVATE_H

#include <string.h>

#include "issuer/user_set.h"
#include "shared/limits.h"

#define TABLE_CAPACITY_MIN 16u
#define TABLE_COUNT_MAX    16384u /* a table with more splits: at most half a millisecond of copying */
#define LOAD_NUMERATOR     13u    /* of 16: how full a table may be */
#define DEPTH_MAX          22u    /* 4,000,000,000 users are 244,141 tables and more */
#define NTH_BITS           12
_Static_assert(ISSUER_TIME_US_MAX >> (64 - NTH_BITS) == 0, "a time fits beside the count");

/* 28 bytes; a sequence of 0 marks an empty slot. */
struct slot {
    uint32_t fingerprint[4];
    uint32_t sequence;
    uint32_t time_and_nth[2];
};
_Static_assert(sizeof(struct slot) == USER_SLOT_BYTES, "slot layout");

struct user_table {
    uint32_t capacity;
    uint32_t count;
    unsigned depth; /* bits of the fingerprint that all users of this table share */
    struct slot slots[];
};

static inline struct fingerprint slot_user(const struct slot *slot)
{
    struct fingerprint user;
    memcpy(&user, slot->fingerprint, sizeof user);
    return user;
}

static inline void slot_read(const struct slot *slot, struct user_issue *issue)
{
    uint64_t packed;
    memcpy(&packed, slot->time_and_nth, sizeof packed);
    issue->sequence = slot->sequence;
    issue->nth = (uint16_t)(packed & ((1u << NTH_BITS) - 1));
    issue->issued_at_us = (int64_t)(packed >> NTH_BITS);
}

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

struct user_table *user_table_create(uint32_t capacity, unsigned depth);
/* Splits a table in two; `user` is any whose place it is. */
void user_set_split(struct user_set *set, struct user_table *table, struct fingerprint user);
void user_set_double_directory(struct user_set *set);
/* Lets `entries` of the directory, from `first` on, lead to `table`. */
void user_set_replace_entries(struct user_set *set, size_t first, size_t entries, struct user_table *table);

#endif
