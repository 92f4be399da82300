#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <math.h>

#include "tests/unit/coupond/top/top_fixture.h"

/* --- fixture --- */

static int set_up(void **state)
{
    (void)state;
    top_begin();
    return 0;
}

/* --- helpers --- */

static struct top_sample *sample_of(const char *text)
{
    top_read(text, 0);
    return &top_reading.sample;
}

/* --- samples --- */

static void a_sample_sums_up_partitions(void **state)
{
    (void)state;
    const struct top_sample *sample =
        sample_of("coupond_issuer_persist_lag_rows{partition=\"0\"} 10\n"
                  "coupond_issuer_persist_lag_rows{partition=\"1\"} 5\n"
                  "coupond_issuer_persist_lag_seconds{partition=\"0\"} 3\n"
                  "coupond_issuer_persist_lag_seconds{partition=\"1\"} 2\n"
                  "coupond_issuer_verdicts_total{partition=\"0\",verdict=\"paused\"} 7\n"
                  "coupond_issuer_verdicts_total{partition=\"1\",verdict=\"paused\"} 8\n"
                  "coupond_issuer_verdicts_total{partition=\"1\",verdict=\"of tomorrow\"} 9\n");
    assert_float_equal(sample->values[TOP_VALUE_LAG_ROWS], 15, 0);
    assert_float_equal(sample->values[TOP_VALUE_LAG_SECONDS], 3, 0);
    assert_float_equal(sample->verdicts[VERDICT_PAUSED], 15, 0);
    assert_true(sample->roles[TOP_ISSUER] && !sample->roles[TOP_GATEWAY]);
}

static void a_lag_is_known_when_all_partitions_tell_it(void **state)
{
    static const char one[] = "coupond_issuer_coupons{partition=\"0\"} 1\ncoupond_issuer_coupons{partition=\"1\"} 0\n"
                              "coupond_issuer_persist_lag_rows{partition=\"0\"} 0\n"
                              "coupond_issuer_persist_lag_seconds{partition=\"0\"} 0\n";
    static const char both[] = "coupond_issuer_coupons{partition=\"0\"} 1\ncoupond_issuer_coupons{partition=\"1\"} 0\n"
                               "coupond_issuer_persist_lag_rows{partition=\"0\"} 0\n"
                               "coupond_issuer_persist_lag_rows{partition=\"1\"} 2\n"
                               "coupond_issuer_persist_lag_seconds{partition=\"1\"} 0\n"
                               "coupond_issuer_persist_lag_seconds{partition=\"0\"} 3\n";
    (void)state;
    const struct top_sample *sample = sample_of("coupond_issuer_coupons{partition=\"0\"} 1\n");
    assert_true(isnan(sample->values[TOP_VALUE_LAG_ROWS]) && isnan(sample->values[TOP_VALUE_LAG_SECONDS]));
    assert_float_equal(sample->values[TOP_VALUE_IN_FLIGHT], 0, 0);
    sample = sample_of(one);
    assert_true(isnan(sample->values[TOP_VALUE_LAG_ROWS]) && isnan(sample->values[TOP_VALUE_LAG_SECONDS]));
    sample = sample_of(both);
    assert_float_equal(sample->values[TOP_VALUE_LAG_ROWS], 2, 0);
    assert_float_equal(sample->values[TOP_VALUE_LAG_SECONDS], 3, 0);
    sample = sample_of("coupond_gateway_connections 3\n");
    assert_float_equal(sample->values[TOP_VALUE_LAG_ROWS], 0, 0);
}

static void answers_for_health_and_metrics_are_not_counted(void **state)
{
    (void)state;
    const struct top_sample *sample =
        sample_of("coupond_gateway_requests_total{route=\"issue_post\",status=\"201\"} 5\n"
                  "coupond_gateway_requests_total{route=\"issue_post\",status=\"503\"} 2\n"
                  "coupond_gateway_requests_total{route=\"coupon_get\",status=\"500\"} 1\n"
                  "coupond_gateway_requests_total{route=\"readyz\",status=\"503\"} 100\n"
                  "coupond_gateway_requests_total{route=\"openapi\",status=\"200\"} 100\n"
                  "coupond_gateway_requests_total{route=\"livez\",status=\"200\"} 100\n"
                  "coupond_gateway_requests_total{route=\"metrics\",status=\"200\"} 100\n");
    assert_float_equal(sample->answers, 8, 0);
    assert_float_equal(sample->unavailable, 2, 0);
    assert_float_equal(sample->failed, 1, 0);
}

static void values_that_nothing_can_have_are_left_out(void **state)
{
    (void)state;
    const struct top_sample *sample =
        sample_of("coupond_gateway_connections NaN\ncoupond_gateway_connections +Inf\n"
                  "coupond_gateway_connections -5\ncoupond_gateway_connections 1e300\n"
                  "coupond_gateway_connections 3\ncoupond_gateway_connections_of_others 9\n");
    assert_float_equal(sample->values[TOP_VALUE_CONNECTIONS], 3, 0);
}

static void metrics_of_other_programs_are_refused(void **state)
{
    (void)state;
    static const char others[] = "process_cpu_seconds_total 5\nprometheus_ready 1\n<html>coupond_gateway_x 1</html>\n";
    struct top_sample sample;
    assert_false(top_sample_read(&sample, 0, others, strlen(others)));
    assert_false(top_sample_read(&sample, 0, "", 0));
}

static void a_version_has_nothing_that_a_terminal_obeys(void **state)
{
    (void)state;
    assert_string_equal(sample_of("coupond_gateway_x 1\ncoupond_build_info{version=\"1\x1b[2J\\n2\"} 1\n")->version,
                        "1?[2J?2");
    assert_string_equal(sample_of("coupond_gateway_x 1\ncoupond_build_info{version=\"0123456789012345\"} 1\n")->version,
                        "");
}

