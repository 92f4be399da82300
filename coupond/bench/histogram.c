#include "coupond/bench/histogram.h"

#include <math.h>
#include <string.h>

#include "shared/error.h"

_Static_assert(BENCH_HISTOGRAM_MAX_US >> BENCH_HISTOGRAM_DOUBLING < BENCH_HISTOGRAM_LINEAR, "the last cell is reached");

/* The shift that reduces a value to eleven bits; 0 in the linear part. */
static unsigned shift_of(uint64_t value)
{
    if (value < BENCH_HISTOGRAM_LINEAR)
        return 0;
    return 53u - (unsigned)__builtin_clzll(value);
}

static unsigned cell_of(uint64_t value)
{
    unsigned shift = shift_of(value);
    return shift * BENCH_HISTOGRAM_HALF + (unsigned)(value >> shift);
}

/* The largest value of the cell. */
static uint64_t upper_edge(unsigned cell)
{
    if (cell < BENCH_HISTOGRAM_LINEAR)
        return cell;
    unsigned shift = cell / BENCH_HISTOGRAM_HALF - 1;
    uint64_t top = cell - shift * BENCH_HISTOGRAM_HALF;
    return ((top + 1) << shift) - 1;
}

void bench_histogram_init(struct bench_histogram *histogram)
{
    memset(histogram, 0, sizeof *histogram);
}

void bench_histogram_add(struct bench_histogram *histogram, uint64_t value_us)
{
    if (value_us > BENCH_HISTOGRAM_MAX_US)
        value_us = BENCH_HISTOGRAM_MAX_US;
    unsigned cell = cell_of(value_us);
    CHECK(cell < BENCH_HISTOGRAM_CELLS);
    histogram->cells[cell]++;
    histogram->count++;
    histogram->sum_us += value_us;
    if (value_us > histogram->max_us)
        histogram->max_us = value_us;
}

void bench_histogram_merge(struct bench_histogram *into, const struct bench_histogram *from)
{
    for (unsigned i = 0; i < BENCH_HISTOGRAM_CELLS; i++)
        into->cells[i] += from->cells[i];
    into->count += from->count;
    into->sum_us += from->sum_us;
    if (from->max_us > into->max_us)
        into->max_us = from->max_us;
}

uint64_t bench_histogram_percentile(const struct bench_histogram *histogram, double percent)
{
    uint64_t rank = (uint64_t)ceil(percent * (double)histogram->count / 100.0);
    if (rank == 0)
        rank = 1;
    uint64_t seen = 0;
    for (unsigned i = 0; i < BENCH_HISTOGRAM_CELLS; i++) {
        seen += histogram->cells[i];
        if (seen >= rank)
            return upper_edge(i) < histogram->max_us ? upper_edge(i) : histogram->max_us;
    }
    return histogram->max_us;
}

double bench_histogram_mean(const struct bench_histogram *histogram)
{
    return histogram->count == 0 ? 0.0 : (double)histogram->sum_us / (double)histogram->count;
}
