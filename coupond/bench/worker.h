/*
 * A worker of the benchmark: a libuv loop on its own thread with a share of the connections and every T-th request of
 * the plan (T workers). Open loop: requests are due at fixed times, independent of the answers. When no connection is
 * free, a request waits; the queue is just the next request's number, so it needs no memory. Requests other than for an
 * issue are about issues that the same worker was given; when it has no suitable one, it requests one instead.
 *
 *   connection:  CLOSED ── connect ──► CONNECTING ──► IDLE ◄──► BUSY
 *                   ▲                      │            │         │
 *                   └────────── CLOSING ◄──┴────────────┴─────────┘   error, time-out, the peer closed
 */
#ifndef COUPOND_BENCH_WORKER_H
#define COUPOND_BENCH_WORKER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

#include "coupond/bench/episodes.h"
#include "coupond/bench/histogram.h"
#include "coupond/bench/options.h"
#include "coupond/bench/witness.h"
#include "coupond/http/fetch.h"

/* Shared by all workers. Constant during the run, except the witness and the counters, which are atomics, and the
 * episodes, which are protected by a mutex that only slow answers take. */
struct bench_run {
    const struct bench_options *options;
    const struct http_server *target;
    struct bench_witness *witness;
    int64_t start_us;       /* clock_mono_us() of request 0 */
    _Atomic bool abandoned; /* set by the main thread: stop sending and end soon */
    _Atomic uint64_t sent;
    _Atomic uint64_t outcomes[BENCH_OPERATION_COUNT][BENCH_OUTCOME_COUNT];
    _Atomic uint64_t connects;      /* connections made, including the first ones */
    _Atomic int64_t last_issued_us; /* clock_mono_us() of the last answer that gave an issue */
    _Atomic uint64_t slowest_us;    /* slowest answer since the main thread reset this to 0 */
    pthread_mutex_t slow_lock;
    struct bench_episodes *slow;
};

struct bench_worker;

/* How long before its first request this number of connections is opened, so that no answer's time includes that. */
int64_t bench_worker_lead_us(uint64_t connections);

/* Starts worker `index` of options->threads. NULL and `error` when the system refuses. */
struct bench_worker *bench_worker_start(struct bench_run *run, uint64_t index, struct error *error);
/* True when the worker has ended; waits at most until then or `wait_ms`. */
bool bench_worker_ended(struct bench_worker *worker, int64_t wait_ms);
/* After bench_worker_ended(): adds its times to `latency` (intended send time to answer, of each operation) and `delay`
 * (intended to real send time), and frees it. */
void bench_worker_destroy(struct bench_worker **worker, struct bench_histogram latency[BENCH_OPERATION_COUNT],
                          struct bench_histogram *delay);

#endif
