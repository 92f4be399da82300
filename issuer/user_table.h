/*
 * One small table of a user set: open addressing whose users stand in rising order. A user's home is where the order
 * of its fingerprint's `low` among all numbers would put it; it stands there, or behind those before it that are in its
 * way. So a search ends at the first user that is not less, a larger table is filled from one end to the other, and
 * where everybody stands follows from who is there. The last slots are nobody's home; the very last one stays empty.
 * Pure.
 */
#ifndef COUPOND_USER_TABLE_H
#define COUPOND_USER_TABLE_H

#include <string.h>

#include "issuer/user_set.h"
#include "shared/limits.h"

#define TABLE_CAPACITY_MIN 16u
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
    uint32_t homes; /* follows from the capacity */
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

void slot_fill(struct slot *slot, struct fingerprint user, const struct user_issue *issue);

static inline bool fingerprint_equal(struct fingerprint a, struct fingerprint b)
{
    return a.low == b.low && a.high == b.high;
}

/* The order of users in a table. */
static inline bool fingerprint_less(struct fingerprint a, struct fingerprint b)
{
    return a.low < b.low || (a.low == b.low && a.high < b.high);
}

static inline uint32_t user_table_home(const struct user_table *table, struct fingerprint user)
{
    return (uint32_t)((__extension__(unsigned __int128) user.low * table->homes) >> 64);
}

/* The user's slot, or where the user belongs. */
static inline uint32_t user_table_seek(const struct user_table *table, struct fingerprint user)
{
    uint32_t at = user_table_home(table, user);
    while (table->slots[at].sequence != 0 && fingerprint_less(slot_user(&table->slots[at]), user))
        at++;
    return at;
}

/* True when the slot that user_table_seek() found is the user's. */
static inline bool user_table_holds(const struct user_table *table, uint32_t at, struct fingerprint user)
{
    return table->slots[at].sequence != 0 && fingerprint_equal(slot_user(&table->slots[at]), user);
}

/* An empty one of at least TABLE_CAPACITY_MIN slots; free() it. */
struct user_table *user_table_create(uint32_t capacity, unsigned depth);
/* A copy of a table of a snapshot, as it says it is; free() it. */
struct user_table *user_table_load(const struct user_block *block);
/* Slots for `count` users so that the table may grow by an eighth before it is too full. */
uint32_t user_table_capacity_for(uint32_t count);
/* True when it should not take one more user. */
bool user_table_is_full(const struct user_table *table);
/* Makes room for a user at `at`, as user_table_seek() found it, by moving those behind up to the next empty slot. False
 * when there is no slot left at the end. */
bool user_table_open(struct user_table *table, uint32_t at);

/* A new table, of at least `capacity`, with the users of `from` whose bit `shift` of `high` is `bit`; a shift of 64
 * means all. */
struct user_table *user_table_copy(const struct user_table *from, uint32_t capacity, unsigned depth, unsigned shift,
                                   unsigned bit);
uint32_t user_table_count(const struct user_table *table, unsigned shift);

/* True when everybody stands where the order wants it. */
bool user_table_is_ordered(const struct user_table *table);
/* The same users in order, in a new table; NULL when a user is there twice, or too many have one home. */
struct user_table *user_table_order(const struct user_table *table);

#endif
