#include "issuer/user_set.h"

#include <stdlib.h>
#include <string.h>

#include "shared/error.h"
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

static struct user_table *table_create(uint32_t capacity, unsigned depth)
{
    struct user_table *table = calloc(1, sizeof *table + capacity * sizeof(struct slot));
    CHECK(table != NULL);
    table->capacity = capacity;
    table->depth = depth;
    return table;
}

/* Slots for `count` users so that the table may grow by an eighth before it is too full. */
static uint32_t capacity_for(uint32_t count)
{
    uint32_t capacity = (uint32_t)((uint64_t)count * 16 * 9 / (LOAD_NUMERATOR * 8)) + 1;
    return capacity < TABLE_CAPACITY_MIN ? TABLE_CAPACITY_MIN : capacity;
}

static uint32_t slot_of(const struct user_table *table, struct fingerprint user)
{
    return (uint32_t)((__extension__(unsigned __int128) user.low * table->capacity) >> 64);
}

static struct fingerprint fingerprint_of(const struct slot *slot)
{
    struct fingerprint user;
    memcpy(&user, slot->fingerprint, sizeof user);
    return user;
}

static bool same(const struct slot *slot, struct fingerprint user)
{
    return memcmp(slot->fingerprint, &user, sizeof user) == 0;
}

/* The user's slot, or the empty one where the user belongs. */
static struct slot *probe(struct user_table *table, struct fingerprint user)
{
    uint32_t at = slot_of(table, user);
    while (table->slots[at].sequence != 0 && !same(&table->slots[at], user)) {
        if (++at == table->capacity)
            at = 0;
    }
    return &table->slots[at];
}

static void fill_slot(struct slot *slot, struct fingerprint user, const struct user_issue *issue)
{
    CHECK(issue->sequence > 0);
    CHECK(issue->nth < 1u << NTH_BITS);
    CHECK(issue->issued_at_us >= 0 && issue->issued_at_us <= ISSUER_TIME_US_MAX);
    uint64_t packed = (uint64_t)issue->issued_at_us << NTH_BITS | issue->nth;
    memcpy(slot->fingerprint, &user, sizeof user);
    slot->sequence = issue->sequence;
    memcpy(slot->time_and_nth, &packed, sizeof packed);
}

static void read_slot(const struct slot *slot, struct user_issue *issue)
{
    uint64_t packed;
    memcpy(&packed, slot->time_and_nth, sizeof packed);
    issue->sequence = slot->sequence;
    issue->nth = (uint16_t)(packed & ((1u << NTH_BITS) - 1));
    issue->issued_at_us = (int64_t)(packed >> NTH_BITS);
}

void user_set_init(struct user_set *set)
{
    *set = (struct user_set){0};
}

/* Entry of the directory for `user`: the highest `depth` bits. */
static size_t entry_of(const struct user_set *set, struct fingerprint user)
{
    return set->depth == 0 ? 0 : (size_t)(user.high >> (64 - set->depth));
}

/* How many entries of the directory lead to the same table. */
static size_t entries_of_table(const struct user_set *set, const struct user_table *table)
{
    return (size_t)1 << (set->depth - table->depth);
}

void user_set_deinit(struct user_set *set)
{
    if (set->directory == NULL)
        return;
    size_t entries = (size_t)1 << set->depth;
    for (size_t i = 0; i < entries;) {
        struct user_table *table = set->directory[i];
        i += table != NULL ? entries_of_table(set, table) : 1;
        free(table);
    }
    free(set->directory);
    user_set_init(set);
}

bool user_set_find(const struct user_set *set, struct fingerprint user, struct user_issue *issue)
{
    if (set->directory == NULL)
        return false;
    const struct slot *slot = probe(set->directory[entry_of(set, user)], user);
    if (slot->sequence == 0)
        return false;
    read_slot(slot, issue);
    return true;
}

