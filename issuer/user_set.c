#include "issuer/user_set.h"

#include <stdlib.h>

#include "issuer/user_set_private.h"
#include "shared/error.h"

#define PREFETCH_BYTES 256 /* from the home on: a search, and a new user's way to the next empty slot */

void user_set_init(struct user_set *set)
{
    *set = (struct user_set){0};
}

void user_set_deinit(struct user_set *set)
{
    if (set->directory == NULL)
        return;
    size_t entries = (size_t)1 << set->depth;
    for (size_t i = 0; i < entries;) {
        struct user_table *table = set->directory[i];
        i += table != NULL ? user_set_entries(set, table) : 1;
        free(table);
    }
    free(set->directory);
    user_set_init(set);
}

bool user_set_find(const struct user_set *set, struct fingerprint user, struct user_issue *issue)
{
    if (set->directory == NULL)
        return false;
    const struct user_table *table = set->directory[user_set_entry(set, user)];
    uint32_t at = user_table_seek(table, user);
    if (!user_table_holds(table, at, user))
        return false;
    slot_read(&table->slots[at], issue);
    return true;
}

void user_set_double_directory(struct user_set *set)
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
void user_set_replace_entries(struct user_set *set, size_t first, size_t entries, struct user_table *table)
{
    CHECK(entries > 0);
    for (size_t i = 0; i < entries; i++)
        set->directory[first + i] = table;
}

static size_t first_entry(const struct user_set *set, const struct user_table *table, struct fingerprint user)
{
    return user_set_entry(set, user) & ~(user_set_entries(set, table) - 1);
}

void user_set_split(struct user_set *set, struct user_table *table, struct fingerprint user)
{
    if (table->depth == set->depth)
        user_set_double_directory(set);
    unsigned shift = 63 - table->depth;
    size_t first = first_entry(set, table, user);
    size_t half = user_set_entries(set, table) / 2;
    uint32_t ones = user_table_count(table, shift);
    for (unsigned bit = 0; bit < 2; bit++) {
        uint32_t users = bit ? ones : table->count - ones;
        struct user_table *part = user_table_copy(table, user_table_capacity_for(users), table->depth + 1, shift, bit);
        CHECK(part->count == users);
        user_set_replace_entries(set, first + bit * half, half, part);
    }
    free(table);
}

static struct user_table *grow(const struct user_table *table)
{
    uint32_t least = table->capacity + table->capacity / 8; /* when it is its end that is full */
    uint32_t capacity = user_table_capacity_for(table->count);
    return user_table_copy(table, capacity > least ? capacity : least, table->depth, 64, 0);
}

static void make_room(struct user_set *set, struct fingerprint user)
{
    struct user_table *table = set->directory[user_set_entry(set, user)];
    if (table->count >= TABLE_COUNT_MAX && table->depth < DEPTH_MAX) {
        user_set_split(set, table, user);
        return;
    }
    struct user_table *larger = grow(table);
    user_set_replace_entries(set, first_entry(set, table, user), user_set_entries(set, table), larger);
    free(table);
}

static void create_directory(struct user_set *set)
{
    set->directory = malloc(sizeof(*set->directory));
    CHECK(set->directory != NULL);
    set->directory[0] = user_table_create(TABLE_CAPACITY_MIN, 0);
}

/* A slot for a user who is not in the set. */
static struct slot *add_slot(struct user_set *set, struct fingerprint user)
{
    for (;; make_room(set, user)) {
        struct user_table *table = set->directory[user_set_entry(set, user)];
        uint32_t at = user_table_seek(table, user);
        if (user_table_is_full(table) || !user_table_open(table, at))
            continue;
        table->count++;
        set->count++;
        return &table->slots[at];
    }
}

void user_set_put(struct user_set *set, struct fingerprint user, const struct user_issue *issue)
{
    if (set->directory == NULL)
        create_directory(set);
    struct user_table *table = set->directory[user_set_entry(set, user)];
    uint32_t at = user_table_seek(table, user);
    bool known = user_table_holds(table, at, user);
    struct user_issue before = {0};
    if (known)
        slot_read(&table->slots[at], &before);
    slot_fill(known ? &table->slots[at] : add_slot(set, user), user, issue);
    set->held += (uint64_t)issue->nth - before.nth;
}

void user_set_prefetch_table(const struct user_set *set, struct fingerprint user)
{
    if (set->directory != NULL)
        __builtin_prefetch(set->directory[user_set_entry(set, user)]);
}

void user_set_prefetch_slot(const struct user_set *set, struct fingerprint user)
{
    if (set->directory == NULL)
        return;
    const struct user_table *table = set->directory[user_set_entry(set, user)];
    const char *slot = (const char *)&table->slots[user_table_home(table, user)];
    (void)*(const volatile char *)slot; /* the processor may drop a prefetch, but not a load */
    for (size_t at = 64; at < PREFETCH_BYTES; at += 64)
        __builtin_prefetch(slot + at);
}

size_t user_set_bytes(const struct user_set *set)
{
    size_t entries = set->directory == NULL ? 0 : (size_t)1 << set->depth;
    size_t bytes = entries * sizeof(*set->directory);
    for (size_t i = 0; i < entries;) {
        const struct user_table *table = set->directory[i];
        bytes += sizeof *table + table->capacity * sizeof(struct slot);
        i += user_set_entries(set, table);
    }
    return bytes;
}
