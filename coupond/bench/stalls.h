/*
 * Measures how long the machine's cores stall during a benchmark, to distinguish answers that were late because nothing
 * ran from those that the server delayed. On each core available to this process, a thread sleeps for a millisecond at
 * a time and records how late it wakes up. These threads have real-time priority where the system allows it; otherwise
 * the time that other threads use on the core counts as well.
 */
#ifndef COUPOND_BENCH_STALLS_H
#define COUPOND_BENCH_STALLS_H

#include <stdbool.h>
#include <stdint.h>

#include "coupond/bench/histogram.h"
#include "shared/error.h"

#define BENCH_STALL_MIN_US 1000u /* shorter delays are not stalls */

/* Times of clock_mono_us(). A stall begins when the core's thread should have woken up, so up to a millisecond late. */
struct bench_stall {
    int64_t from_us;
    int64_t until_us;
};

struct bench_stalls;

/* Any thread; results may be read only after the stop. NULL and `error` when the system refuses threads or memory. */
struct bench_stalls *bench_stalls_start(struct error *error);
void bench_stalls_stop(struct bench_stalls *stalls);
/* Stops if necessary, and frees. Accepts NULL. */
void bench_stalls_destroy(struct bench_stalls **stalls);

/* Call after the stop. */
unsigned bench_stalls_cores(const struct bench_stalls *stalls);
/* True when these threads had real-time priority. */
bool bench_stalls_realtime(const struct bench_stalls *stalls);
/* Every stall of every core. */
const struct bench_histogram *bench_stalls_times(const struct bench_stalls *stalls);
/* The time in µs between the two times in which at least one core stalled. */
uint64_t bench_stalls_within(const struct bench_stalls *stalls, int64_t from_us, int64_t until_us);

/*
 * Pure. Sorts stalls and merges those that overlap; returns how many remain.
 */
uint64_t bench_stalls_unite(struct bench_stall *list, uint64_t count);
/* Pure. The part of the interval that the stalls cover; they must not overlap each other. */
uint64_t bench_stalls_overlap(const struct bench_stall *list, uint64_t count, int64_t from_us, int64_t until_us);

#endif
