#include "persister/rows_by_coupon.h"

#include <stdlib.h>
#include <string.h>

void rows_by_coupon_deinit(struct rows_by_coupon *index)
{
    free(index->coupons);
    free(index->issues);
    free(index->changes);
    *index = (struct rows_by_coupon){0};
}

static int compare_ids(const char *a, size_t a_length, const char *b, size_t b_length)
{
    int order = memcmp(a, b, a_length < b_length ? a_length : b_length);
    return order != 0 ? order : (a_length > b_length) - (a_length < b_length);
}

static int compare_seqs(uint64_t a, uint64_t b)
{
    return (a > b) - (a < b);
}

static int compare_coupons(const void *a, const void *b)
{
    const struct store_coupon *left = *(const struct store_coupon *const *)a;
    const struct store_coupon *right = *(const struct store_coupon *const *)b;
    int order = strcmp(left->id, right->id);
    return order != 0 ? order : compare_seqs(left->journal_seq, right->journal_seq);
}

static int compare_issues(const void *a, const void *b)
{
    const struct store_issue *left = *(const struct store_issue *const *)a;
    const struct store_issue *right = *(const struct store_issue *const *)b;
    int order = compare_ids(left->coupon_id, left->coupon_id_length, right->coupon_id, right->coupon_id_length);
    return order != 0 ? order : compare_seqs(left->journal_seq, right->journal_seq);
}

static int compare_changes(const void *a, const void *b)
{
    const struct store_change *left = *(const struct store_change *const *)a;
    const struct store_change *right = *(const struct store_change *const *)b;
    int order = compare_ids(left->coupon_id, left->coupon_id_length, right->coupon_id, right->coupon_id_length);
    return order != 0 ? order : compare_seqs(left->journal_seq, right->journal_seq);
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

void rows_by_coupon_fill(struct rows_by_coupon *index, const struct store_batch *rows)
{
    index->coupons = reserve(index->coupons, &index->coupons_capacity, rows->coupons_count);
    index->issues = reserve(index->issues, &index->issues_capacity, rows->issues_count);
    index->changes = reserve(index->changes, &index->changes_capacity, rows->changes_count);
    index->changes_count = rows->changes_count;
    index->coupons_count = rows->coupons_count;
    index->issues_count = rows->issues_count;
    for (size_t i = 0; i < rows->coupons_count; i++)
        index->coupons[i] = &rows->coupons[i];
    for (size_t i = 0; i < rows->issues_count; i++)
        index->issues[i] = &rows->issues[i];
    for (size_t i = 0; i < rows->changes_count; i++)
        index->changes[i] = &rows->changes[i];
    if (index->coupons_count > 1)
        qsort(index->coupons, index->coupons_count, sizeof *index->coupons, compare_coupons);
    if (index->issues_count > 1)
        qsort(index->issues, index->issues_count, sizeof *index->issues, compare_issues);
    if (index->changes_count > 1)
        qsort(index->changes, index->changes_count, sizeof *index->changes, compare_changes);
}

static int coupon_against(const struct rows_by_coupon *index, size_t i, const char *id, size_t length)
{
    return compare_ids(index->coupons[i]->id, strlen(index->coupons[i]->id), id, length);
}

static int issue_against(const struct rows_by_coupon *index, size_t i, const char *id, size_t length)
{
    return compare_ids(index->issues[i]->coupon_id, index->issues[i]->coupon_id_length, id, length);
}

static int change_against(const struct rows_by_coupon *index, size_t i, const char *id, size_t length)
{
    return compare_ids(index->changes[i]->coupon_id, index->changes[i]->coupon_id_length, id, length);
}

/* The run of rows for which `against` returns equality, by binary search. */
static size_t find(const struct rows_by_coupon *index, size_t count,
                   int (*against)(const struct rows_by_coupon *index, size_t i, const char *id, size_t length),
                   const char *id, size_t length, size_t *first)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (against(index, middle, id, length) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    *first = low;
    while (high < count && against(index, high, id, length) == 0)
        high++;
    return high - low;
}

size_t rows_by_coupon_coupons(const struct rows_by_coupon *index, const char *id, size_t length, size_t *first)
{
    return find(index, index->coupons_count, coupon_against, id, length, first);
}

size_t rows_by_coupon_issues(const struct rows_by_coupon *index, const char *id, size_t length, size_t *first)
{
    return find(index, index->issues_count, issue_against, id, length, first);
}

size_t rows_by_coupon_changes(const struct rows_by_coupon *index, const char *id, size_t length, size_t *first)
{
    return find(index, index->changes_count, change_against, id, length, first);
}
