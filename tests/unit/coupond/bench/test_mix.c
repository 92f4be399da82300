#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "coupond/bench/mix.h"

static struct bench_mix mix;

static void mix_is_issues_alone_by_default(void **state)
{
    (void)state;
    bench_mix_init(&mix);
    assert_false(bench_mix_is_mixed(&mix));
    assert_int_equal(bench_mix_at(&mix, 99), BENCH_OPERATION_ISSUE);
}

static void mix_gives_each_operation_its_share(void **state)
{
    (void)state;
    uint32_t count[BENCH_OPERATION_COUNT] = {0};
    assert_null(bench_mix_parse(&mix, "redeem=15,issue=70,undo=5,wallet=10"));
    assert_true(bench_mix_is_mixed(&mix));
    for (uint32_t point = 0; point < 100; point++)
        count[bench_mix_at(&mix, point)]++;
    assert_int_equal(count[BENCH_OPERATION_ISSUE], 70);
    assert_int_equal(count[BENCH_OPERATION_WALLET], 10);
    assert_int_equal(count[BENCH_OPERATION_REDEEM], 15);
    assert_int_equal(count[BENCH_OPERATION_UNDO], 5);
}

static void mix_may_be_one_operation(void **state)
{
    (void)state;
    assert_null(bench_mix_parse(&mix, "issue=100"));
    assert_false(bench_mix_is_mixed(&mix));
    assert_null(bench_mix_parse(&mix, "issue=0,revoke=100"));
    assert_int_equal(bench_mix_at(&mix, 0), BENCH_OPERATION_REVOKE);
    assert_string_equal(bench_operation_name(bench_mix_at(&mix, 99)), "revoke");
}

static void mix_that_is_invalid_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *fault;
    } bad[] = {
        {"", "must look like"},
        {"issue", "must look like"},
        {"issue=100,", "must look like"},
        {"=100", "operations are"},
        {"issues=100", "operations are"},
        {"issue=50,issue=50", "given twice"},
        {"issue=", "whole percent"},
        {"issue=101", "whole percent"},
        {"issue=0100", "whole percent"},
        {"issue=-1", "whole percent"},
        {"issue=99.5,undo=0.5", "separated by commas"},
        {"issue=50;undo=50", "separated by commas"},
        {"issue=60,undo=39", "add up to 100"},
        {"issue=60,undo=41", "add up to 100"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        const char *fault = bench_mix_parse(&mix, bad[i].text);
        if (fault == NULL || strstr(fault, bad[i].fault) == NULL)
            fail_msg("\"%s\": \"%s\" does not say \"%s\"", bad[i].text, fault != NULL ? fault : "", bad[i].fault);
    }
}

static void mix_names_every_operation_when_one_is_unknown(void **state)
{
    (void)state;
    const char *fault = bench_mix_parse(&mix, "?=1");
    for (enum bench_operation i = 0; i < BENCH_OPERATION_COUNT; i++)
        assert_non_null(strstr(fault, bench_operation_name(i)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mix_is_issues_alone_by_default),
        cmocka_unit_test(mix_gives_each_operation_its_share),
        cmocka_unit_test(mix_may_be_one_operation),
        cmocka_unit_test(mix_that_is_invalid_is_refused),
        cmocka_unit_test(mix_names_every_operation_when_one_is_unknown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
