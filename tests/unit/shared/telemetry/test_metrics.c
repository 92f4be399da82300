/*
 * The text of a scrape.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/coupon.h"
#include "shared/telemetry/metrics.h"

/* --- helpers; blocks live until the process ends, so each test has its own partitions --- */

static bool rendered(const char *line)
{
    size_t length;
    char *text = metrics_render(&length), *with_newline;
    assert_int_equal(strlen(text), length);
    with_newline = malloc(strlen(line) + 3);
    strcat(strcat(strcpy(with_newline, "\n"), line), "\n");
    bool found = strstr(text, with_newline) != NULL || strncmp(text, with_newline + 1, strlen(line) + 1) == 0;
    free(with_newline);
    free(text);
    return found;
}

#define assert_line(line)    assert_true(rendered(line))
#define assert_no_line(line) assert_false(rendered(line))

/* --- tests --- */

static void metrics_prints_no_row_of_a_role_that_is_not_there(void **state)
{
    (void)state;
    size_t length;
    char *text = metrics_render(&length);
    assert_null(strstr(text, "coupond_gateway_"));
    assert_non_null(strstr(text, "# TYPE process_cpu_seconds_total counter\n"));
    assert_non_null(strstr(text, "coupond_build_info{version=\"" COUPOND_VERSION "\"} 1\n"));
    free(text);
}

static void metrics_adds_up_blocks_with_the_same_labels(void **state)
{
    (void)state;
    struct metrics *one = metrics_create("issuer", 10), *two = metrics_create("issuer", 10);
    struct metrics *other = metrics_create("issuer", 11);
    metrics_add(one, METRIC_ISSUER_FRAMES_DROPPED, 0, 3);
    metrics_add(two, METRIC_ISSUER_FRAMES_DROPPED, 0, 4);
    metrics_add(other, METRIC_ISSUER_FRAMES_DROPPED, 0, 1);
    assert_line("coupond_issuer_frames_dropped_total{partition=\"10\",reason=\"malformed\"} 7");
    assert_line("coupond_issuer_frames_dropped_total{partition=\"11\",reason=\"malformed\"} 1");
    assert_line("# TYPE coupond_issuer_frames_dropped_total counter");
    assert_line("# HELP coupond_issuer_frames_dropped_total frames dropped: malformed, or misdirected "
                "(for another partition, number of partitions or journal)");
    assert_int_equal(metrics_get(one, METRIC_ISSUER_FRAMES_DROPPED, 0), 3);
}

static void metrics_prints_of_a_block_without_partition_only_what_it_touched(void **state)
{
    (void)state;
    struct metrics *metrics = metrics_create("issuer", -1);
    metrics_add(metrics, METRIC_ISSUER_FRAMES_DROPPED, 0, 2);
    assert_line("coupond_issuer_frames_dropped_total{reason=\"malformed\"} 2");
    assert_no_line("coupond_issuer_coupons 0");
    assert_line("coupond_issuer_coupons{partition=\"10\"} 0");
}

static void metrics_prints_what_is_of_no_partition_once_and_from_the_start(void **state)
{
    (void)state;
    metrics_create("issuer", 17);
    assert_line("coupond_issuer_clock_suspect 0");
    assert_line("coupond_issuer_peers_refused_total 0");
    assert_line("coupond_issuer_handshakes_unfinished_total 0");
    assert_line("coupond_issuer_frames_dropped_total{reason=\"misdirected\"} 0");
    assert_no_line("coupond_issuer_clock_suspect{partition=\"17\"} 0");
    assert_no_line("coupond_issuer_peers_refused_total{partition=\"17\"} 0");
}

static void metrics_prints_gauges_below_zero_and_scaled(void **state)
{
    (void)state;
    struct metrics *metrics = metrics_create("issuer", 12);
    metrics_set(metrics, METRIC_ISSUER_LAG_ROWS, 0, -5);
    metrics_set(metrics, METRIC_ISSUER_LAG_TIME, 0, 2500000);
    assert_line("coupond_issuer_persist_lag_rows{partition=\"12\"} -5");
    assert_line("coupond_issuer_persist_lag_seconds{partition=\"12\"} 2.5");
    metrics_set(metrics, METRIC_ISSUER_LAG_TIME, 0, 0);
    assert_line("coupond_issuer_persist_lag_seconds{partition=\"12\"} 0");
}

static void metrics_prints_every_verdict(void **state)
{
    (void)state;
    struct metrics *metrics = metrics_create("issuer", 13);
    metrics_add(metrics, METRIC_ISSUER_VERDICTS, VERDICT_SOLD_OUT, 9);
    assert_line("coupond_issuer_verdicts_total{partition=\"13\",verdict=\"sold_out\"} 9");
    assert_line("coupond_issuer_verdicts_total{partition=\"13\",verdict=\"issued\"} 0");
    assert_line("coupond_issuer_verdicts_total{partition=\"13\",verdict=\"overloaded\"} 0");
}

