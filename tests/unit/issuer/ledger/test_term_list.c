/*
 * Which term a record belongs to.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "issuer/ledger/term_list.h"

static uint64_t term_of(const struct term_list *terms, uint64_t seq)
{
    uint64_t term = 0;
    assert_true(term_list_find(terms, seq, &term));
    return term;
}

static void records_belong_to_the_term_that_began_before_them(void **state)
{
    struct term_list terms;
    (void)state;
    term_list_init(&terms);
    assert_int_equal(term_list_last(&terms).epoch, 0);
    assert_int_equal(term_of(&terms, 0), 0);
    assert_int_equal(term_of(&terms, 99), 0);
    assert_true(term_list_add(&terms, 2, 10));
    assert_true(term_list_add(&terms, 7, 20));
    assert_int_equal(term_of(&terms, 9), 0);
    assert_int_equal(term_of(&terms, 10), 2);
    assert_int_equal(term_of(&terms, 19), 2);
    assert_int_equal(term_of(&terms, 20), 7);
    assert_int_equal(term_of(&terms, UINT64_MAX), 7);
    assert_int_equal(term_list_last(&terms).epoch, 7);
    assert_int_equal(term_list_last(&terms).first_seq, 20);
    term_list_deinit(&terms);
}

static void terms_ascend(void **state)
{
    struct term_list terms;
    (void)state;
    term_list_init(&terms);
    assert_false(term_list_add(&terms, 0, 1));
    assert_false(term_list_add(&terms, 1, 0));
    assert_true(term_list_add(&terms, 5, 10));
    assert_true(term_list_add(&terms, 5, 10)); /* repeated */
    assert_false(term_list_add(&terms, 5, 11));
    assert_false(term_list_add(&terms, 6, 10));
    assert_false(term_list_add(&terms, 4, 12));
    assert_int_equal(terms.count, 1);
    term_list_deinit(&terms);
}

static void before_a_snapshot_nothing_is_known(void **state)
{
    struct term_list terms;
    uint64_t term;
    (void)state;
    term_list_init(&terms);
    term_list_begin(&terms, 5, 100);
    assert_false(term_list_find(&terms, 99, &term));
    assert_false(term_list_find(&terms, 0, &term));
    assert_int_equal(term_of(&terms, 100), 5);
    assert_true(term_list_add(&terms, 6, 200));
    assert_int_equal(term_of(&terms, 200), 6);
    term_list_deinit(&terms);
}

static void only_so_many_are_kept(void **state)
{
    struct term_list terms;
    uint64_t term;
    (void)state;
    term_list_init(&terms);
    for (uint64_t i = 1; i <= TERM_LIST_MAX + 3; i++)
        assert_true(term_list_add(&terms, i, 10 * i));
    assert_int_equal(terms.count, TERM_LIST_MAX);
    assert_false(term_list_find(&terms, 39, &term));
    assert_int_equal(term_of(&terms, 40), 4);
    assert_int_equal(term_list_last(&terms).epoch, TERM_LIST_MAX + 3);
    term_list_deinit(&terms);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_belong_to_the_term_that_began_before_them),
        cmocka_unit_test(terms_ascend),
        cmocka_unit_test(before_a_snapshot_nothing_is_known),
        cmocka_unit_test(only_so_many_are_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
