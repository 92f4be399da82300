/*
 * A log-linear histogram of times in microseconds with three significant digits: exact below 2,048 µs, then 1,024 cells
 * per doubling. Pure; one thread writes to it, and others merge it when that thread has ended.
 */
#ifndef COUPOND_BENCH_HISTOGRAM_H
#define COUPOND_BENCH_HISTOGRAM_H

#include <stdint.h>

#define BENCH_HISTOGRAM_LINEAR   2048u /* smaller values have a cell each */
#define BENCH_HISTOGRAM_HALF     1024u /* cells per doubling above */
#define BENCH_HISTOGRAM_DOUBLING 26u
#define BENCH_HISTOGRAM_CELLS    (BENCH_HISTOGRAM_LINEAR + BENCH_HISTOGRAM_DOUBLING * BENCH_HISTOGRAM_HALF)
#define BENCH_HISTOGRAM_MAX_US   ((UINT64_C(1) << 37) - 1) /* 38 hours; longer times are counted as this one */

struct bench_histogram {
    uint64_t count;
    uint64_t sum_us;
    uint64_t max_us; /* exact */
    uint64_t cells[BENCH_HISTOGRAM_CELLS];
};

void bench_histogram_init(struct bench_histogram *histogram);
void bench_histogram_add(struct bench_histogram *histogram, uint64_t value_us);
/* Adds the counts of `from` to `into`. */
void bench_histogram_merge(struct bench_histogram *into, const struct bench_histogram *from);
/*
 * The smallest time that at least `percent` (0 to 100) of the values do not exceed; at most 0.1 % above the true one
 * and never above max_us. 0 when the histogram is empty.
 */
uint64_t bench_histogram_percentile(const struct bench_histogram *histogram, double percent);
/* 0 when the histogram is empty. */
double bench_histogram_mean(const struct bench_histogram *histogram);

#endif
