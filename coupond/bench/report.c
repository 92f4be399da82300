#include "coupond/bench/report.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name;
    double percent;
} percentiles[] = {{"p50", 50}, {"p90", 90}, {"p99", 99}, {"p99.9", 99.9}, {"max", 100}};
#define PERCENTILES      (sizeof percentiles / sizeof percentiles[0])
#define EPISODES_PRINTED 10u /* the slowest */

const char *bench_number(uint64_t value, char out[BENCH_NUMBER_MAX])
{
    char digits[BENCH_NUMBER_MAX];
    int length = snprintf(digits, sizeof digits, "%" PRIu64, value);
    char *at = out;
    for (int i = 0; i < length; i++) {
        if (i > 0 && (length - i) % 3 == 0)
            *at++ = ',';
        *at++ = digits[i];
    }
    *at = '\0';
    return out;
}

static double achieved_rate(const struct bench_report *report)
{
    return report->seconds > 0 ? (double)report->answered / report->seconds : 0.0;
}

static double ms(uint64_t time_us)
{
    return (double)time_us / 1000;
}

/* --- table --- */

static void print_load(const struct bench_report *report, FILE *out)
{
    const struct bench_options *options = report->options;
    char a[BENCH_NUMBER_MAX], b[BENCH_NUMBER_MAX], c[BENCH_NUMBER_MAX];
    fprintf(out, "coupon %s %s%s at http://%s:%s%s, %s connections\n\n", options->coupon,
            report->quantity > 0 ? "of " : "without a bound",
            report->quantity > 0 ? bench_number(report->quantity, a) : "", options->url.host, options->url.port,
            options->url.prefix, bench_number(options->connections, b));
    fprintf(out, "  asked     %14s /s for %s s: %s requests\n", bench_number(options->plan.rate, a),
            bench_number(options->duration_s, b), bench_number(options->plan.requests, c));
    fprintf(out, "  answered  %14s /s over %.1f s: %s requests, %s connections made\n\n",
            bench_number((uint64_t)(achieved_rate(report) + 0.5), a), report->seconds,
            bench_number(report->answered, b), bench_number(report->connects, c));
}

static void print_time_row(const char *name, const struct bench_histogram *times, FILE *out)
{
    fprintf(out, "  %-36s", name);
    for (size_t i = 0; i < PERCENTILES; i++)
        fprintf(out, "%11.3f", ms(bench_histogram_percentile(times, percentiles[i].percent)));
    fputc('\n', out);
}

static void print_times(const struct bench_report *report, FILE *out)
{
    fprintf(out, "  %-36s", "ms");
    for (size_t i = 0; i < PERCENTILES; i++)
        fprintf(out, "%11s", percentiles[i].name);
    fputc('\n', out);
    print_time_row("latency from the intended send time", &report->latency, out);
    print_time_row("of it, wait for a free connection", &report->delay, out);
    fputc('\n', out);
}

/* The requests of an operation that were answered. */
static uint64_t answered(const struct bench_report *report, enum bench_operation operation)
{
    return report->operation_latency[operation].count;
}

static double operation_rate(const struct bench_report *report, enum bench_operation operation)
{
    return report->seconds > 0 ? (double)answered(report, operation) / report->seconds : 0.0;
}

static void print_operations(const struct bench_report *report, FILE *out)
{
    char rate[BENCH_NUMBER_MAX], count[BENCH_NUMBER_MAX], name[3 * BENCH_NUMBER_MAX];
    for (enum bench_operation i = 0; i < BENCH_OPERATION_COUNT; i++) {
        if (answered(report, i) == 0)
            continue;
        snprintf(name, sizeof name, "%-6s %12s %8s /s", bench_operation_name(i),
                 bench_number(answered(report, i), count),
                 bench_number((uint64_t)(operation_rate(report, i) + 0.5), rate));
        print_time_row(name, &report->operation_latency[i], out);
    }
    fputc('\n', out);
}

/* The start of an episode in seconds of the run. */
static double begun(const struct bench_report *report, const struct bench_episode *episode)
{
    return (double)(episode->from_us - report->start_us) / 1e6;
}

static void print_episodes(const struct bench_report *report, FILE *out)
{
    const struct bench_episodes *slow = &report->slow;
    char a[BENCH_NUMBER_MAX], b[BENCH_NUMBER_MAX], c[BENCH_NUMBER_MAX];
    fprintf(out, "  slower than %s ms: %s answers in %s episodes\n", bench_number(slow->limit_us / 1000, a),
            bench_number(slow->answers, b), bench_number(slow->seen, c));
    for (uint64_t i = 0; i < slow->count && i < EPISODES_PRINTED; i++) {
        const struct bench_episode *episode = &slow->list[i];
        fprintf(out, "    at %9.3f s: up to %9.3f ms, %9s answers; a core stalled for %9.3f ms\n",
                begun(report, episode), ms(episode->slowest_us), bench_number(episode->answers, a),
                ms(episode->stalled_us));
    }
    if (slow->count > 0)
        fprintf(out, "    the longest wait without the stalls: %.3f ms\n", ms(bench_episodes_beyond_stalls(slow)));
}

