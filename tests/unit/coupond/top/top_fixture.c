#include "tests/unit/coupond/top/top_fixture.h"

#include <stdio.h>
#include <string.h>

#include "shared/error.h"

struct top_model top_model;
struct top_reading top_reading;
struct top_view top_view;

static char text[8192];

void top_begin(void)
{
    top_model_init(&top_model);
}

static int64_t us_of(double second)
{
    return INT64_C(1000000) + (int64_t)(second * 1e6);
}

void top_read(const char *from, double second)
{
    memset(&top_reading, 0, sizeof top_reading);
    top_reading.up = top_reading.ready = true;
    CHECK(top_sample_read(&top_reading.sample, us_of(second), from, strlen(from)));
}

void top_take(unsigned member, const char *from, double second)
{
    top_read(from, second);
    top_model_take(&top_model, member, &top_reading);
}

void top_take_down(unsigned member, const char *reason)
{
    memset(&top_reading, 0, sizeof top_reading);
    snprintf(top_reading.reason, sizeof top_reading.reason, "%s", reason);
    top_model_take(&top_model, member, &top_reading);
}

void top_take_coupons(unsigned member, const char *page, double second)
{
    char cursor[TOP_CURSOR_MAX];
    top_read(top_gateway_text(1, 0), second);
    CHECK(top_coupons_add_page(&top_reading.coupons, page, strlen(page), cursor));
    top_coupons_complete(&top_reading.coupons, us_of(second));
    top_reading.listed = true;
    top_model_take(&top_model, member, &top_reading);
}

void top_look(double second)
{
    top_model_view(&top_model, us_of(second), TOP_WALL_US, &top_view);
}

/* The metrics of every process: a tenth of a core since its start, and 2.5 MiB. */
static void print_process(FILE *out, double start, double busy)
{
    fprintf(out,
            "coupond_build_info{version=\"0.1.0\"} 1\nprocess_start_time_seconds %.3f\nprocess_cpu_seconds_total %f\n"
            "process_resident_memory_bytes 2621440\nprocess_open_fds 42\n",
            start, busy);
}

const char *top_gateway_text(double start, double answers)
{
    FILE *out = fmemopen(text, sizeof text, "w");
    fprintf(out,
            "coupond_gateway_requests_total{route=\"issue_post\",status=\"201\"} %.0f\n"
            "coupond_gateway_requests_total{route=\"metrics\",status=\"200\"} 12345\n"
            "coupond_gateway_request_seconds_bucket{le=\"0.0005\"} %.0f\n"
            "coupond_gateway_request_seconds_bucket{le=\"0.001\"} %.0f\n"
            "coupond_gateway_request_seconds_bucket{le=\"+Inf\"} %.0f\n"
            "coupond_gateway_request_seconds_sum %f\ncoupond_gateway_request_seconds_count %.0f\n"
            "coupond_gateway_batch_requests_sum %.0f\ncoupond_gateway_batch_requests_count %.0f\n"
            "coupond_gateway_connections 64\ncoupond_gateway_in_flight 7\n"
            "coupond_gateway_policy_reads_total{source=\"local\"} %.0f\n"
            "coupond_gateway_policy_reads_total{source=\"issuer\"} %.0f\ncoupond_gateway_policy_refusals_total 0\n",
            answers, answers / 2, answers, answers, answers * 0.0005, answers, answers, answers / 4, answers / 10,
            answers / 100);
    print_process(out, start, answers / 1e5);
    fclose(out);
    return text;
}

const char *top_issuer_text(double start, double issued)
{
    FILE *out = fmemopen(text, sizeof text, "w");
    double all = issued * 2, syncs = all / 8;
    fprintf(out,
            "coupond_issuer_verdicts_total{partition=\"0\",verdict=\"issued\"} %.0f\n"
            "coupond_issuer_verdicts_total{partition=\"0\",verdict=\"sold_out\"} %.0f\n"
            "coupond_issuer_batch_requests_sum{partition=\"0\"} %.0f\n"
            "coupond_issuer_batch_requests_count{partition=\"0\"} %.0f\n"
            "coupond_issuer_journal_sync_seconds_bucket{partition=\"0\",le=\"0.0001\"} %.0f\n"
            "coupond_issuer_journal_sync_seconds_bucket{partition=\"0\",le=\"+Inf\"} %.0f\n"
            "coupond_issuer_turn_seconds_bucket{partition=\"0\",le=\"0.00025\"} %.0f\n"
            "coupond_issuer_turn_seconds_bucket{partition=\"0\",le=\"+Inf\"} %.0f\n"
            "coupond_issuer_stream_in_flight 2\n"
            "coupond_issuer_journal_written_bytes_total{partition=\"0\"} %.0f\n"
            "coupond_issuer_persist_lag_rows{partition=\"0\"} 1234\n"
            "coupond_issuer_persist_lag_seconds{partition=\"0\"} 0.25\ncoupond_issuer_coupons{partition=\"0\"} 3\n",
            issued, issued, all, syncs, syncs, syncs, syncs, syncs, issued * 32);
    print_process(out, start, all / 1e6);
    fclose(out);
    return text;
}

const char *top_persister_text(double start, double rows)
{
    FILE *out = fmemopen(text, sizeof text, "w");
    fprintf(out,
            "coupond_persister_rows_total %.0f\ncoupond_persister_batch_rows_sum %.0f\n"
            "coupond_persister_batch_rows_count %.0f\ncoupond_persister_write_seconds_bucket{le=\"0.002\"} %.0f\n"
            "coupond_persister_write_seconds_bucket{le=\"+Inf\"} %.0f\n",
            rows, rows, rows / 1000, rows / 1000, rows / 1000);
    print_process(out, start, rows / 1e6);
    fclose(out);
    return text;
}
