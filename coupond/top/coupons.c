#include "coupond/top/coupons.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "shared/clock.h"

static bool read_count(const json_t *object, const char *name, uint64_t *count)
{
    const json_t *member = json_object_get(object, name);
    if (!json_is_integer(member) || json_integer_value(member) < 0)
        return false;
    *count = (uint64_t)json_integer_value(member);
    return *count <= QUANTITY_MAX;
}

/* null: there is no bound. */
static bool read_quantity(const json_t *object, uint64_t *quantity)
{
    *quantity = QUANTITY_UNLIMITED;
    return json_is_null(json_object_get(object, "quantity")) || read_count(object, "quantity", quantity);
}

/* Members of an earlier version do not tell it. */
static bool read_returned(const json_t *object, uint64_t *returned)
{
    *returned = 0;
    return json_object_get(object, "returned") == NULL || read_count(object, "returned", returned);
}

static bool read_state(const json_t *object, enum coupon_state *state)
{
    const char *name = json_string_value(json_object_get(object, "state"));
    for (unsigned i = COUPON_SCHEDULED; name != NULL && i <= COUPON_ARCHIVED; i++) {
        if (strcmp(name, coupon_state_name((enum coupon_state)i)) == 0) {
            *state = (enum coupon_state)i;
            return true;
        }
    }
    return false;
}

static bool read_coupon(const json_t *object, struct top_coupon *coupon)
{
    const char *id = json_string_value(json_object_get(object, "id"));
    const char *starts = json_string_value(json_object_get(object, "starts_at"));
    if (id == NULL || !coupon_id_valid(id, strlen(id)) || !read_quantity(object, &coupon->quantity) ||
        !read_count(object, "issued", &coupon->issued) || !read_returned(object, &coupon->returned) ||
        !read_state(object, &coupon->state))
        return false;
    memset(coupon->id, 0, sizeof coupon->id);
    memcpy(coupon->id, id, strlen(id));
    if (starts == NULL || !rfc3339_parse(starts, strlen(starts), &coupon->starts_us))
        coupon->starts_us = TIME_NONE;
    return true;
}

/* Accepts only characters that need no escapes in a query. */
static void read_cursor(const json_t *page, char cursor[TOP_CURSOR_MAX])
{
    const char *text = json_string_value(json_object_get(page, "next_cursor"));
    cursor[0] = '\0';
    if (text == NULL || strlen(text) >= TOP_CURSOR_MAX)
        return;
    if (text[strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.~%")] == '\0')
        memcpy(cursor, text, strlen(text) + 1);
}

bool top_coupons_add_page(struct top_coupons *coupons, const char *text, size_t length, char cursor[TOP_CURSOR_MAX])
{
    json_t *page = json_loadb(text, length, 0, NULL);
    const json_t *list = json_object_get(page, "coupons");
    bool is_page = json_is_array(list);
    cursor[0] = '\0';
    for (size_t i = 0; is_page && i < json_array_size(list) && coupons->count < TOP_COUPONS_MAX; i++) {
        if (read_coupon(json_array_get(list, i), &coupons->list[coupons->count]))
            coupons->count++;
    }
    if (is_page)
        read_cursor(page, cursor);
    json_decref(page);
    return is_page;
}

uint64_t top_coupon_in_force(const struct top_coupon *coupon)
{
    return coupon->issued > coupon->returned ? coupon->issued - coupon->returned : 0;
}

static int compare_ids(const void *a, const void *b)
{
    return strcmp(((const struct top_coupon *)a)->id, ((const struct top_coupon *)b)->id);
}

void top_coupons_complete(struct top_coupons *coupons, int64_t taken_us)
{
    coupons->taken_us = taken_us;
    qsort(coupons->list, coupons->count, sizeof coupons->list[0], compare_ids);
}

static int compare_key(const void *id, const void *coupon)
{
    return strcmp(id, ((const struct top_coupon *)coupon)->id);
}

const struct top_coupon *top_coupons_find(const struct top_coupons *coupons, const char *id)
{
    return bsearch(id, coupons->list, coupons->count, sizeof coupons->list[0], compare_key);
}