static void print_stalls(const struct bench_report *report, FILE *out)
{
    const struct bench_histogram *times = bench_stalls_times(report->stalls);
    char number[BENCH_NUMBER_MAX];
    fprintf(out, "  %u cores, stalls of at least %.0f ms: %s; p50 %.3f ms, p99 %.3f ms, longest %.3f ms%s\n\n",
            bench_stalls_cores(report->stalls), ms(BENCH_STALL_MIN_US), bench_number(times->count, number),
            ms(bench_histogram_percentile(times, 50)), ms(bench_histogram_percentile(times, 99)), ms(times->max_us),
            bench_stalls_realtime(report->stalls) ? "" : " (including time taken by other threads)");
}

/* `prefix` names the operation, if there are several. */
static void print_outcomes_of(const uint64_t outcomes[BENCH_OUTCOME_COUNT], const char *prefix, FILE *out)
{
    char number[BENCH_NUMBER_MAX], name[64];
    for (enum bench_outcome i = 0; i < BENCH_OUTCOME_COUNT; i++) {
        if (outcomes[i] == 0)
            continue;
        snprintf(name, sizeof name, "%s%s", prefix, bench_outcome_name(i));
        fprintf(out, "  %-*s %14s\n", prefix[0] == '\0' ? 20 : 26, name, bench_number(outcomes[i], number));
    }
}

static void print_outcomes(const struct bench_report *report, FILE *out)
{
    char prefix[32];
    for (enum bench_operation i = 0; report->count.mixed && i < BENCH_OPERATION_COUNT; i++) {
        snprintf(prefix, sizeof prefix, "%s: ", bench_operation_name(i));
        print_outcomes_of(report->operation_outcomes[i], prefix, out);
    }
    if (!report->count.mixed)
        print_outcomes_of(report->outcomes, "", out);
    fputc('\n', out);
}

/* Promises about redemptions are reported only with --mix. */
static bool is_reported(const struct bench_report *report, enum bench_promise promise)
{
    return report->count.mixed || promise < BENCH_PROMISE_REDEEMED_ONCE;
}

static void print_promise(const struct bench_report *report, enum bench_promise promise, FILE *out)
{
    char number[BENCH_NUMBER_MAX];
    uint64_t faults = report->judgement.faults[promise];
    if (report->judgement.unchecked[promise])
        fprintf(out, "  not checked: %s (%s)\n", bench_promise_text(promise),
                report->count.unread ? report->unread.text : "other clients may use the coupon, too");
    else if (faults > 0)
        fprintf(out, "  BROKEN  %s (%s)\n", bench_promise_text(promise), bench_number(faults, number));
    else
        fprintf(out, "  kept    %s\n", bench_promise_text(promise));
}

static void print_judgement(const struct bench_report *report, FILE *out)
{
    for (enum bench_promise i = 0; i < BENCH_PROMISE_COUNT; i++)
        if (is_reported(report, i))
            print_promise(report, i, out);
    if (report->judgement.others)
        fputs("  note    more was issued than this run requested: another client requests this coupon, too\n", out);
    if (report->answered == 0)
        fputs("  note    no request was answered, so nothing could be checked\n", out);
}

void bench_report_print(const struct bench_report *report, FILE *out)
{
    print_load(report, out);
    print_times(report, out);
    if (report->count.mixed)
        print_operations(report, out);
    if (report->stalls != NULL) {
        print_episodes(report, out);
        print_stalls(report, out);
    }
    print_outcomes(report, out);
    print_judgement(report, out);
}

/* --- JSON --- */

static json_t *times_json(const struct bench_histogram *histogram)
{
    json_t *times = json_object();
    for (size_t i = 0; i < PERCENTILES; i++) {
        uint64_t time_us = bench_histogram_percentile(histogram, percentiles[i].percent);
        json_object_set_new(times, percentiles[i].name, json_integer((json_int_t)time_us));
    }
    json_object_set_new(times, "mean", json_real(bench_histogram_mean(histogram)));
    return times;
}