static void a_label_selects_the_counted_series(void **state)
{
    (void)state;
    const struct top_sample *sample = sample_of("coupond_gateway_policy_reads_total{source=\"local\"} 90\n"
                                                "coupond_gateway_policy_reads_total{source=\"issuer\"} 10\n"
                                                "coupond_gateway_unavailable_total{code=\"overloaded\"} 3\n"
                                                "coupond_gateway_redis_errors_total{kind=\"a\"} 1\n"
                                                "coupond_gateway_redis_errors_total{kind=\"b\"} 1\n");
    assert_float_equal(sample->values[TOP_VALUE_REDIS_ERRORS], 2, 0);
    assert_float_equal(sample->values[TOP_VALUE_READS], 100, 0);
    assert_float_equal(sample->values[TOP_VALUE_READS_ASKED], 10, 0);
    assert_float_equal(sample->values[TOP_VALUE_OVERLOADED], 3, 0);
    assert_float_equal(sample->values[TOP_VALUE_UNKNOWN], 0, 0);
}

/* --- histograms --- */

static struct top_histogram_sample histogram_of(double low, double middle, double all)
{
    char text[400];
    snprintf(text, sizeof text,
             "coupond_gateway_request_seconds_bucket{le=\"0.001\"} %f\n"
             "coupond_gateway_request_seconds_bucket{le=\"0.002\"} %f\n"
             "coupond_gateway_request_seconds_bucket{le=\"+Inf\"} %f\n"
             "coupond_gateway_request_seconds_sum %f\ncoupond_gateway_request_seconds_count %f\n",
             low, middle, all, all * 0.001, all);
    return sample_of(text)->histograms[TOP_HISTOGRAM_ANSWER];
}

static void quantiles_lie_evenly_within_a_bucket(void **state)
{
    (void)state;
    struct top_histogram_sample histogram = histogram_of(50, 100, 100);
    assert_float_equal(top_histogram_quantile(&histogram, 0.25), 0.0005, 1e-9);
    assert_float_equal(top_histogram_quantile(&histogram, 0.5), 0.001, 1e-9);
    assert_float_equal(top_histogram_quantile(&histogram, 0.75), 0.0015, 1e-9);
    assert_float_equal(top_histogram_mean(&histogram), 0.001, 1e-9);
}

static void a_quantile_beyond_all_bounds_is_the_last_bound(void **state)
{
    (void)state;
    struct top_histogram_sample histogram = histogram_of(1, 2, 100);
    assert_float_equal(top_histogram_quantile(&histogram, 0.99), 0.002, 1e-9);
}

static void a_histogram_without_counts_has_no_quantile(void **state)
{
    (void)state;
    struct top_histogram_sample histogram = histogram_of(0, 0, 0), none = {.buckets = 0};
    assert_true(isnan(top_histogram_quantile(&histogram, 0.5)) && isnan(top_histogram_mean(&histogram)));
    assert_true(isnan(top_histogram_quantile(&none, 0.5)));
}

static void counts_that_are_not_in_order_give_a_quantile_within_the_bounds(void **state)
{
    (void)state;
    struct top_histogram_sample histogram = histogram_of(100, 3, 50);
    double quantile = top_histogram_quantile(&histogram, 0.99);
    assert_true(quantile >= 0 && quantile <= 0.002);
}

static void a_histogram_that_fell_gives_no_delta(void **state)
{
    (void)state;
    struct top_histogram_sample before = histogram_of(50, 80, 100), now = histogram_of(60, 79, 200), delta = {0};
    top_histogram_add_delta(&delta, &now, &before);
    assert_float_equal(delta.count, 0, 0);
    now = histogram_of(60, 90, 200);
    top_histogram_add_delta(&delta, &now, &before);
    top_histogram_add_delta(&delta, &now, &before);
    assert_float_equal(delta.count, 200, 0);
    assert_float_equal(delta.counts[0], 20, 0);
}

static void more_buckets_than_have_room_are_left_out(void **state)
{
    (void)state;
    char text[8192];
    FILE *out = fmemopen(text, sizeof text, "w");
    for (unsigned i = 0; i < 100; i++)
        fprintf(out, "coupond_gateway_request_seconds_bucket{le=\"%u\"} %u\n", 200 - i, i);
    fclose(out);
    assert_int_equal(sample_of(text)->histograms[TOP_HISTOGRAM_ANSWER].buckets, TOP_BUCKETS_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_sample_sums_up_partitions, set_up),
        cmocka_unit_test_setup(a_lag_is_known_when_all_partitions_tell_it, set_up),
        cmocka_unit_test_setup(answers_for_health_and_metrics_are_not_counted, set_up),
        cmocka_unit_test_setup(values_that_nothing_can_have_are_left_out, set_up),
        cmocka_unit_test_setup(metrics_of_other_programs_are_refused, set_up),
        cmocka_unit_test_setup(a_version_has_nothing_that_a_terminal_obeys, set_up),
        cmocka_unit_test_setup(a_label_selects_the_counted_series, set_up),
        cmocka_unit_test_setup(quantiles_lie_evenly_within_a_bucket, set_up),
        cmocka_unit_test_setup(a_quantile_beyond_all_bounds_is_the_last_bound, set_up),
        cmocka_unit_test_setup(a_histogram_without_counts_has_no_quantile, set_up),
        cmocka_unit_test_setup(counts_that_are_not_in_order_give_a_quantile_within_the_bounds, set_up),
        cmocka_unit_test_setup(a_histogram_that_fell_gives_no_delta, set_up),
        cmocka_unit_test_setup(more_buckets_than_have_room_are_left_out, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
