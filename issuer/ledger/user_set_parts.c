#include <stdlib.h>
#include <string.h>

#include "issuer/ledger/user_directory.h"
#include "issuer/ledger/user_set.h"
#include "issuer/ledger/user_table.h"
#include "shared/error.h"

#define SMALL_USERS 4096u /* a set up to this size is better kept in one table */

/* --- snapshots --- */

bool user_set_block(const struct user_set *set, uint64_t first, struct user_block *block)
{
    if (set->directory == NULL)
        return false;
    const struct user_table *table = set->directory[user_directory_entry(set, (struct fingerprint){.high = first})];
    *block = (struct user_block){
        .first = first,
        .depth = table->depth,
        .capacity = table->count < TABLE_SLOTS_MIN ? TABLE_SLOTS_MIN : table->count + 1,
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
    if (block->depth > USER_DIRECTORY_DEPTH_MAX || (block->depth == 0 && block->first != 0) ||
        (block->depth > 0 && block->first << block->depth != 0))
        return "a table of users has an impossible position";
    if (block->capacity > USER_BLOCK_CAPACITY_MAX || block->count >= block->capacity)
        return "a table of users has an impossible size";
    return NULL;
}

/* Points the directory at `table`. False when another table has that place. */
static bool put_into_directory(struct user_set *set, struct user_table *table, uint64_t first)
{
    if (set->directory == NULL) {
        set->directory = calloc(1, sizeof *set->directory);
        CHECK(set->directory != NULL);
    }
    while (set->depth < table->depth)
        user_directory_double(set);
    size_t entry = user_directory_entry(set, (struct fingerprint){.high = first});
    size_t entries = user_directory_entries(set, table);
    for (size_t i = 0; i < entries; i++) {
        if (set->directory[entry + i] != NULL)
            return false;
    }
    user_directory_replace(set, entry, entries, table);
    return true;
}

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* One of the tables that a block is loaded into: blocks of older snapshots have empty slots in between, and may hold
 * more users than a table takes now. */
struct loading {
    const struct user_block *block;
    uint64_t first;
    unsigned depth;
    uint64_t held;
    int64_t latest_us;
};

static bool belongs(const struct loading *loading, const struct slot *slot)
{
    return slot->sequence != 0 &&
           (loading->depth == 0 || (slot_user(slot).high ^ loading->first) >> (64 - loading->depth) == 0);
}

static uint32_t count_users(const struct loading *loading)
{
    const struct slot *slots = loading->block->slots;
    uint32_t count = 0;
    for (uint32_t i = 0; i < loading->block->capacity; i++)
        count += belongs(loading, &slots[i]);
    return count;
}

static const char *fill_table(struct loading *loading, struct user_table *table)
{
    const struct slot *slots = loading->block->slots;
    for (uint32_t i = 0; i < loading->block->capacity; i++) {
        if (!belongs(loading, &slots[i]))
            continue;
        struct user_issue issue;
        slot_read(&slots[i], &issue);
        if (issue.nth == 0)
            return "a user without an issue";
        if (user_table_find(table, slot_user(&slots[i])) != USER_NOWHERE)
            return "a user twice";
        *user_table_add(table, slot_user(&slots[i])) = slots[i];
        loading->held += issue.nth;
        loading->latest_us = later(issue.issued_at_us, loading->latest_us);
    }
    return NULL;
}

static const char *load_table(struct user_set *set, struct loading *loading, uint32_t users)
{
    struct user_table *table = user_table_create(users, loading->depth);
    const char *wrong = fill_table(loading, table);
    if (wrong == NULL && !put_into_directory(set, table, loading->first))
        wrong = "two tables of users have the same position";
    if (wrong != NULL) {
        user_table_destroy(&table);
        return wrong;
    }
    set->count += table->count;
    set->held += loading->held;
    set->latest_us = later(set->latest_us, loading->latest_us);
    return NULL;
}

/* Loads the part of the block that belongs to one table, splitting it as needed. */
static const char *load_tables(struct user_set *set, struct loading loading, uint32_t *loaded)
{
    uint32_t users = count_users(&loading);
    *loaded += users;
    if (users <= TABLE_USERS_MAX)
        return load_table(set, &loading, users);
    if (loading.depth == USER_DIRECTORY_DEPTH_MAX)
        return "a table of users has an impossible size";
    loading.depth++;
    *loaded -= users;
    const char *wrong = load_tables(set, loading, loaded);
    loading.first |= UINT64_C(1) << (64 - loading.depth);
    return wrong == NULL ? load_tables(set, loading, loaded) : wrong;
}

const char *user_set_load(struct user_set *set, const struct user_block *block)
{
    const char *wrong = check_block(block);
    uint32_t loaded = 0;
    if (wrong == NULL)
        wrong = load_tables(set, (struct loading){block, block->first, block->depth, 0, 0}, &loaded);
    if (wrong == NULL && loaded != block->count)
        wrong = "a table of users has a wrong count or a user who does not belong to it";
    return wrong;
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

/* --- parts --- */

/* Splits tables until each has at least so many bits. */
static void split_down_to(struct user_set *set, unsigned bits)
{
    for (uint64_t part = 0; part < UINT64_C(1) << bits; part++) {
        struct fingerprint user = {.high = bits == 0 ? 0 : part << (64 - bits)};
        struct user_table *table;
        while ((table = set->directory[user_directory_entry(set, user)])->depth < bits)
            user_directory_split(set, table, user);
    }
}

bool user_set_has_few(const struct user_set *set)
{
    return set->count > 0 && set->count <= SMALL_USERS;
}

void user_set_divide(struct user_set *set, unsigned bits, struct user_set *const parts[])
{
    for (size_t i = 0; i < (size_t)1 << bits; i++)
        user_set_init(parts[i]);
    if (set->directory == NULL)
        return;
    split_down_to(set, bits);
    size_t entries = (size_t)1 << (set->depth - bits);
    for (size_t i = 0; i < (size_t)1 << bits; i++) {
        parts[i]->depth = set->depth;
        parts[i]->directory = calloc((size_t)1 << set->depth, sizeof *set->directory);
        CHECK(parts[i]->directory != NULL);
        memcpy(parts[i]->directory + i * entries, set->directory + i * entries, entries * sizeof *set->directory);
    }
    parts[0]->count = set->count; /* only the sums matter */
    parts[0]->held = set->held;
    parts[0]->latest_us = set->latest_us;
    free(set->directory);
    user_set_init(set);
}

/* Gives a part its tables, through its section of the whole directory; the rest of its directory stays empty. */
static void take_part(struct user_set *set, unsigned bits, size_t part, struct user_set *from)
{
    size_t first = part << (set->depth - bits), entries = (size_t)1 << (set->depth - bits);
    if (from->directory == NULL) {
        user_directory_replace(set, first, entries, user_table_create(0, bits));
        return;
    }
    while (from->depth < set->depth)
        user_directory_double(from);
    for (size_t i = 0; i < entries;) {
        struct user_table *table = from->directory[first + i];
        size_t before = user_directory_entries(from, table);
        user_directory_replace(from, (first + i) & ~(before - 1), before, NULL);
        if (table->depth < bits) /* it spans several parts, but all of its users are in this one */
            table->depth = bits;
        size_t its = user_directory_entries(set, table);
        user_directory_replace(set, first + i, its, table);
        i += its;
    }
}

static void put_all(struct user_set *set, const struct user_table *table)
{
    for (uint32_t i = 0; i < table->count; i++) {
        struct user_issue issue;
        slot_read(&table->slots[i], &issue);
        user_set_put(set, slot_user(&table->slots[i]), &issue);
    }
}

/* The only part with users, when a single table holds them all, as it does when they are few; otherwise NULL. */
static struct user_set *only_part(size_t count, struct user_set *const parts[])
{
    struct user_set *only = NULL;
    for (size_t i = 0; i < count; i++) {
        if (parts[i]->directory == NULL)
            continue;
        if (only != NULL || parts[i]->depth > 0)
            return NULL;
        only = parts[i];
    }
    return only;
}

/* One table takes less memory than one per part. */
static void unite_small(struct user_set *set, size_t count, struct user_set *const parts[])
{
    user_set_init(set);
    for (size_t i = 0; i < count; i++) {
        const struct user_table *before = NULL;
        for (size_t entry = 0; parts[i]->directory != NULL && entry < (size_t)1 << parts[i]->depth; entry++) {
            const struct user_table *table = parts[i]->directory[entry];
            if (table != NULL && table != before)
                put_all(set, table);
            before = table;
        }
        user_set_deinit(parts[i]);
    }
}

static uint64_t users_of(size_t count, struct user_set *const parts[])
{
    uint64_t users = 0;
    for (size_t i = 0; i < count; i++)
        users += parts[i]->count;
    return users;
}

void user_set_unite(struct user_set *set, unsigned bits, struct user_set *const parts[])
{
    size_t count = (size_t)1 << bits;
    bool any = false;
    struct user_set *only = only_part(count, parts);
    if (only != NULL) {
        *set = *only;
        user_set_init(only);
        return;
    }
    if (users_of(count, parts) <= SMALL_USERS) {
        unite_small(set, count, parts);
        return;
    }
    user_set_init(set);
    for (size_t i = 0; i < count; i++) {
        any = any || parts[i]->directory != NULL;
        set->depth = parts[i]->depth > set->depth ? parts[i]->depth : set->depth;
        set->count += parts[i]->count;
        set->held += parts[i]->held;
        set->latest_us = later(set->latest_us, parts[i]->latest_us);
    }
    if (!any)
        return;
    set->depth = set->depth > bits ? set->depth : bits;
    set->directory = calloc((size_t)1 << set->depth, sizeof *set->directory);
    CHECK(set->directory != NULL);
    for (size_t i = 0; i < count; i++) {
        take_part(set, bits, i, parts[i]);
        user_set_deinit(parts[i]); /* only empty tables are left in it */
    }
}
