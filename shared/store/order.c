#include "shared/store/order.h"

#include <stdlib.h>
#include <string.h>

#include "shared/store/judge.h"

void store_order_deinit(struct store_order *order)
{
    free(order->rows);
    free(order->coupons);
    free(order->history);
    free(order->changes);
    *order = (struct store_order){0};
}

static void *reserve(void *array, size_t *capacity, size_t count)
{
    if (count <= *capacity)
        return array;
    array = realloc(array, count * sizeof(void *));
    CHECK(array != NULL);
    *capacity = count;
    return array;
}

/* --- issues --- */

static int compare_rows(const void *a, const void *b)
{
    return store_issue_compare(*(const struct store_issue *const *)a, *(const struct store_issue *const *)b);
}

static enum store_result fill_rows(struct store_order *order, const struct store_batch *batch, struct error *error)
{
    size_t count = batch->issues_count;
    order->rows = reserve(order->rows, &order->capacity, count);
    bool sorted = true; /* as issues of a single coupon are */
    for (size_t i = 0; i < count; i++) {
        order->rows[i] = &batch->issues[i];
        sorted = sorted && (i == 0 || store_issue_compare(order->rows[i - 1], order->rows[i]) < 0);
    }
    if (!sorted)
        qsort(order->rows, count, sizeof *order->rows, compare_rows);
    for (size_t i = 1; i < count && !sorted; i++)
        if (store_issue_compare(order->rows[i - 1], order->rows[i]) == 0)
            return store_issue_conflict(order->rows[i], order->rows[i - 1], error);
    return STORE_OK;
}

/* --- coupons --- */

/* By id, then by record. */
static int compare_coupons(const void *a, const void *b)
{
    const struct store_coupon *left = *(const struct store_coupon *const *)a;
    const struct store_coupon *right = *(const struct store_coupon *const *)b;
    int order = strcmp(left->id, right->id);
    if (order != 0)
        return order;
    return (left->journal_seq > right->journal_seq) - (left->journal_seq < right->journal_seq);
}

/* Keeps the newest record of each coupon; the others must agree with it as with a stored row. */
static enum store_result keep_newest(struct store_order *order, size_t count, struct error *error)
{
    enum store_result result = STORE_OK;
    order->coupons_count = 0;
    for (size_t i = 0; i < count && result == STORE_OK; i++) {
        bool newer;
        const struct store_coupon *row = order->history[i];
        if (i + 1 == count || strcmp(order->history[i + 1]->id, row->id) != 0)
            order->coupons[order->coupons_count++] = row;
        else
            result = store_policy_judge(row, order->history[i + 1], &newer, error);
    }
    return result;
}

static enum store_result fill_coupons(struct store_order *order, const struct store_batch *batch, struct error *error)
{
    size_t count = batch->coupons_count;
    order->coupons = reserve(order->coupons, &order->coupons_capacity, count);
    order->history = reserve(order->history, &order->history_capacity, count);
    for (size_t i = 0; i < count; i++)
        order->history[i] = &batch->coupons[i];
    if (count > 1)
        qsort(order->history, count, sizeof *order->history, compare_coupons);
    return keep_newest(order, count, error);
}

/* --- changes --- */

/* By issue, then by record. */
static int compare_changes(const void *a, const void *b)
{
    const struct store_change *left = *(const struct store_change *const *)a;
    const struct store_change *right = *(const struct store_change *const *)b;
    int order = store_change_compare(left, right);
    if (order != 0)
        return order;
    return (left->journal_seq > right->journal_seq) - (left->journal_seq < right->journal_seq);
}

static void fill_changes(struct store_order *order, const struct store_batch *batch)
{
    size_t count = batch->changes_count;
    const struct store_change **changes = order->changes = reserve(order->changes, &order->changes_capacity, count);
    for (size_t i = 0; i < count; i++)
        changes[i] = &batch->changes[i];
    if (count > 1)
        qsort(changes, count, sizeof *changes, compare_changes);
    order->changes_count = 0;
    for (size_t i = 0; i < count; i++) {
        if (i + 1 == count || store_change_compare(changes[i], changes[i + 1]) != 0)
            changes[order->changes_count++] = changes[i];
    }
}

enum store_result store_order_fill(struct store_order *order, const struct store_batch *batch, struct error *error)
{
    enum store_result result = fill_coupons(order, batch, error);
    fill_changes(order, batch);
    return result == STORE_OK ? fill_rows(order, batch, error) : result;
}
