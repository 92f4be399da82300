/*
 * What a store says about a journal: whether it may be filled by it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "issuer/store/check.h"

static struct journal_meta meta_of(uint8_t id, uint16_t partitions)
{
    struct journal_meta meta = {.partitions = partitions};
    memset(meta.journal_id, id, sizeof meta.journal_id);
    return meta;
}

static const char *judge(uint8_t stored_id, uint64_t stored_seq, uint8_t id, uint64_t written_seq)
{
    struct journal_meta meta = meta_of(id, 2);
    struct store_journal stored = {.partitions = 2, .last_seq = stored_seq};
    memset(stored.journal_id, stored_id, sizeof stored.journal_id);
    return store_check_judge(&stored, &meta, written_seq);
}

static void the_journal_that_fills_the_store_may_be_ahead_of_it(void **state)
{
    (void)state;
    assert_null(judge(1, 0, 1, 0));
    assert_null(judge(1, 10, 1, 10));
    assert_null(judge(1, 10, 1, 11));
}

static void a_journal_that_lacks_what_the_store_has_is_refused(void **state)
{
    (void)state;
    assert_non_null(strstr(judge(1, 11, 1, 10), "older copy"));
    assert_non_null(strstr(judge(1, 11, 1, 0), "older copy"));
}

static void another_journal_is_refused_and_an_empty_one_hears_of_the_rebuild(void **state)
{
    (void)state;
    assert_non_null(strstr(judge(1, 5, 2, 5), "another journal"));
    assert_non_null(strstr(judge(1, 5, 2, 0), "--rebuild-from-store"));
}

static void another_number_of_partitions_is_refused(void **state)
{
    (void)state;
    struct journal_meta meta = meta_of(1, 4);
    struct store_journal stored = {.partitions = 2};
    memset(stored.journal_id, 1, sizeof stored.journal_id);
    assert_non_null(strstr(store_check_judge(&stored, &meta, 5), "number of partitions"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_journal_that_fills_the_store_may_be_ahead_of_it),
        cmocka_unit_test(a_journal_that_lacks_what_the_store_has_is_refused),
        cmocka_unit_test(another_journal_is_refused_and_an_empty_one_hears_of_the_rebuild),
        cmocka_unit_test(another_number_of_partitions_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