static void copy_slots(struct user_table *to, const struct user_table *from, unsigned bit_shift, unsigned bit)
{
    for (uint32_t i = 0; i < from->capacity; i++) {
        const struct slot *slot = &from->slots[i];
        if (slot->sequence == 0)
            continue;
        struct fingerprint user = fingerprint_of(slot);
        if (bit_shift < 64 && ((user.high >> bit_shift) & 1) != bit)
            continue;
        *probe(to, user) = *slot;
        to->count++;
    }
}

static uint32_t count_with_bit(const struct user_table *table, unsigned shift)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < table->capacity; i++) {
        const struct slot *slot = &table->slots[i];
        count += slot->sequence != 0 && ((fingerprint_of(slot).high >> shift) & 1);
    }
    return count;
}

static struct user_table *grow(const struct user_table *table)
{
    struct user_table *larger = table_create(capacity_for(table->count), table->depth);
    copy_slots(larger, table, 64, 0);
    return larger;
}

static void double_directory(struct user_set *set)
{
    size_t entries = (size_t)1 << set->depth;
    struct user_table **directory = malloc(2 * entries * sizeof(*directory));
    CHECK(directory != NULL);
    for (size_t i = 0; i < entries; i++)
        directory[2 * i] = directory[2 * i + 1] = set->directory[i];
    free(set->directory);
    set->directory = directory;
    set->depth++;
}

/* Lets `entries` of the directory lead to `table`. */
static void replace_entries(struct user_set *set, size_t first, size_t entries, struct user_table *table)
{
    CHECK(entries > 0);
    for (size_t i = 0; i < entries; i++)
        set->directory[first + i] = table;
}

static size_t first_entry(const struct user_set *set, const struct user_table *table, struct fingerprint user)
{
    return entry_of(set, user) & ~(entries_of_table(set, table) - 1);
}

static void split(struct user_set *set, struct user_table *table, struct fingerprint user)
{
    if (table->depth == set->depth)
        double_directory(set);
    unsigned shift = 63 - table->depth;
    size_t first = first_entry(set, table, user);
    size_t half = entries_of_table(set, table) / 2;
    uint32_t ones = count_with_bit(table, shift);
    for (unsigned bit = 0; bit < 2; bit++) {
        uint32_t users = bit ? ones : table->count - ones;
        struct user_table *part = table_create(capacity_for(users), table->depth + 1);
        copy_slots(part, table, shift, bit);
        CHECK(part->count == users);
        replace_entries(set, first + bit * half, half, part);
    }
    free(table);
}

static bool too_full(const struct user_table *table)
{
    return (uint64_t)(table->count + 1) * 16 > (uint64_t)table->capacity * LOAD_NUMERATOR;
}

static void make_room(struct user_set *set, struct fingerprint user)
{
    struct user_table *table = set->directory[entry_of(set, user)];
    if (table->count >= TABLE_COUNT_MAX && table->depth < DEPTH_MAX) {
        split(set, table, user);
        return;
    }
    struct user_table *larger = grow(table);
    replace_entries(set, first_entry(set, table, user), entries_of_table(set, table), larger);
    free(table);
}

void user_set_put(struct user_set *set, struct fingerprint user, const struct user_issue *issue)
{
    if (set->directory == NULL) {
        set->directory = malloc(sizeof(*set->directory));
        CHECK(set->directory != NULL);
        set->directory[0] = table_create(TABLE_CAPACITY_MIN, 0);
    }
    while (too_full(set->directory[entry_of(set, user)]))
        make_room(set, user);
    struct user_table *table = set->directory[entry_of(set, user)];
    struct slot *slot = probe(table, user);
    struct user_issue before = {0};
    if (slot->sequence == 0) {
        table->count++;
        set->count++;
    } else {
        read_slot(slot, &before);
    }
    fill_slot(slot, user, issue);
    set->held += (uint64_t)issue->nth - before.nth;
}

void user_set_prefetch_table(const struct user_set *set, struct fingerprint user)
{
    if (set->directory != NULL)
        __builtin_prefetch(set->directory[entry_of(set, user)]);
}

void user_set_prefetch_slot(const struct user_set *set, struct fingerprint user)
{
    if (set->directory == NULL)
        return;
    const struct user_table *table = set->directory[entry_of(set, user)];
    const char *slot = (const char *)&table->slots[slot_of(table, user)];
    __builtin_prefetch(slot);
    __builtin_prefetch(slot + 64);
}

