#include "coupond/rehearse/report.h"

#include <jansson.h>

#include "coupond/bench/report.h"
#include "shared/error.h"

static const struct {
    const char *name;
    double percent;
} percentiles[] = {{"p50", 50}, {"p90", 90}, {"p99", 99}, {"max", 100}};
#define PERCENTILES (sizeof percentiles / sizeof percentiles[0])

static double rate_of(const struct rehearse_measure *measure)
{
    return measure->seconds > 0 ? (double)measure->answered / measure->seconds : 0;
}

/* --- for people --- */

static void print_crowd(const struct rehearse_measure *measure, FILE *out)
{
    char a[BENCH_NUMBER_MAX], b[BENCH_NUMBER_MAX], c[BENCH_NUMBER_MAX], d[BENCH_NUMBER_MAX];
    fprintf(out, "rehearsal of %s: %s users, %s requests, %s connections, quantity %s\n\n", measure->coupon_id,
            bench_number(measure->users, a), bench_number(measure->requests, b), bench_number(measure->connections, c),
            measure->quantity > 0 ? bench_number(measure->quantity, d) : "without a bound");
    fprintf(out, "  answered   %14s /s over %.2f s: %s requests\n", bench_number((uint64_t)(rate_of(measure) + 0.5), a),
            measure->seconds, bench_number(measure->answered, b));
    if (measure->sold_out_us >= 0)
        fprintf(out, "  sold out   %14.3f s after the opening\n", (double)measure->sold_out_us / 1e6);
    else
        fprintf(out, "  sold out   %16s\n", "no");
    fprintf(out, "  too early  %14s users asked before the opening, %s of them were told so\n\n",
            bench_number(measure->early, a), bench_number(measure->early_not_started, b));
}

static void print_times(const struct rehearse_measure *measure, FILE *out)
{
    fprintf(out, "  %-36s", "ms");
    for (size_t i = 0; i < PERCENTILES; i++)
        fprintf(out, "%11s", percentiles[i].name);
    fprintf(out, "\n  %-36s", "wait for the answer");
    for (size_t i = 0; i < PERCENTILES; i++)
        fprintf(out, "%11.3f", (double)bench_histogram_percentile(&measure->latency, percentiles[i].percent) / 1e3);
    if (measure->synced)
        fprintf(out, "\n  %-36s%11.3f%11s%11.3f", "sync of the journal, at most", (double)measure->sync_p50_us / 1e3,
                "", (double)measure->sync_p99_us / 1e3);
    fputs("\n\n", out);
}

static void print_outcomes(const struct rehearse_measure *measure, FILE *out)
{
    char number[BENCH_NUMBER_MAX];
    for (enum bench_outcome i = 0; i < BENCH_OUTCOME_COUNT; i++) {
        if (measure->outcomes[i] > 0)
            fprintf(out, "  %-20s %14s\n", bench_outcome_name(i), bench_number(measure->outcomes[i], number));
    }
    fputc('\n', out);
}

static void print_members(const struct rehearse_measure *measure, FILE *out)
{
    for (unsigned i = 0; i < measure->members_count; i++) {
        const struct rehearse_member *member = &measure->members[i];
        fprintf(out, "  memory of the %-9s %s  %.1f MiB before, %.1f MiB after\n", member->role, member->address,
                (double)member->memory_before / 1048576, (double)member->memory_after / 1048576);
    }
    fputs(measure->members_count > 0 ? "\n" : "", out);
}

static void print_verdict(const struct rehearse_verdict *verdict, FILE *out)
{
    static const char *const words[] = {"good", "tight", "not enough"};
    for (unsigned i = 0; i < verdict->count; i++) {
        const struct rehearse_row *row = &verdict->rows[i];
        fprintf(out, "  %-10s %-10s %s\n", row->name, words[row->grade], row->reason);
        if (row->advice[0] != '\0')
            fprintf(out, "  %-10s %-10s %s\n", "", "", row->advice);
    }
    fprintf(out, "\nverdict: %s\n", words[verdict->grade]);
}

