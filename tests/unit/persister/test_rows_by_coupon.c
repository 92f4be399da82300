/* The rows of a frame by their coupon. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "persister/rows_by_coupon.h"

static const struct store_coupon coupons[] = {
    {.id = "b", .journal_seq = 1}, {.id = "ab", .journal_seq = 2}, {.id = "a", .journal_seq = 3},
    {.id = "b", .journal_seq = 5}, {.id = "a", .journal_seq = 7},  {.id = "b", .journal_seq = 8},
};

static const struct store_issue issues[] = {
    {.coupon_id = "b", .coupon_id_length = 1, .journal_seq = 4},
    {.coupon_id = "abc", .coupon_id_length = 3, .journal_seq = 6},
    {.coupon_id = "ax", .coupon_id_length = 1, .journal_seq = 9}, /* "a", not zero-terminated */
    {.coupon_id = "b", .coupon_id_length = 1, .journal_seq = 10},
};

static const struct store_change changes[] = {
    {.coupon_id = "b", .coupon_id_length = 1, .journal_seq = 12},
    {.coupon_id = "a", .coupon_id_length = 1, .journal_seq = 13},
    {.coupon_id = "b", .coupon_id_length = 1, .journal_seq = 11},
};

static void assert_coupons(const struct rows_by_coupon *index, const char *id, size_t count, uint64_t first_seq)
{
    size_t first;
    assert_int_equal(rows_by_coupon_coupons(index, id, strlen(id), &first), count);
    for (size_t i = first; i < first + count; i++)
        assert_string_equal(index->coupons[i]->id, id);
    if (count > 0)
        assert_int_equal(index->coupons[first]->journal_seq, first_seq);
}

static void assert_issues(const struct rows_by_coupon *index, const char *id, size_t count, uint64_t first_seq)
{
    size_t first;
    assert_int_equal(rows_by_coupon_issues(index, id, strlen(id), &first), count);
    if (count > 0)
        assert_int_equal(index->issues[first]->journal_seq, first_seq);
}

static void assert_changes(const struct rows_by_coupon *index, const char *id, size_t count, uint64_t first_seq)
{
    size_t first;
    assert_int_equal(rows_by_coupon_changes(index, id, strlen(id), &first), count);
    if (count > 0)
        assert_int_equal(index->changes[first]->journal_seq, first_seq);
}

static void rows_are_found_by_the_id_of_their_coupon_in_journal_order(void **state)
{
    (void)state;
    struct rows_by_coupon index = {0};
    const struct store_batch rows = {.coupons = coupons,
                                     .coupons_count = 6,
                                     .issues = issues,
                                     .issues_count = 4,
                                     .changes = changes,
                                     .changes_count = 3};
    rows_by_coupon_fill(&index, &rows);
    assert_coupons(&index, "a", 2, 3);
    assert_coupons(&index, "ab", 1, 2);
    assert_coupons(&index, "b", 3, 1);
    assert_coupons(&index, "abc", 0, 0);
    assert_coupons(&index, "c", 0, 0);
    assert_coupons(&index, "", 0, 0);
    assert_issues(&index, "a", 1, 9);
    assert_issues(&index, "b", 2, 4);
    assert_issues(&index, "abc", 1, 6);
    assert_issues(&index, "ab", 0, 0);
    assert_changes(&index, "b", 2, 11);
    assert_changes(&index, "a", 1, 13);
    assert_changes(&index, "ab", 0, 0);
    rows_by_coupon_deinit(&index);
}

static void an_index_is_filled_again_with_fewer_rows_and_with_none(void **state)
{
    (void)state;
    struct rows_by_coupon index = {0};
    struct store_batch rows = {.coupons = coupons, .coupons_count = 6, .issues = issues, .issues_count = 4};
    rows_by_coupon_fill(&index, &rows);
    rows.coupons_count = rows.issues_count = 1;
    rows_by_coupon_fill(&index, &rows);
    assert_coupons(&index, "b", 1, 1);
    assert_coupons(&index, "a", 0, 0);
    assert_issues(&index, "a", 0, 0);
    rows.coupons_count = rows.issues_count = 0;
    rows_by_coupon_fill(&index, &rows);
    assert_coupons(&index, "b", 0, 0);
    assert_issues(&index, "b", 0, 0);
    rows_by_coupon_deinit(&index);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_found_by_the_id_of_their_coupon_in_journal_order),
        cmocka_unit_test(an_index_is_filled_again_with_fewer_rows_and_with_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
