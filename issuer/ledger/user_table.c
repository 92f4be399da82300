#include "issuer/ledger/user_table.h"

#include <stdlib.h>
#include <sys/mman.h>

#include "shared/error.h"

#define PAGE_BYTES 4096u

void slot_fill(struct slot *slot, struct fingerprint user, const struct user_issue *issue)
{
    CHECK(issue->sequence > 0);
    CHECK(issue->nth < 1u << NTH_BITS);
    CHECK(issue->issued_at_us >= 0 && issue->issued_at_us <= ISSUER_TIME_US_MAX);
    uint64_t packed = (uint64_t)issue->issued_at_us << NTH_BITS | issue->nth;
    memcpy(slot->fingerprint, &user, sizeof user);
    slot->sequence = issue->sequence;
    memcpy(slot->time_and_nth, &packed, sizeof packed);
}

/* --- memory --- */

/* Five entries for every four slots, and always more than users, so that every search ends. */
static uint32_t lines_for(uint32_t slots)
{
    return slots <= LINE_ENTRIES ? 1 : (slots * 5 / 4 + LINE_ENTRIES - 1) / LINE_ENTRIES;
}

#define LINES_MAX (TABLE_SLOTS_MAX * 5 / 4 / LINE_ENTRIES)

static bool is_mapped(const struct user_table *table)
{
    return table->capacity == TABLE_SLOTS_MAX;
}

static size_t memory_bytes(const struct user_table *table)
{
    size_t bytes = table->lines_count * sizeof(struct index_line) + table->capacity * sizeof(struct slot);
    return (bytes + 63) / 64 * 64;
}

/* Untouched pages take no memory, but huge pages would. The first `used` bytes are populated at once if the kernel
 * supports it, because single page faults cost more. Without that support it only costs time or memory. */
static void *map(size_t bytes, size_t used)
{
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(memory != MAP_FAILED);
    madvise(memory, bytes, MADV_NOHUGEPAGE);
#ifdef MADV_POPULATE_WRITE
    madvise(memory, used, MADV_POPULATE_WRITE);
#else
    (void)used;
#endif
    return memory;
}

static void *allocate(size_t bytes)
{
    void *memory = aligned_alloc(64, bytes);
    CHECK(memory != NULL);
    return memset(memory, 0, bytes);
}

struct user_table *user_table_create(uint32_t users, unsigned depth)
{
    CHECK(users <= TABLE_USERS_MAX);
    struct user_table *table = malloc(sizeof *table);
    CHECK(table != NULL);
    uint32_t slots = users + users / 6 + 2;
    if (slots < TABLE_SLOTS_MIN)
        slots = TABLE_SLOTS_MIN;
    if (slots > TABLE_SLOTS_MAX / 2)
        slots = TABLE_SLOTS_MAX;
    *table = (struct user_table){.capacity = slots, .lines_count = lines_for(slots), .depth = depth};
    size_t bytes = memory_bytes(table), unused = (slots - users) * sizeof(struct slot);
    table->lines = is_mapped(table) ? map(bytes, bytes - unused) : allocate(bytes);
    table->slots = (struct slot *)(void *)(table->lines + table->lines_count);
    return table;
}

void user_table_destroy(struct user_table **table)
{
    if (*table == NULL)
        return;
    if (is_mapped(*table))
        munmap((*table)->lines, memory_bytes(*table));
    else
        free((*table)->lines);
    free(*table);
    *table = NULL;
}

size_t user_table_bytes(const struct user_table *table)
{
    size_t bytes = memory_bytes(table);
    if (is_mapped(table)) {
        bytes -= (table->capacity - table->count) * sizeof(struct slot);
        bytes = (bytes + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES;
    }
    return sizeof *table + bytes;
}

/* --- adding --- */

static void index_user(struct user_table *table, struct fingerprint user, uint32_t slot)
{
    uint32_t at = user_table_line(table, user);
    while (line_is_full(&table->lines[at]))
        at = at + 1 < table->lines_count ? at + 1 : 0;
    struct index_line *line = &table->lines[at];
    line->entries[line_taken(line)] = entry_mark(user) | slot;
}

struct slot *user_table_add(struct user_table *table, struct fingerprint user)
{
    CHECK(!user_table_is_full(table));
    index_user(table, user, table->count);
    return &table->slots[table->count++];
}

/* Points the empty index at the first `count` slots. The fill of each line is kept aside, so that a processor need not
 * wait for one entry before it writes the next. */
static void index_slots(struct user_table *table, uint32_t count)
{
    uint8_t taken[LINES_MAX] = {0};
    for (uint32_t i = 0; i < count; i++) {
        struct fingerprint user = slot_user(&table->slots[i]);
        uint32_t at = user_table_line(table, user);
        while (taken[at] == LINE_ENTRIES)
            at = at + 1 < table->lines_count ? at + 1 : 0;
        table->lines[at].entries[taken[at]++] = entry_mark(user) | i;
    }
    table->count = count;
}

/* --- growing --- */

struct user_table *user_table_grow(const struct user_table *from)
{
    struct user_table *larger = user_table_create(from->count, from->depth);
    memcpy(larger->slots, from->slots, from->count * sizeof(struct slot));
    index_slots(larger, from->count);
    return larger;
}

static uint32_t bit_of(const struct slot *slot, unsigned shift)
{
    return (uint32_t)(slot_user(slot).high >> shift) & 1;
}

static uint32_t count_ones(const struct user_table *table, unsigned shift)
{
    uint32_t ones = 0;
    for (uint32_t i = 0; i < table->count; i++)
        ones += bit_of(&table->slots[i], shift);
    return ones;
}

/* Clears the slots after the users and returns their pages. */
static void clear_behind(struct user_table *table, uint32_t before)
{
    char *begin = (char *)&table->slots[table->count], *end = (char *)&table->slots[before];
    if (is_mapped(table)) {
        char *page = (char *)(((uintptr_t)begin + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES);
        char *behind = (char *)table->lines + memory_bytes(table);
        if (page < end && madvise(page, (size_t)(behind - page), MADV_DONTNEED) == 0)
            end = page;
    }
    memset(begin, 0, (size_t)(end - begin));
}

struct user_table *user_table_split(struct user_table *table)
{
    unsigned shift = 63 - table->depth;
    uint32_t before = table->count, ones = count_ones(table, shift);
    struct user_table *other = user_table_create(ones, table->depth + 1);
    struct slot *next[2] = {table->slots, other->slots};
    for (uint32_t i = 0; i < before; i++) {
        struct slot slot = table->slots[i];
        *next[bit_of(&slot, shift)]++ = slot;
    }
    table->depth++;
    table->count = before - ones;
    clear_behind(table, before);
    memset(table->lines, 0, table->lines_count * sizeof *table->lines);
    index_slots(table, before - ones);
    index_slots(other, ones);
    return other;
}
