#include "issuer/ledger/coupon_index.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "shared/error.h"

#define SLAB_COUPONS    256u
#define TABLE_SLOTS_MIN 8u

void coupon_index_init(struct coupon_index *index, bool bare)
{
    *index = (struct coupon_index){.bare = bare};
}

void coupon_index_deinit(struct coupon_index *index)
{
    for (size_t i = 0; i < index->count; i++)
        ledger_coupon_deinit(coupon_index_at(index, i));
    for (size_t i = 0; i * SLAB_COUPONS < index->count; i++)
        free(index->slabs[i]);
    for (size_t i = 0; i < COUPON_INDEX_TABLES; i++)
        free(index->tables[i].slots);
    free(index->slabs);
    free(index->numbered);
    coupon_order_deinit(&index->order);
    coupon_index_init(index, index->bare);
}

struct ledger_coupon *coupon_index_at(const struct coupon_index *index, size_t number)
{
    return &index->slabs[number / SLAB_COUPONS][number % SLAB_COUPONS];
}

/* --- by id --- */

/* The highest bits of a hash select the table; the lower half is the mark, whose lowest bits select the slot. */
static size_t table_of(uint64_t hash)
{
    return hash / (UINT64_MAX / COUPON_INDEX_TABLES + 1);
}

static bool is_of(const struct ledger_coupon *coupon, const char *id, size_t length)
{
    return memcmp(coupon->id, id, length) == 0 && coupon->id[length] == '\0';
}

struct ledger_coupon *coupon_index_find(const struct coupon_index *index, const char *id, size_t length)
{
    if (length > COUPON_ID_MAX)
        return NULL;
    uint64_t hash = XXH3_64bits(id, length);
    const struct coupon_table *table = &index->tables[table_of(hash)];
    if (table->slots == NULL)
        return NULL;
    uint32_t mark = (uint32_t)hash, last = table->slots_count - 1;
    for (uint32_t at = mark & last; table->slots[at].number != 0; at = (at + 1) & last) {
        if (table->slots[at].mark != mark)
            continue;
        struct ledger_coupon *coupon = coupon_index_at(index, table->slots[at].number - 1);
        if (is_of(coupon, id, length))
            return coupon;
    }
    return NULL;
}

static void place(struct coupon_table *table, struct coupon_slot slot)
{
    uint32_t last = table->slots_count - 1, at = slot.mark & last;
    while (table->slots[at].number != 0)
        at = (at + 1) & last;
    table->slots[at] = slot;
}

static void grow_table(struct coupon_table *table)
{
    struct coupon_table before = *table;
    table->slots_count = before.slots_count == 0 ? TABLE_SLOTS_MIN : before.slots_count * 2;
    table->slots = calloc(table->slots_count, sizeof *table->slots);
    CHECK(table->slots != NULL);
    for (uint32_t i = 0; i < before.slots_count; i++) {
        if (before.slots[i].number != 0)
            place(table, before.slots[i]);
    }
    free(before.slots);
}

static void add_to_table(struct coupon_index *index, const char *id, uint32_t number)
{
    uint64_t hash = XXH3_64bits(id, strlen(id));
    struct coupon_table *table = &index->tables[table_of(hash)];
    if ((table->count + 1) * 2 > table->slots_count)
        grow_table(table);
    place(table, (struct coupon_slot){.mark = (uint32_t)hash, .number = number});
    table->count++;
}

/* --- adding --- */

static struct ledger_coupon *take_entry(struct coupon_index *index)
{
    size_t slab = index->count / SLAB_COUPONS;
    if (index->count % SLAB_COUPONS == 0) {
        if (slab == index->slabs_room) {
            index->slabs_room = slab == 0 ? 16 : slab * 2;
            index->slabs = realloc(index->slabs, index->slabs_room * sizeof *index->slabs);
            CHECK(index->slabs != NULL);
        }
        index->slabs[slab] = calloc(SLAB_COUPONS, sizeof *index->slabs[slab]);
        CHECK(index->slabs[slab] != NULL);
    }
    return coupon_index_at(index, index->count++);
}

struct ledger_coupon *coupon_index_add(struct coupon_index *index, const struct coupon *coupon)
{
    struct ledger_coupon *added = take_entry(index);
    ledger_coupon_init(added, coupon, !index->bare);
    add_to_table(index, added->id, (uint32_t)index->count);
    if (!index->bare)
        coupon_order_add(&index->order, added);
    return added;
}

/* --- by number --- */

void coupon_index_number(struct coupon_index *index, struct ledger_coupon *coupon)
{
    uint32_t number = coupon->number;
    CHECK(number >= 1);
    if (index->bare)
        return;
    if (number > index->numbered_room) {
        uint32_t room = number + number / 2 + 16;
        index->numbered = realloc(index->numbered, room * sizeof *index->numbered);
        CHECK(index->numbered != NULL);
        memset(index->numbered + index->numbered_room, 0, (room - index->numbered_room) * sizeof *index->numbered);
        index->numbered_room = room;
    }
    index->numbered[number - 1] = coupon;
}

struct ledger_coupon *coupon_index_numbered(const struct coupon_index *index, uint32_t number)
{
    return number >= 1 && number <= index->numbered_room ? index->numbered[number - 1] : NULL;
}
