#include "issuer/user_set.h"

#include <stdlib.h>
#include <string.h>

#include "issuer/user_set_private.h"
#include "shared/error.h"

struct user_table *user_table_create(uint32_t capacity, unsigned depth)
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
    const struct slot *slot = probe(set->directory[user_set_entry(set, user)], user);
    if (slot->sequence == 0)
        return false;
    slot_read(slot, issue);
    return true;
}

static void copy_slots(struct user_table *to, const struct user_table *from, unsigned bit_shift, unsigned bit)
{
    for (uint32_t i = 0; i < from->capacity; i++) {
        const struct slot *slot = &from->slots[i];
        if (slot->sequence == 0)
            continue;
        struct fingerprint user = slot_user(slot);
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
        count += slot->sequence != 0 && ((slot_user(slot).high >> shift) & 1);
    }
    return count;
}

static struct user_table *grow(const struct user_table *table)
{
    struct user_table *larger = user_table_create(capacity_for(table->count), table->depth);
    copy_slots(larger, table, 64, 0);
    return larger;
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
    uint32_t ones = count_with_bit(table, shift);
    for (unsigned bit = 0; bit < 2; bit++) {
        uint32_t users = bit ? ones : table->count - ones;
        struct user_table *part = user_table_create(capacity_for(users), table->depth + 1);
        copy_slots(part, table, shift, bit);
        CHECK(part->count == users);
        user_set_replace_entries(set, first + bit * half, half, part);
    }
    free(table);
}

static bool too_full(const struct user_table *table)
{
    return (uint64_t)(table->count + 1) * 16 > (uint64_t)table->capacity * LOAD_NUMERATOR;
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

void user_set_put(struct user_set *set, struct fingerprint user, const struct user_issue *issue)
{
    if (set->directory == NULL) {
        set->directory = malloc(sizeof(*set->directory));
        CHECK(set->directory != NULL);
        set->directory[0] = user_table_create(TABLE_CAPACITY_MIN, 0);
    }
    while (too_full(set->directory[user_set_entry(set, user)]))
        make_room(set, user);
    struct user_table *table = set->directory[user_set_entry(set, user)];
    struct slot *slot = probe(table, user);
    struct user_issue before = {0};
    if (slot->sequence == 0) {
        table->count++;
        set->count++;
    } else {
        slot_read(slot, &before);
    }
    fill_slot(slot, user, issue);
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
        i += user_set_entries(set, table);
    }
    return bytes;
}
