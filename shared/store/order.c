#include "shared/store/order.h"

#include <stdlib.h>
#include <string.h>

#include "shared/store/judge.h"

void store_order_deinit(struct store_order *order)
{
    free(order->rows);
    free(order->coupons);
    *order = (struct store_order){0};
}

/* --- issues --- */

static int compare_rows(const void *a, const void *b)
{
    return store_issue_compare(*(const struct store_issue *const *)a, *(const struct store_issue *const *)b);
}

static void reserve_rows(struct store_order *order, size_t count)
{
    if (count <= order->capacity)
        return;
    order->rows = realloc(order->rows, count * sizeof *order->rows);
    CHECK(order->rows != NULL);
    order->capacity = count;
}

static enum store_result fill_rows(struct store_order *order, const struct store_batch *batch, struct error *error)
{
    size_t count = batch->issues_count;
    reserve_rows(order, count);
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

/* By id, newest record first. */
static int compare_coupons(const void *a, const void *b)
{
    const struct coupon *left = *(const struct coupon *const *)a;
    const struct coupon *right = *(const struct coupon *const *)b;
    int order = strcmp(left->id, right->id);
    if (order != 0)
        return order;
    return (left->journal_seq < right->journal_seq) - (left->journal_seq > right->journal_seq);
}

static void reserve_coupons(struct store_order *order, size_t count)
{
    if (count <= order->coupons_capacity)
        return;
    order->coupons = realloc(order->coupons, count * sizeof *order->coupons);
    CHECK(order->coupons != NULL);
    order->coupons_capacity = count;
}

/* Keeps the newest record of each coupon, which comes first; the others must agree with it as with a stored row. */
static enum store_result keep_newest(struct store_order *order, size_t count, struct error *error)
{
    enum store_result result = STORE_OK;
    order->coupons_count = 0;
    for (size_t i = 0; i < count && result == STORE_OK; i++) {
        bool newer;
        const struct coupon *newest = order->coupons_count > 0 ? order->coupons[order->coupons_count - 1] : NULL;
        if (newest && strcmp(newest->id, order->coupons[i]->id) == 0)
            result = store_policy_judge(order->coupons[i], newest, &newer, error);
        else
            order->coupons[order->coupons_count++] = order->coupons[i];
    }
    return result;
}

static enum store_result fill_coupons(struct store_order *order, const struct store_batch *batch, struct error *error)
{
    reserve_coupons(order, batch->coupons_count);
    for (size_t i = 0; i < batch->coupons_count; i++)
        order->coupons[i] = &batch->coupons[i];
    if (batch->coupons_count > 1)
        qsort(order->coupons, batch->coupons_count, sizeof *order->coupons, compare_coupons);
    return keep_newest(order, batch->coupons_count, error);
}

enum store_result store_order_fill(struct store_order *order, const struct store_batch *batch, struct error *error)
{
    enum store_result result = fill_coupons(order, batch, error);
    return result == STORE_OK ? fill_rows(order, batch, error) : result;
}