static json_t *episodes_json(const struct bench_report *report)
{
    json_t *list = json_array();
    for (uint64_t i = 0; i < report->slow.count && i < EPISODES_PRINTED; i++) {
        const struct bench_episode *episode = &report->slow.list[i];
        json_array_append_new(list, json_pack("{s:f, s:I, s:I, s:I, s:I}", "at_s", begun(report, episode), "lasted_us",
                                              (json_int_t)(episode->until_us - episode->from_us), "slowest_us",
                                              (json_int_t)episode->slowest_us, "answers", (json_int_t)episode->answers,
                                              "stalled_us", (json_int_t)episode->stalled_us));
    }
    return list;
}

static json_t *slow_json(const struct bench_report *report)
{
    const struct bench_episodes *slow = &report->slow;
    return json_pack("{s:I, s:I, s:I, s:I, s:o}", "limit_us", (json_int_t)slow->limit_us, "answers",
                     (json_int_t)slow->answers, "episodes", (json_int_t)slow->seen, "beyond_stalls_us",
                     (json_int_t)bench_episodes_beyond_stalls(slow), "slowest", episodes_json(report));
}

static json_t *stalls_json(const struct bench_stalls *stalls)
{
    const struct bench_histogram *times = bench_stalls_times(stalls);
    return json_pack("{s:I, s:b, s:I, s:I, s:o}", "cores", (json_int_t)bench_stalls_cores(stalls), "realtime",
                     (int)bench_stalls_realtime(stalls), "count", (json_int_t)times->count, "sum_us",
                     (json_int_t)times->sum_us, "times_us", times_json(times));
}

static json_t *outcomes_json(const uint64_t counts[BENCH_OUTCOME_COUNT])
{
    json_t *outcomes = json_object();
    for (enum bench_outcome i = 0; i < BENCH_OUTCOME_COUNT; i++)
        json_object_set_new(outcomes, bench_outcome_name(i), json_integer((json_int_t)counts[i]));
    return outcomes;
}

static json_t *operations_json(const struct bench_report *report)
{
    json_t *operations = json_object();
    for (enum bench_operation i = 0; i < BENCH_OPERATION_COUNT; i++) {
        uint32_t percent = report->options->plan.mix.percent[i];
        if (percent == 0 && answered(report, i) == 0)
            continue;
        json_object_set_new(operations, bench_operation_name(i),
                            json_pack("{s:I, s:I, s:f, s:o, s:o}", "percent", (json_int_t)percent, "answered",
                                      (json_int_t)answered(report, i), "answered_rate", operation_rate(report, i),
                                      "latency_us", times_json(&report->operation_latency[i]), "outcomes",
                                      outcomes_json(report->operation_outcomes[i])));
    }
    return operations;
}

/* null: not checked */
static json_t *promises_json(const struct bench_report *report)
{
    const struct bench_judgement *judgement = &report->judgement;
    json_t *promises = json_object();
    for (enum bench_promise i = 0; i < BENCH_PROMISE_COUNT && is_reported(report, i); i++)
        json_object_set_new(promises, bench_promise_name(i),
                            judgement->unchecked[i] ? json_null() : json_integer((json_int_t)judgement->faults[i]));
    return promises;
}

/* null: nothing is broken, but not everything was checked */
static json_t *kept_json(const struct bench_report *report)
{
    return report->judgement.kept && report->count.unread ? json_null() : json_boolean(report->judgement.kept);
}

void bench_report_print_json(const struct bench_report *report, FILE *out)
{
    const struct bench_options *options = report->options;
    json_t *root = json_pack(
        "{s:s, s:I, s:I, s:I, s:I, s:f, s:I, s:I, s:f, s:f, s:o, s:o, s:o, s:o, s:o}", "coupon", options->coupon,
        "rate", (json_int_t)options->plan.rate, "duration_s", (json_int_t)options->duration_s, "connections",
        (json_int_t)options->connections, "requests", (json_int_t)options->plan.requests, "duplicates",
        options->plan.duplicates, "sent", (json_int_t)report->sent, "answered", (json_int_t)report->answered, "seconds",
        report->seconds, "answered_rate", achieved_rate(report), "latency_us", times_json(&report->latency), "delay_us",
        times_json(&report->delay), "outcomes", outcomes_json(report->outcomes), "faults", promises_json(report),
        "kept", kept_json(report));
    CHECK(root != NULL);
    json_object_set_new(root, "operations", operations_json(report));
    if (report->stalls != NULL) {
        json_object_set_new(root, "slow", slow_json(report));
        json_object_set_new(root, "stalls", stalls_json(report->stalls));
    }
    if (report->count.unread)
        json_object_set_new(root, "not_checked", json_string(report->unread.text));
    json_dumpf(root, out, JSON_INDENT(2));
    fputc('\n', out);
    json_decref(root);
}
