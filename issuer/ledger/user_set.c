#include "issuer/ledger/user_set.h"

#include <stdlib.h>

#include "issuer/ledger/user_directory.h"
#include "issuer/ledger/user_table.h"
#include "shared/error.h"

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
        i += table != NULL ? user_directory_entries(set, table) : 1;
        user_table_destroy(&table);
    }
    free(set->directory);
    user_set_init(set);
}

bool user_set_find(const struct user_set *set, struct fingerprint user, struct user_issue *issue)
{
    if (set->directory == NULL)
        return false;
    const struct user_table *table = set->directory[user_directory_entry(set, user)];
    uint32_t slot = user_table_find(table, user);
    if (slot == USER_NOWHERE)
        return false;
    slot_read(&table->slots[slot], issue);
    return true;
}

static void make_room(struct user_set *set, struct user_table *table, struct fingerprint user)
{
    if (table->count == TABLE_USERS_MAX) {
        user_directory_split(set, table, user);
        return;
    }
    struct user_table *larger = user_table_grow(table);
    user_directory_replace(set, user_directory_first(set, table, user), user_directory_entries(set, table), larger);
    user_table_destroy(&table);
}

static void create_directory(struct user_set *set)
{
    set->directory = malloc(sizeof *set->directory);
    CHECK(set->directory != NULL);
    set->directory[0] = user_table_create(0, 0);
}

/* A slot for a user who is not in the set. */
static struct slot *add_slot(struct user_set *set, struct fingerprint user)
{
    struct user_table *table;
    while (user_table_is_full(table = set->directory[user_directory_entry(set, user)]))
        make_room(set, table, user);
    set->count++;
    return user_table_add(table, user);
}

void user_set_put(struct user_set *set, struct fingerprint user, const struct user_issue *issue)
{
    if (set->directory == NULL)
        create_directory(set);
    struct user_table *table = set->directory[user_directory_entry(set, user)];
    uint32_t slot = user_table_find(table, user);
    struct user_issue before = {0};
    if (slot != USER_NOWHERE)
        slot_read(&table->slots[slot], &before);
    slot_fill(slot != USER_NOWHERE ? &table->slots[slot] : add_slot(set, user), user, issue);
    set->held += (uint64_t)issue->nth - before.nth;
    if (issue->issued_at_us > set->latest_us)
        set->latest_us = issue->issued_at_us;
}

void user_set_prefetch_table(const struct user_set *set, struct fingerprint user)
{
    if (set->directory != NULL)
        __builtin_prefetch(set->directory[user_directory_entry(set, user)]);
}

void user_set_prefetch_index(const struct user_set *set, struct fingerprint user)
{
    if (set->directory == NULL)
        return;
    const struct user_table *table = set->directory[user_directory_entry(set, user)];
    __builtin_prefetch(&table->lines[user_table_line(table, user)], 1);
}

void user_set_prefetch_slot(const struct user_set *set, struct fingerprint user)
{
    if (set->directory == NULL)
        return;
    const struct user_table *table = set->directory[user_directory_entry(set, user)];
    const struct index_line *line = &table->lines[user_table_line(table, user)];
    uint32_t matches = line_matches(line, entry_mark(user));
    uint32_t slot = matches != 0 ? line->entries[__builtin_ctz(matches)] % TABLE_SLOTS_MAX : table->count;
    __builtin_prefetch(&table->slots[slot], 1);
    __builtin_prefetch((const char *)&table->slots[slot + 1] - 1, 1);
}

size_t user_set_bytes(const struct user_set *set)
{
    size_t entries = set->directory == NULL ? 0 : (size_t)1 << set->depth;
    size_t bytes = entries * sizeof *set->directory;
    for (size_t i = 0; i < entries; i += user_directory_entries(set, set->directory[i]))
        bytes += user_table_bytes(set->directory[i]);
    return bytes;
}
