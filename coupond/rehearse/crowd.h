/*
 * A crowd: the workers of `coupond bench`, started at a given moment, until the last answer or an interrupt. Called on
 * the main thread.
 */
#ifndef COUPOND_REHEARSE_CROWD_H
#define COUPOND_REHEARSE_CROWD_H

#include <stdatomic.h>

#include "coupond/bench/worker.h"
#include "coupond/rehearse/measure.h"

struct crowd {
    const struct bench_options *options;
    const struct http_server *target;
    struct bench_witness *witness;
    int64_t start_us;                /* clock_mono_us() of the first request */
    const _Atomic bool *interrupted; /* set by a signal */
    /* the result */
    double seconds; /* to the last answer */
    uint64_t answered;
    uint64_t outcomes[BENCH_OUTCOME_COUNT];
    struct bench_histogram latency;
    struct bench_histogram delay;
    int64_t last_issued_us; /* after the start; -1: none */
};

/* -1 and `error` when it could not run whole, or was interrupted. Prints its progress if options->progress_s. */
int crowd_run(struct crowd *crowd, struct error *error);

#endif