size_t user_set_bytes(const struct user_set *set)
{
    size_t entries = set->directory == NULL ? 0 : (size_t)1 << set->depth;
    size_t bytes = entries * sizeof(*set->directory);
    for (size_t i = 0; i < entries;) {
        const struct user_table *table = set->directory[i];
        bytes += sizeof *table + table->capacity * sizeof(struct slot);
        i += entries_of_table(set, table);
    }
    return bytes;
}

/* --- snapshots --- */

bool user_set_block(const struct user_set *set, uint64_t first, struct user_block *block)
{
    if (set->directory == NULL)
        return false;
    const struct user_table *table = set->directory[entry_of(set, (struct fingerprint){.high = first})];
    *block = (struct user_block){
        .first = first,
        .depth = table->depth,
        .capacity = table->capacity,
        .count = table->count,
        .slots = table->slots,
    };
    return true;
}

bool user_block_next(const struct user_block *block, uint64_t *first)
{
    if (block->depth == 0)
        return false;
    *first = block->first + (UINT64_C(1) << (64 - block->depth));
    return *first != 0;
}

static const char *check_block(const struct user_block *block)
{
    if (block->depth > DEPTH_MAX || (block->depth == 0 && block->first != 0) ||
        (block->depth > 0 && block->first << block->depth != 0))
        return "a table of users begins where none can";
    if (block->capacity < TABLE_CAPACITY_MIN || block->capacity > USER_BLOCK_CAPACITY_MAX ||
        block->count >= block->capacity)
        return "a table of users of an impossible size";
    return NULL;
}

/* Every slot in its table; counts users and issues. */
static const char *check_slots(const struct user_table *table, uint64_t first, uint64_t *held)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < table->capacity; i++) {
        const struct slot *slot = &table->slots[i];
        if (slot->sequence == 0)
            continue;
        struct user_issue issue;
        read_slot(slot, &issue);
        count++;
        *held += issue.nth;
        if (issue.nth == 0 || (table->depth > 0 && (fingerprint_of(slot).high ^ first) >> (64 - table->depth) != 0))
            return "a user that does not belong into its table";
    }
    return count == table->count ? NULL : "a table of users that counts wrong";
}

/* Lets the directory lead to `table`. False when another one has that place. */
static bool put_into_directory(struct user_set *set, struct user_table *table, uint64_t first)
{
    if (set->directory == NULL) {
        set->directory = calloc(1, sizeof(*set->directory));
        CHECK(set->directory != NULL);
    }
    while (set->depth < table->depth)
        double_directory(set);
    size_t entry = entry_of(set, (struct fingerprint){.high = first});
    size_t entries = entries_of_table(set, table);
    for (size_t i = 0; i < entries; i++) {
        if (set->directory[entry + i] != NULL)
            return false;
    }
    replace_entries(set, entry, entries, table);
    return true;
}

const char *user_set_load(struct user_set *set, const struct user_block *block)
{
    const char *wrong = check_block(block);
    if (wrong != NULL)
        return wrong;
    struct user_table *table = malloc(sizeof *table + block->capacity * sizeof(struct slot));
    CHECK(table != NULL);
    table->capacity = block->capacity;
    table->count = block->count;
    table->depth = block->depth;
    memcpy(table->slots, block->slots, block->capacity * sizeof(struct slot));
    uint64_t held = 0;
    wrong = check_slots(table, block->first, &held);
    if (wrong == NULL && !put_into_directory(set, table, block->first))
        wrong = "two tables of users for one place";
    if (wrong != NULL) {
        free(table);
        return wrong;
    }
    set->count += table->count;
    set->held += held;
    return NULL;
}

bool user_set_is_whole(const struct user_set *set)
{
    size_t entries = set->directory == NULL ? 0 : (size_t)1 << set->depth;
    for (size_t i = 0; i < entries; i++) {
        if (set->directory[i] == NULL)
            return false;
    }
    return true;
}
