#include "issuer/coupon_index.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "shared/error.h"

void coupon_index_init(struct coupon_index *index)
{
    *index = (struct coupon_index){0};
}

void coupon_index_deinit(struct coupon_index *index)
{
    for (size_t i = 0; i < index->count; i++) {
        user_set_deinit(&index->sorted[i]->users);
        free(index->sorted[i]);
    }
    free(index->sorted);
    free(index->slots);
    coupon_index_init(index);
}

static size_t slot_of(const struct coupon_index *index, const char *id, size_t length)
{
    return (size_t)XXH3_64bits(id, length) & (index->slots_count - 1);
}

static bool same(const struct ledger_coupon *coupon, const char *id, size_t length)
{
    return memcmp(coupon->coupon.id, id, length) == 0 && coupon->coupon.id[length] == '\0';
}

struct ledger_coupon *coupon_index_find(const struct coupon_index *index, const char *id, size_t length)
{
    if (index->count == 0 || length > COUPON_ID_MAX)
        return NULL;
    size_t at = slot_of(index, id, length);
    while (index->slots[at] != NULL && !same(index->slots[at], id, length))
        at = (at + 1) & (index->slots_count - 1);
    return index->slots[at];
}

static void place(struct coupon_index *index, struct ledger_coupon *coupon)
{
    size_t at = slot_of(index, coupon->coupon.id, strlen(coupon->coupon.id));
    while (index->slots[at] != NULL)
        at = (at + 1) & (index->slots_count - 1);
    index->slots[at] = coupon;
}

static void make_room(struct coupon_index *index)
{
    if ((index->count + 1) * 2 <= index->slots_count)
        return;
    free(index->slots);
    index->slots_count = index->slots_count == 0 ? 64 : index->slots_count * 2;
    index->slots = calloc(index->slots_count, sizeof(*index->slots));
    index->sorted = realloc(index->sorted, index->slots_count / 2 * sizeof(*index->sorted));
    CHECK(index->slots != NULL && index->sorted != NULL);
    for (size_t i = 0; i < index->count; i++)
        place(index, index->sorted[i]);
}

size_t coupon_index_after(const struct coupon_index *index, const char *after)
{
    size_t low = 0, high = index->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(index->sorted[middle]->coupon.id, after) <= 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct ledger_coupon *coupon_index_add(struct coupon_index *index, const struct coupon *coupon)
{
    make_room(index);
    struct ledger_coupon *added = calloc(1, sizeof *added);
    CHECK(added != NULL);
    added->coupon = *coupon;
    user_set_init(&added->users);
    place(index, added);
    size_t at = coupon_index_after(index, coupon->id);
    memmove(index->sorted + at + 1, index->sorted + at, (index->count - at) * sizeof(*index->sorted));
    index->sorted[at] = added;
    index->count++;
    return added;
}
