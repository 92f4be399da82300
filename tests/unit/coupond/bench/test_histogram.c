#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "coupond/bench/histogram.h"

static struct bench_histogram histogram, other;

static int set_up(void **state)
{
    (void)state;
    bench_histogram_init(&histogram);
    bench_histogram_init(&other);
    return 0;
}

static void empty_histogram_gives_zeros(void **state)
{
    (void)state;
    assert_int_equal(bench_histogram_percentile(&histogram, 50), 0);
    assert_int_equal(bench_histogram_percentile(&histogram, 100), 0);
    assert_true(bench_histogram_mean(&histogram) == 0.0);
}

static void histogram_is_exact_below_2048(void **state)
{
    (void)state;
    for (uint64_t value = 1; value <= 1000; value++)
        bench_histogram_add(&histogram, value);
    assert_int_equal(bench_histogram_percentile(&histogram, 50), 500);
    assert_int_equal(bench_histogram_percentile(&histogram, 99), 990);
    assert_int_equal(bench_histogram_percentile(&histogram, 99.9), 999);
    assert_int_equal(bench_histogram_percentile(&histogram, 100), 1000);
    assert_int_equal(bench_histogram_percentile(&histogram, 0), 1);
    assert_true(bench_histogram_mean(&histogram) == 500.5);
}

/* Adds a larger value, so that the percentile is the cell's edge and not the maximum. */
static uint64_t told_for(uint64_t value)
{
    bench_histogram_init(&histogram);
    bench_histogram_add(&histogram, value);
    bench_histogram_add(&histogram, BENCH_HISTOGRAM_MAX_US);
    return bench_histogram_percentile(&histogram, 50);
}

static void histogram_keeps_three_digits_at_every_size(void **state)
{
    (void)state;
    for (uint64_t value = 1; value < BENCH_HISTOGRAM_MAX_US; value += value / 3 + 1) {
        uint64_t told = told_for(value);
        assert_true(told >= value);
        assert_true(told - value <= value / 1000);
    }
}

static void histogram_keeps_three_digits_at_the_edges_of_doublings(void **state)
{
    (void)state;
    for (unsigned bit = 1; bit < 37; bit++)
        for (uint64_t value = (UINT64_C(1) << bit) - 1; value <= (UINT64_C(1) << bit) + 1; value++) {
            uint64_t told = told_for(value);
            assert_true(told >= value);
            assert_true(told - value <= value / 1000);
        }
}

static void histogram_counts_a_longer_time_as_its_longest(void **state)
{
    (void)state;
    bench_histogram_add(&histogram, UINT64_MAX);
    assert_int_equal(histogram.max_us, BENCH_HISTOGRAM_MAX_US);
    assert_int_equal(bench_histogram_percentile(&histogram, 99), BENCH_HISTOGRAM_MAX_US);
}

static void histogram_never_exceeds_the_maximum(void **state)
{
    (void)state;
    bench_histogram_add(&histogram, 1000000);
    assert_int_equal(bench_histogram_percentile(&histogram, 50), 1000000);
}

static void merged_histograms_equal_a_single_one(void **state)
{
    (void)state;
    for (uint64_t value = 1; value <= 50; value++)
        bench_histogram_add(&histogram, value);
    for (uint64_t value = 51; value <= 100; value++)
        bench_histogram_add(&other, value);
    bench_histogram_merge(&histogram, &other);
    assert_int_equal(histogram.count, 100);
    assert_int_equal(histogram.max_us, 100);
    assert_int_equal(bench_histogram_percentile(&histogram, 90), 90);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(empty_histogram_gives_zeros, set_up),
        cmocka_unit_test_setup(histogram_is_exact_below_2048, set_up),
        cmocka_unit_test_setup(histogram_keeps_three_digits_at_every_size, set_up),
        cmocka_unit_test_setup(histogram_keeps_three_digits_at_the_edges_of_doublings, set_up),
        cmocka_unit_test_setup(histogram_counts_a_longer_time_as_its_longest, set_up),
        cmocka_unit_test_setup(histogram_never_exceeds_the_maximum, set_up),
        cmocka_unit_test_setup(merged_histograms_equal_a_single_one, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