static void metrics_prints_histograms_cumulatively(void **state)
{
    (void)state;
    struct metrics *metrics = metrics_create("issuer", 14);
    metrics_observe(metrics, METRIC_ISSUER_SYNC_TIME, 10, 1);
    metrics_observe(metrics, METRIC_ISSUER_SYNC_TIME, 11, 2);
    metrics_observe(metrics, METRIC_ISSUER_SYNC_TIME, 20000000, 1);
    assert_line("# TYPE coupond_issuer_journal_sync_seconds histogram");
    assert_line("coupond_issuer_journal_sync_seconds_bucket{partition=\"14\",le=\"1e-05\"} 1");
    assert_line("coupond_issuer_journal_sync_seconds_bucket{partition=\"14\",le=\"2.5e-05\"} 3");
    assert_line("coupond_issuer_journal_sync_seconds_bucket{partition=\"14\",le=\"10\"} 3");
    assert_line("coupond_issuer_journal_sync_seconds_bucket{partition=\"14\",le=\"+Inf\"} 4");
    assert_line("coupond_issuer_journal_sync_seconds_sum{partition=\"14\"} 20.000032");
    assert_line("coupond_issuer_journal_sync_seconds_count{partition=\"14\"} 4");
    assert_int_equal(metrics_get(metrics, METRIC_ISSUER_SYNC_TIME, 0), 4);
}

static void metrics_leaves_a_reading_out_until_it_is_taken(void **state)
{
    (void)state;
    struct metrics *metrics = metrics_create("issuer", 16), *another = metrics_create("issuer", 16);
    metrics_add(another, METRIC_ISSUER_STREAM_SENT, 0, 1);
    assert_line("coupond_issuer_coupons{partition=\"16\"} 0");
    assert_no_line("coupond_issuer_persist_lag_seconds{partition=\"16\"} 0");
    assert_int_equal(metrics_get(metrics, METRIC_ISSUER_LAG_TIME, 0), 0);
    metrics_set(metrics, METRIC_ISSUER_LAG_TIME, 0, 0);
    assert_line("# TYPE coupond_issuer_persist_lag_seconds gauge");
    assert_line("coupond_issuer_persist_lag_seconds{partition=\"16\"} 0");
    metrics_set(metrics, METRIC_ISSUER_LAG_TIME, 0, 1500000);
    assert_line("coupond_issuer_persist_lag_seconds{partition=\"16\"} 1.5");
    assert_int_equal(metrics_get(metrics, METRIC_ISSUER_LAG_TIME, 0), 1500000);
    metrics_set(metrics, METRIC_ISSUER_LAG_ROWS, 0, -3);
    assert_line("coupond_issuer_persist_lag_rows{partition=\"16\"} -3");
    assert_int_equal(metrics_get(metrics, METRIC_ISSUER_LAG_ROWS, 0), -3);
}

static void metrics_counts_sizes_in_powers_of_two(void **state)
{
    (void)state;
    struct metrics *metrics = metrics_create("issuer", 15);
    metrics_observe(metrics, METRIC_ISSUER_BATCH, 4096, 1);
    metrics_observe(metrics, METRIC_ISSUER_BATCH, 4097, 1);
    metrics_observe(metrics, METRIC_ISSUER_BATCH, 8193, 1);
    assert_line("coupond_issuer_batch_requests_bucket{partition=\"15\",le=\"2048\"} 0");
    assert_line("coupond_issuer_batch_requests_bucket{partition=\"15\",le=\"4096\"} 1");
    assert_line("coupond_issuer_batch_requests_bucket{partition=\"15\",le=\"8192\"} 2");
    assert_line("coupond_issuer_batch_requests_bucket{partition=\"15\",le=\"+Inf\"} 3");
    assert_line("coupond_issuer_batch_requests_sum{partition=\"15\"} 16386");
}

static void metrics_prints_routes_and_statuses_that_happened_or_are_ordinary(void **state)
{
    (void)state;
    struct metrics *metrics = metrics_create("gateway", -1);
    metrics_add(metrics, METRIC_GATEWAY_REQUESTS, metrics_route_status(METRIC_ROUTE_ISSUE_POST, 201), 2);
    metrics_add(metrics, METRIC_GATEWAY_REQUESTS, metrics_route_status(METRIC_ROUTE_NONE, 505), 1);
    metrics_add(metrics, METRIC_GATEWAY_REQUESTS, metrics_route_status(METRIC_ROUTE_LIVEZ, 299), 1);
    assert_line("coupond_gateway_requests_total{route=\"issue_post\",status=\"201\"} 2");
    assert_line("coupond_gateway_requests_total{route=\"none\",status=\"505\"} 1");
    assert_line("coupond_gateway_requests_total{route=\"livez\",status=\"500\"} 1");
    assert_line("coupond_gateway_requests_total{route=\"issue_post\",status=\"409\"} 0");
    assert_no_line("coupond_gateway_requests_total{route=\"issue_post\",status=\"505\"} 0");
    assert_line("coupond_gateway_connections 0");
}