void rehearse_report_print(const struct rehearse_measure *measure, const struct rehearse_verdict *verdict, FILE *out)
{
    print_crowd(measure, out);
    print_times(measure, out);
    print_outcomes(measure, out);
    print_members(measure, out);
    print_verdict(verdict, out);
}

/* --- for programs --- */

static json_t *latency_json(const struct rehearse_measure *measure)
{
    json_t *times = json_object();
    for (size_t i = 0; i < PERCENTILES; i++)
        json_object_set_new(
            times, percentiles[i].name,
            json_integer((json_int_t)bench_histogram_percentile(&measure->latency, percentiles[i].percent)));
    return times;
}

static json_t *outcomes_json(const struct rehearse_measure *measure)
{
    json_t *outcomes = json_object();
    for (enum bench_outcome i = 0; i < BENCH_OUTCOME_COUNT; i++) {
        if (measure->outcomes[i] > 0)
            json_object_set_new(outcomes, bench_outcome_name(i), json_integer((json_int_t)measure->outcomes[i]));
    }
    return outcomes;
}

static json_t *members_json(const struct rehearse_measure *measure)
{
    json_t *members = json_array();
    for (unsigned i = 0; i < measure->members_count; i++) {
        const struct rehearse_member *member = &measure->members[i];
        json_t *limit = member->memory_limit > 0 ? json_integer((json_int_t)member->memory_limit) : json_null();
        json_array_append_new(members,
                              json_pack("{s:s, s:s, s:I, s:I, s:o}", "role", member->role, "address", member->address,
                                        "memory_before", (json_int_t)member->memory_before, "memory_after",
                                        (json_int_t)member->memory_after, "memory_limit", limit));
    }
    return members;
}

static json_t *reasons_json(const struct rehearse_verdict *verdict)
{
    json_t *reasons = json_array();
    for (unsigned i = 0; i < verdict->count; i++) {
        const struct rehearse_row *row = &verdict->rows[i];
        json_array_append_new(reasons,
                              json_pack("{s:s, s:s, s:s, s:s}", "name", row->name, "verdict",
                                        rehearse_grade_name(row->grade), "reason", row->reason, "advice", row->advice));
    }
    return reasons;
}

static json_t *sync_json(const struct rehearse_measure *measure)
{
    if (!measure->synced)
        return json_null();
    return json_pack("{s:I, s:I}", "p50", (json_int_t)measure->sync_p50_us, "p99", (json_int_t)measure->sync_p99_us);
}

void rehearse_report_print_json(const struct rehearse_measure *measure, const struct rehearse_verdict *verdict,
                                FILE *out)
{
    json_t *root = json_pack(
        "{s:s, s:s, s:s, s:o, s:I, s:I, s:I, s:o, s:f, s:I, s:I, s:f, s:I, s:o, s:o, s:{s:I}, s:o, s:I, s:I, s:o, s:o, "
        "s:I}",
        "coupon_id", measure->coupon_id, "rehearsal_id", measure->copy_id, "verdict",
        rehearse_grade_name(verdict->grade), "reasons", reasons_json(verdict), "users", (json_int_t)measure->users,
        "requests", (json_int_t)measure->requests, "connections", (json_int_t)measure->connections, "quantity",
        measure->quantity > 0 ? json_integer((json_int_t)measure->quantity) : json_null(), "seconds", measure->seconds,
        "answered", (json_int_t)measure->answered, "unanswered", (json_int_t)rehearse_unanswered(measure),
        "answered_rate", rate_of(measure), "issued", (json_int_t)measure->outcomes[BENCH_ISSUED], "sold_out_s",
        measure->sold_out_us >= 0 ? json_real((double)measure->sold_out_us / 1e6) : json_null(), "latency_us",
        latency_json(measure), "delay_us", "p99", (json_int_t)bench_histogram_percentile(&measure->delay, 99),
        "outcomes", outcomes_json(measure), "early", (json_int_t)measure->early, "early_not_started",
        (json_int_t)measure->early_not_started, "sync_us", sync_json(measure), "members", members_json(measure),
        "faults", (json_int_t)measure->faults);
    CHECK(root != NULL);
    json_dumpf(root, out, JSON_COMPACT | JSON_REAL_PRECISION(6));
    fputc('\n', out);
    json_decref(root);
}
