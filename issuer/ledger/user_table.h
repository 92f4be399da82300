/*
 * One table of a user set: its users in the order of their arrival, and an index of four bytes per user. An index entry
 * contains a part of the fingerprint, so one cache line suffices to tell that a user is absent, and adding a user
 * touches two: an entry in that line, and the slot after the last. The fingerprint's `low` determines where a search
 * begins. Pure, except for memory: a table of full size has its own mapping, whose pages are allocated as users arrive,
 * so it never has to be copied.
 */
#ifndef COUPOND_USER_TABLE_H
#define COUPOND_USER_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "issuer/ledger/fingerprint.h"
#include "shared/limits.h"

#define TABLE_SLOTS_BITS 14
#define TABLE_SLOTS_MAX  (1u << TABLE_SLOTS_BITS)
#define TABLE_USERS_MAX  (TABLE_SLOTS_MAX - 1) /* the slot after the last user is always empty */
#define TABLE_SLOTS_MIN  16u
#define NTH_BITS         12
_Static_assert(ISSUER_TIME_US_MAX >> (64 - NTH_BITS) == 0, "a time fits beside the count");

/* 28 bytes; a sequence of 0 marks an empty slot. */
struct slot {
    uint32_t fingerprint[4];
    uint32_t sequence;
    uint32_t time_and_nth[2];
};
_Static_assert(sizeof(struct slot) == USER_SLOT_BYTES, "slot layout");

/* A cache line of the index. Entries fill from first to last; when a line is full, users go to the next one. An entry:
 * the highest bit marks it as taken, then 17 bits of the fingerprint, then the slot. */
#define LINE_ENTRIES 16u
#define LINE_QUADS   (LINE_ENTRIES / 4)
typedef uint32_t quad __attribute__((vector_size(16))); /* compared with one instruction */
struct index_line {
    union {
        _Alignas(64) uint32_t entries[LINE_ENTRIES];
        quad quads[LINE_QUADS];
    };
};

struct user_table {
    struct index_line *lines; /* followed by the slots in the same allocation */
    struct slot *slots;
    uint32_t lines_count;
    uint32_t capacity; /* slots */
    uint32_t count;
    unsigned depth; /* leading bits of the fingerprint that all users of this table share */
};

#define USER_NOWHERE UINT32_MAX

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

/* The line where the search for a user begins. */
static inline uint32_t user_table_line(const struct user_table *table, struct fingerprint user)
{
    return (uint32_t)((__extension__(unsigned __int128) user.low * table->lines_count) >> 64);
}

/* The user's entry without the slot. */
static inline uint32_t entry_mark(struct fingerprint user)
{
    return UINT32_C(1) << 31 | ((uint32_t)user.low & 0x1ffff) << TABLE_SLOTS_BITS;
}

/* A bit for each entry with the mark. */
static inline uint32_t line_matches(const struct index_line *line, uint32_t mark)
{
    quad matches = {0}, bits = {1, 2, 4, 8};
    for (unsigned i = 0; i < LINE_QUADS; i++, bits <<= 4)
        matches |= (quad)((line->quads[i] ^ mark) >> TABLE_SLOTS_BITS == 0) & bits;
    return matches[0] | matches[1] | matches[2] | matches[3];
}

/* The number of entries taken. */
static inline uint32_t line_taken(const struct index_line *line)
{
    quad taken = {0};
    for (unsigned i = 0; i < LINE_QUADS; i++)
        taken += line->quads[i] >> 31;
    return taken[0] + taken[1] + taken[2] + taken[3];
}

static inline bool line_is_full(const struct index_line *line)
{
    return line->entries[LINE_ENTRIES - 1] != 0;
}

/* The user's slot, or USER_NOWHERE. */
static inline uint32_t user_table_find(const struct user_table *table, struct fingerprint user)
{
    uint32_t mark = entry_mark(user);
    for (uint32_t at = user_table_line(table, user);; at = at + 1 < table->lines_count ? at + 1 : 0) {
        const struct index_line *line = &table->lines[at];
        for (uint32_t matches = line_matches(line, mark); matches != 0; matches &= matches - 1) {
            uint32_t slot = line->entries[__builtin_ctz(matches)] % TABLE_SLOTS_MAX;
            if (fingerprint_equal(slot_user(&table->slots[slot]), user))
                return slot;
        }
        if (!line_is_full(line))
            return USER_NOWHERE;
    }
}

/* Creates an empty table for `users`, at most TABLE_USERS_MAX, with some spare slots up to that limit. */
struct user_table *user_table_create(uint32_t users, unsigned depth);
void user_table_destroy(struct user_table **table);

/* True when there is no slot for another user. */
static inline bool user_table_is_full(const struct user_table *table)
{
    return table->count + 1 >= table->capacity;
}
/* Adds a user who is not in the table, which must not be full; returns the slot for the caller to fill. */
struct slot *user_table_add(struct user_table *table, struct fingerprint user);

/* Creates a larger table with the same users. */
struct user_table *user_table_grow(const struct user_table *from);
/* Moves the users whose next bit of `high` is set into a new table. */
struct user_table *user_table_split(struct user_table *table);

/* Total bytes of memory. */
size_t user_table_bytes(const struct user_table *table);

#endif