static void metrics_says_whether_the_port_is_ready(void **state)
{
    (void)state;
    metrics_set_ready(true);
    assert_line("coupond_ready 1");
    metrics_set_ready(false);
    assert_line("coupond_ready 0");
    assert_line("# TYPE coupond_ready gauge");
}

static void metrics_prints_why_a_gateway_said_ask_again(void **state)
{
    (void)state;
    struct metrics *metrics = metrics_create("gateway", -1);
    metrics_add(metrics, METRIC_GATEWAY_UNAVAILABLE, METRIC_UNAVAILABLE_OUTCOME_UNKNOWN, 3);
    assert_line("coupond_gateway_unavailable_total{code=\"outcome_unknown\"} 3");
    assert_line("coupond_gateway_unavailable_total{code=\"overloaded\"} 0");
}

static void metrics_prints_store_errors_by_kind(void **state)
{
    (void)state;
    struct metrics *metrics = metrics_create("persister", -1);
    metrics_add(metrics, METRIC_PERSISTER_ERRORS, 1, 6);
    assert_line("coupond_persister_store_errors_total{result=\"retry\"} 6");
    assert_line("coupond_persister_store_errors_total{result=\"failed\"} 0");
}

static void *add_a_million(void *arg)
{
    for (int i = 0; i < 1000000; i++)
        metrics_add(arg, METRIC_ISSUER_JOURNAL_BYTES, 0, 1);
    return NULL;
}

static void metrics_may_be_read_while_their_owner_writes(void **state)
{
    (void)state;
    struct metrics *metrics = metrics_create("issuer", 16);
    pthread_t owner;
    int64_t last = 0, now = 0;
    pthread_create(&owner, NULL, add_a_million, metrics);
    while (now < 1000000) {
        size_t length;
        free(metrics_render(&length));
        now = metrics_get(metrics, METRIC_ISSUER_JOURNAL_BYTES, 0);
        assert_true(now >= last);
        last = now;
    }
    pthread_join(owner, NULL);
    assert_line("coupond_issuer_journal_written_bytes_total{partition=\"16\"} 1000000");
}

/* Every line is a comment or `name{labels} number`; every sample stands below its own HELP and TYPE. */
static void assert_well_formed(char *line, char name[128])
{
    char type[32];
    if (sscanf(line, "# TYPE %127s %31s", name, type) == 2 || strncmp(line, "# HELP ", 7) == 0)
        return;
    assert_int_equal(strncmp(line, name, strlen(name)), 0);
    char *value = strrchr(line, ' '), *end;
    assert_non_null(value);
    strtod(value + 1, &end);
    assert_true(end != value + 1 && *end == '\0');
}

static void metrics_prints_every_sample_below_its_head(void **state)
{
    (void)state;
    size_t length;
    char *text = metrics_render(&length), *rest = text, name[128] = "?";
    assert_int_equal(text[length - 1], '\n');
    for (char *line = strsep(&rest, "\n"); rest != NULL; line = strsep(&rest, "\n"))
        assert_well_formed(line, name);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(metrics_prints_no_row_of_a_role_that_is_not_there),
        cmocka_unit_test(metrics_adds_up_blocks_with_the_same_labels),
        cmocka_unit_test(metrics_prints_of_a_block_without_partition_only_what_it_touched),
        cmocka_unit_test(metrics_prints_what_is_of_no_partition_once_and_from_the_start),
        cmocka_unit_test(metrics_prints_gauges_below_zero_and_scaled),
        cmocka_unit_test(metrics_prints_every_verdict),
        cmocka_unit_test(metrics_prints_histograms_cumulatively),
        cmocka_unit_test(metrics_leaves_a_reading_out_until_it_is_taken),
        cmocka_unit_test(metrics_counts_sizes_in_powers_of_two),
        cmocka_unit_test(metrics_prints_routes_and_statuses_that_happened_or_are_ordinary),
        cmocka_unit_test(metrics_says_whether_the_port_is_ready),
        cmocka_unit_test(metrics_prints_why_a_gateway_said_ask_again),
        cmocka_unit_test(metrics_prints_store_errors_by_kind),
        cmocka_unit_test(metrics_may_be_read_while_their_owner_writes),
        cmocka_unit_test(metrics_prints_every_sample_below_its_head),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
