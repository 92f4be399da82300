#include "report.h"

#include <inttypes.h>
#include <string.h>

#define NUMBER_MAX 32

/* 1234567 as "1,234,567". */
static const char *grouped(double value, char out[NUMBER_MAX])
{
    char digits[NUMBER_MAX];
    int length = snprintf(digits, sizeof digits, "%" PRIu64, (uint64_t)(value + 0.5));
    char *at = out;
    for (int i = 0; i < length; i++) {
        if (i > 0 && (length - i) % 3 == 0)
            *at++ = ',';
        *at++ = digits[i];
    }
    *at = '\0';
    return out;
}

/* At least three significant digits. */
static const char *nanoseconds(double ns, char out[NUMBER_MAX])
{
    if (ns >= 1000)
        return grouped(ns, out);
    snprintf(out, NUMBER_MAX, "%.*f", ns < 10 ? 2 : 1, ns);
    return out;
}

static void heading(FILE *out, const struct micro_result *first)
{
    fprintf(out, "\n%s (%s)\n  %-56s %12s %14s %9s %8s\n", first->group,
            first->clock == MICRO_CPU ? "CPU time of the thread" : "wall-clock time", "", "ns", "per second", "spread",
            "bytes");
}

static void row(FILE *out, const struct micro_result *result)
{
    char ns[NUMBER_MAX], rate[NUMBER_MAX], bytes[NUMBER_MAX] = "";
    double apart = (result->ns_most - result->ns_least) / result->ns * 100;
    if (result->bytes > 0)
        snprintf(bytes, sizeof bytes, "%.1f", result->bytes);
    fprintf(out, "  %-56s %12s %14s %7.0f %% %8s\n", result->name, nanoseconds(result->ns, ns),
            grouped(1e9 / result->ns, rate), apart, bytes);
}

void report_table(FILE *out, const struct micro *micro)
{
    const struct micro_result *before = NULL;
    for (size_t i = 0; i < micro->results_count; i++) {
        const struct micro_result *result = &micro->results[i];
        if (before == NULL || strcmp(before->group, result->group) != 0 || before->clock != result->clock)
            heading(out, result);
        row(out, result);
        before = result;
    }
}

void report_json(FILE *out, const struct micro *micro)
{
    fputs("[", out);
    for (size_t i = 0; i < micro->results_count; i++) {
        const struct micro_result *result = &micro->results[i];
        fprintf(out,
                "%s\n  {\"group\": \"%s\", \"name\": \"%s\", \"clock\": \"%s\", \"ns\": %.2f, \"ns_least\": %.2f, "
                "\"ns_most\": %.2f, \"a_second\": %.0f, \"bytes\": %.2f}",
                i == 0 ? "" : ",", result->group, result->name, result->clock == MICRO_CPU ? "thread" : "wall",
                result->ns, result->ns_least, result->ns_most, 1e9 / result->ns, result->bytes);
    }
    fputs("\n]\n", out);
}
