/*
 * How long the machine's cores stand still while a bench runs, so that an answer that was late because nothing ran can
 * be told from one that the server kept waiting. On each core that this process may use a thread of its own sleeps a
 * millisecond at a time and notes by how much it wakes late. Where the system allows it these threads go before all
 * others; else what other threads do on their core counts as well.
 */
#ifndef COUPOND_BENCH_STALLS_H
#define COUPOND_BENCH_STALLS_H

#include <stdbool.h>
#include <stdint.h>

#include "coupond/bench/histogram.h"
#include "shared/error.h"

#define BENCH_STALL_MIN_US 1000u /* waking less late is no stall */

/* Times as clock_mono_us() has them. A stall begins when its core's thread should have woken, so up to a millisecond
 * after it really did. */
struct bench_stall {
    int64_t from_us;
    int64_t until_us;
};

struct bench_stalls;

/* Any thread; what is noted is read only after the stop. NULL and `error` when the system refuses threads or memory. */
struct bench_stalls *bench_stalls_start(struct error *error);
void bench_stalls_stop(struct bench_stalls *stalls);
/* Stops, when that is still to do, and frees. NULL is fine. */
void bench_stalls_destroy(struct bench_stalls **stalls);

/* After the stop. */
unsigned bench_stalls_cores(const struct bench_stalls *stalls);
/* Whether these threads went before all others. */
bool bench_stalls_realtime(const struct bench_stalls *stalls);
/* Every stall of every core. */
const struct bench_histogram *bench_stalls_times(const struct bench_stalls *stalls);
/* How long, in µs, at least one core stood still between the two times. */
uint64_t bench_stalls_within(const struct bench_stalls *stalls, int64_t from_us, int64_t until_us);

/*
 * Pure. Sorts stalls and makes one of those that overlap; returns how many are left.
 */
uint64_t bench_stalls_unite(struct bench_stall *list, uint64_t count);
/* Pure. How much of the time between the two the stalls take, none of which overlaps another. */
uint64_t bench_stalls_overlap(const struct bench_stall *list, uint64_t count, int64_t from_us, int64_t until_us);

#endif
