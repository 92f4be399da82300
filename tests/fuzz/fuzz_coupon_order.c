/* Compares the coupon index with a sorted array: any ids in any order, mixed with pages of listings from any id. */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "issuer/ledger/coupon_index.h"

#define COUPONS_MAX 4096u

struct model {
    char ids[COUPONS_MAX][COUPON_ID_MAX + 1]; /* sorted */
    size_t count;
};

static struct coupon_index coupons;
static struct model model;

void fuzz_begin(void)
{
}

/* --- the input --- */

/* An id of 1 to 32 characters from a small alphabet, so that ids share prefixes. */
static void take_id(struct fuzz_input *input, char id[COUPON_ID_MAX + 1])
{
    static const char alphabet[] = "-.09AZ_az";
    size_t length = fuzz_take_byte(input) % COUPON_ID_MAX + 1;
    memset(id, 0, COUPON_ID_MAX + 1);
    for (size_t i = 0; i < length; i++)
        id[i] = alphabet[fuzz_take_byte(input) % (sizeof alphabet - 1)];
}

/* --- what must hold --- */

static size_t first_behind(const char *after)
{
    size_t low = 0, high = model.count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(model.ids[middle], after) <= 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void add(const char *id)
{
    size_t at = first_behind(id);
    bool there = at > 0 && strcmp(model.ids[at - 1], id) == 0;
    struct ledger_coupon *found = coupon_index_find(&coupons, id, strlen(id));
    CHECK((found != NULL) == there);
    if (there || model.count == COUPONS_MAX)
        return;
    struct coupon coupon = {.quantity = 1, .per_user_limit = 1};
    strcpy(coupon.id, id);
    struct ledger_coupon *added = coupon_index_add(&coupons, &coupon);
    CHECK(coupon_index_find(&coupons, id, strlen(id)) == added);
    memmove(model.ids + at + 1, model.ids + at, (model.count - at) * sizeof *model.ids);
    memcpy(model.ids[at], id, sizeof *model.ids);
    model.count++;
}

static void list(const char *after, size_t limit)
{
    struct coupon_order_place place = coupon_order_after(&coupons.order, after);
    size_t at = first_behind(after);
    for (size_t i = 0; i < limit && at < model.count; i++, at++) {
        struct ledger_coupon *next = coupon_order_next(&place);
        CHECK(next != NULL && strcmp(next->id, model.ids[at]) == 0);
    }
    CHECK(at < model.count || coupon_order_next(&place) == NULL);
}

/* An input mixes single ids, runs of numbered ids, and pages. */
static void step(struct fuzz_input *input)
{
    char id[COUPON_ID_MAX + 1];
    uint8_t what = fuzz_take_byte(input);
    take_id(input, id);
    if (what % 4 == 0) {
        list(id, fuzz_take_byte(input));
        return;
    }
    unsigned run = what % 4 == 1 ? fuzz_take_byte(input) : 1;
    for (unsigned i = 0; i < run; i++) {
        size_t last = strlen(id) - 1;
        id[last] = (char)('0' + (what & 16 ? i : run - i) % 60);
        id[last / 2] = (char)('A' + i % 26);
        add(id);
    }
}

void fuzz_one(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {data, size};
    coupon_index_init(&coupons, false);
    model.count = 0;
    while (input.left > 0)
        step(&input);
    CHECK(coupons.count == model.count);
    CHECK(coupon_order_is_sound(&coupons.order));
    list("", COUPONS_MAX);
    coupon_index_deinit(&coupons);
}

void fuzz_seeds(void)
{
    uint8_t bytes[1024];
    struct fuzz_random random = {1};
    for (size_t length = 64; length <= sizeof bytes; length *= 2) {
        for (size_t i = 0; i < length; i++)
            bytes[i] = (uint8_t)fuzz_random(&random);
        fuzz_seed(bytes, length);
    }
}
