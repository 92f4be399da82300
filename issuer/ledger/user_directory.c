#include "issuer/ledger/user_directory.h"

#include <stdlib.h>

#include "issuer/ledger/user_table.h"
#include "shared/error.h"

size_t user_directory_entries(const struct user_set *set, const struct user_table *table)
{
    return (size_t)1 << (set->depth - table->depth);
}

size_t user_directory_first(const struct user_set *set, const struct user_table *table, struct fingerprint user)
{
    return user_directory_entry(set, user) & ~(user_directory_entries(set, table) - 1);
}

void user_directory_replace(struct user_set *set, size_t first, size_t entries, struct user_table *table)
{
    CHECK(entries > 0);
    for (size_t i = 0; i < entries; i++)
        set->directory[first + i] = table;
}

void user_directory_double(struct user_set *set)
{
    size_t entries = (size_t)1 << set->depth;
    struct user_table **directory = malloc(2 * entries * sizeof *directory);
    CHECK(directory != NULL);
    for (size_t i = 0; i < entries; i++)
        directory[2 * i] = directory[2 * i + 1] = set->directory[i];
    free(set->directory);
    set->directory = directory;
    set->depth++;
}

void user_directory_split(struct user_set *set, struct user_table *table, struct fingerprint user)
{
    CHECK(table->depth < USER_DIRECTORY_DEPTH_MAX);
    if (table->depth == set->depth)
        user_directory_double(set);
    size_t first = user_directory_first(set, table, user);
    size_t half = user_directory_entries(set, table) / 2;
    user_directory_replace(set, first + half, half, user_table_split(table));
}
