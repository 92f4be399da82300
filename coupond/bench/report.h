/*
 * Prints the result of a benchmark: a table for people, JSON for programs. Pure except for writing to `out`.
 */
#ifndef COUPOND_BENCH_REPORT_H
#define COUPOND_BENCH_REPORT_H

#include <stdint.h>
#include <stdio.h>

#include "coupond/bench/episodes.h"
#include "coupond/bench/histogram.h"
#include "coupond/bench/options.h"
#include "coupond/bench/outcome.h"
#include "coupond/bench/stalls.h"
#include "coupond/bench/witness.h"
#include "shared/error.h"

struct bench_report {
    const struct bench_options *options;
    double seconds;    /* from the first request's intended time to the last answer */
    uint64_t quantity; /* of the coupon; 0: without a bound */
    uint64_t sent;
    uint64_t answered;
    uint64_t connects;
    uint64_t outcomes[BENCH_OUTCOME_COUNT]; /* of all operations */
    uint64_t operation_outcomes[BENCH_OPERATION_COUNT][BENCH_OUTCOME_COUNT];
    struct bench_histogram latency; /* from the intended send time to the answer, of all operations */
    struct bench_histogram operation_latency[BENCH_OPERATION_COUNT];
    struct bench_histogram delay; /* from the intended to the actual send time */
    int64_t start_us;             /* the first request's intended time */
    struct bench_episodes slow;   /* sorted, the slowest first */
    struct bench_stalls *stalls;  /* NULL when they were not measured; stopped */
    struct bench_count count;
    struct bench_judgement judgement;
    struct error unread; /* the error when count.unread is set */
};

#define BENCH_NUMBER_MAX 32

/* "1,234,567". Returns `out`. */
const char *bench_number(uint64_t value, char out[BENCH_NUMBER_MAX]);

void bench_report_print(const struct bench_report *report, FILE *out);
void bench_report_print_json(const struct bench_report *report, FILE *out);

#endif
