/*
 * What `coupond top` reads from untrusted members: metrics and coupons, in two readings. Rates are always finite and
 * never negative, and no screen, line or object contains a byte that a terminal would interpret.
 */
#include "fuzz.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "coupond/top/model.h"
#include "coupond/top/plain.h"
#include "coupond/top/screen.h"

static struct top_model model;
static struct top_reading reading;
static struct top_view view;
static struct canvas canvas;

void fuzz_begin(void)
{
}

/* Two texts, and their use. */
static void add_seed(const char *first, const char *second)
{
    char seed[4096] = {24, 80, 1};
    size_t length = strlen(first);
    seed[3] = (char)(length & 0xff);
    seed[4] = (char)(length >> 8);
    memcpy(seed + 5, first, length);
    memcpy(seed + 5 + length, second, strlen(second));
    fuzz_seed(seed, 5 + length + strlen(second));
}

void fuzz_seeds(void)
{
    add_seed("coupond_gateway_requests_total{route=\"issue_post\",status=\"201\"} 5\ncoupond_gateway_connections 64\n"
             "coupond_gateway_request_seconds_bucket{le=\"0.001\"} 3\n"
             "coupond_gateway_request_seconds_bucket{le=\"+Inf\"} 5\ncoupond_gateway_request_seconds_sum 0.01\n"
             "coupond_gateway_request_seconds_count 5\n",
             "coupond_gateway_requests_total{route=\"issue_post\",status=\"503\"} 9\n"
             "coupond_gateway_request_seconds_bucket{le=\"+Inf\"} 50\ncoupond_gateway_request_seconds_count 50\n");
    add_seed("coupond_issuer_verdicts_total{partition=\"0\",verdict=\"issued\"} 1e3\nprocess_cpu_seconds_total 1.5\n"
             "coupond_build_info{version=\"0.1.0\"} 1\nprocess_start_time_seconds 1.7e9\n",
             "coupond_issuer_verdicts_total{partition=\"0\",verdict=\"issued\"} 2e3\ncoupond_issuer_journal_full 1\n");
    add_seed("coupond_issuer_coupon_quantity{partition=\"0\",coupon=\"A\"} "
             "9\ncoupond_issuer_coupon_issued{coupon=\"A\"} 3\n",
             "coupond_issuer_coupon_quantity{coupon=\"A\"} 9\ncoupond_issuer_coupon_issued{coupon=\"A\"} 5\n"
             "coupond_gateway_unavailable_total{code=\"outcome_unknown\"} 1\n");
    add_seed("coupond_persister_dead_letters_total 1\ncoupond_persister_rows_total NaN\n",
             "coupond_persister_dead_letters_total{x=\"\\\"\\\\\\n\"} 2 1700000000000\n");
    add_seed("{\"coupons\":[{\"id\":\"A\",\"quantity\":5,\"issued\":1,\"state\":\"open\"}],\"next_cursor\":\"A\"}",
             "{\"coupons\":[{\"id\":\"A\",\"quantity\":5,\"issued\":3,\"state\":\"scheduled\","
             "\"starts_at\":\"2027-01-01T00:00:00Z\"}],\"next_cursor\":null}");
}

/* Uses the text as the metrics of member 0, as coupons, and as the reason of member 1. */
static void take(const uint8_t *bytes, size_t size, int64_t mono_us)
{
    char cursor[TOP_CURSOR_MAX];
    char *text = fuzz_copy(bytes, size);
    memset(&reading, 0, offsetof(struct top_reading, coupons));
    reading.up = top_sample_read(&reading.sample, mono_us, text, size);
    reading.coupons.count = 0;
    reading.listed = top_coupons_add_page(&reading.coupons, text, size, cursor);
    CHECK(strpbrk(cursor, " \r\n?&#") == NULL);
    top_coupons_complete(&reading.coupons, mono_us);
    snprintf(reading.reason, sizeof reading.reason, "%.*s", (int)(size < 200 ? size : 200), text);
    top_model_take(&model, 0, &reading);
    reading.up = reading.listed = false;
    top_model_take(&model, 1, &reading);
    free(text);
}

static void check_rate(double rate)
{
    CHECK(isnan(rate) || (rate >= 0 && rate < 1e25));
}

static void check_view(void)
{
    for (unsigned i = 0; i < TOP_VALUE_COUNT; i++)
        check_rate(view.rates[i]);
    for (unsigned i = 0; i < VERDICT_COUNT; i++)
        check_rate(view.verdicts[i]);
    for (unsigned i = 0; i < view.coupons; i++)
        check_rate(view.coupon[i].rate);
    for (unsigned i = 0; i < TOP_HISTOGRAM_COUNT; i++) {
        double p50 = top_histogram_quantile(&view.histograms[i], 0.5);
        CHECK(isnan(p50) || (isfinite(p50) && p50 >= 0));
    }
    CHECK(view.members <= 2 && view.troubles <= TOP_TROUBLES_MAX && view.coupons <= TOP_COUPONS_MAX);
}

/* Only lines of printable ASCII. */
static void check_text(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++)
        CHECK(text[i] == '\n' || (text[i] >= ' ' && text[i] <= '~'));
}

static void write_all(int rows, int columns)
{
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    CHECK(out != NULL);
    canvas_init(&canvas, rows, columns);
    top_screen_draw(&view, "", UINT_MAX, &canvas);
    canvas_write(&canvas, &(struct canvas_look){.unicode = false}, out);
    top_line_print(&view, false, out);
    top_json_print(&view, out);
    CHECK(fclose(out) == 0);
    check_text(text, length);
    free(text);
}

void fuzz_one(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {data, size};
    int rows = fuzz_take_byte(&input), columns = fuzz_take_byte(&input);
    bool configured = fuzz_take_byte(&input) & 1;
    size_t taken = 0;
    top_model_init(&model);
    top_model_add(&model, "127.0.0.1:8080", configured ? TOP_GATEWAY : TOP_ROLE_ANY);
    top_model_add(&model, "127.0.0.1:9101", configured ? TOP_ISSUER : TOP_ROLE_ANY);
    const uint8_t *first = fuzz_take(&input, fuzz_take_u16(&input), &taken);
    take(first, taken, 1000000);
    take(input.at, input.left, 1500000);
    top_model_view(&model, 2000000, 1700000000000000, &view);
    check_view();
    write_all(rows, columns);
}
