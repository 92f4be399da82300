#include "issuer/user_table.h"

#include <stdlib.h>

#include "shared/error.h"

#define LOAD_NUMERATOR 13u /* of 16: how full the homes may be */
#define SPILL_MAX      32u /* slots behind the homes; more than that are wanted once in a million tables */

static uint32_t spill_of(uint32_t capacity)
{
    return capacity / 8 < SPILL_MAX ? capacity / 8 : SPILL_MAX;
}

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

struct user_table *user_table_create(uint32_t capacity, unsigned depth)
{
    CHECK(capacity >= TABLE_CAPACITY_MIN);
    struct user_table *table = calloc(1, sizeof *table + capacity * sizeof(struct slot));
    CHECK(table != NULL);
    table->capacity = capacity;
    table->homes = capacity - spill_of(capacity);
    table->depth = depth;
    return table;
}

struct user_table *user_table_load(const struct user_block *block)
{
    CHECK(block->capacity >= TABLE_CAPACITY_MIN);
    struct user_table *table = malloc(sizeof *table + block->capacity * sizeof(struct slot));
    CHECK(table != NULL);
    table->capacity = block->capacity;
    table->homes = block->capacity - spill_of(block->capacity);
    table->count = block->count;
    table->depth = block->depth;
    memcpy(table->slots, block->slots, block->capacity * sizeof(struct slot));
    return table;
}

uint32_t user_table_capacity_for(uint32_t count)
{
    uint32_t homes = (uint32_t)((uint64_t)count * 16 * 9 / (LOAD_NUMERATOR * 8)) + 1;
    uint32_t spill = homes / 7 < SPILL_MAX ? homes / 7 : SPILL_MAX;
    return homes + spill < TABLE_CAPACITY_MIN ? TABLE_CAPACITY_MIN : homes + spill;
}

bool user_table_is_full(const struct user_table *table)
{
    return (uint64_t)(table->count + 1) * 16 > (uint64_t)table->homes * LOAD_NUMERATOR;
}

bool user_table_open(struct user_table *table, uint32_t at)
{
    uint32_t end = at;
    while (table->slots[end].sequence != 0)
        end++;
    if (end + 1 >= table->capacity)
        return false;
    memmove(&table->slots[at + 1], &table->slots[at], (end - at) * sizeof(struct slot));
    return true;
}

/* --- from one table into another --- */

/* Puts a user behind all that are there: `next` is the first slot that is free. False when there is none. */
static bool append(struct user_table *table, const struct slot *slot, uint32_t *next)
{
    uint32_t home = user_table_home(table, slot_user(slot));
    uint32_t at = home > *next ? home : *next;
    if (at + 1 >= table->capacity)
        return false;
    table->slots[at] = *slot;
    table->count++;
    *next = at + 1;
    return true;
}

static bool is_chosen(const struct slot *slot, unsigned shift, unsigned bit)
{
    return slot->sequence != 0 && (shift == 64 || ((slot_user(slot).high >> shift) & 1) == bit);
}

static bool append_all(struct user_table *to, const struct user_table *from, unsigned shift, unsigned bit)
{
    uint32_t next = 0;
    for (uint32_t i = 0; i < from->capacity; i++) {
        if (is_chosen(&from->slots[i], shift, bit) && !append(to, &from->slots[i], &next))
            return false;
    }
    return true;
}

struct user_table *user_table_copy(const struct user_table *from, uint32_t capacity, unsigned depth, unsigned shift,
                                   unsigned bit)
{
    for (;; capacity += capacity / 8) {
        struct user_table *copy = user_table_create(capacity, depth);
        if (append_all(copy, from, shift, bit))
            return copy;
        free(copy);
    }
}

uint32_t user_table_count(const struct user_table *table, unsigned shift)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < table->capacity; i++)
        count += is_chosen(&table->slots[i], shift, 1);
    return count;
}

/* --- order --- */

bool user_table_is_ordered(const struct user_table *table)
{
    const struct slot *before = NULL;
    uint32_t next = 0;
    for (uint32_t i = 0; i < table->capacity; i++) {
        const struct slot *slot = &table->slots[i];
        if (slot->sequence == 0)
            continue;
        uint32_t home = user_table_home(table, slot_user(slot));
        if (i != (home > next ? home : next) ||
            (before != NULL && !fingerprint_less(slot_user(before), slot_user(slot))))
            return false;
        before = slot;
        next = i + 1;
    }
    return next < table->capacity;
}

static int compare_slots(const void *a, const void *b)
{
    struct fingerprint x = slot_user(a), y = slot_user(b);
    return fingerprint_less(y, x) - fingerprint_less(x, y);
}

static struct user_table *lay_out(const struct slot *sorted, uint32_t count, uint32_t capacity, unsigned depth)
{
    struct user_table *table = user_table_create(capacity, depth);
    uint32_t next = 0;
    for (uint32_t i = 0; i < count; i++) {
        bool twice = i > 0 && compare_slots(&sorted[i - 1], &sorted[i]) == 0;
        if (twice || !append(table, &sorted[i], &next)) {
            free(table);
            return NULL;
        }
    }
    return table;
}

struct user_table *user_table_order(const struct user_table *table)
{
    struct slot *sorted = malloc((table->capacity + 1) * sizeof *sorted);
    CHECK(sorted != NULL);
    uint32_t count = 0;
    for (uint32_t i = 0; i < table->capacity; i++) {
        if (table->slots[i].sequence != 0)
            sorted[count++] = table->slots[i];
    }
    qsort(sorted, count, sizeof *sorted, compare_slots);
    struct user_table *ordered = NULL;
    uint32_t capacity = table->capacity;
    for (; ordered == NULL && capacity <= USER_BLOCK_CAPACITY_MAX; capacity += capacity / 8)
        ordered = lay_out(sorted, count, capacity, table->depth);
    free(sorted);
    return ordered;
}
