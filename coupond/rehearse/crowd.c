#include "coupond/rehearse/crowd.h"

#include <inttypes.h>
#include <stdlib.h>

#include "coupond/bench/report.h"
#include "shared/clock.h"

#define WATCH_MS 100

struct run {
    struct bench_run run;
    struct bench_episodes slow;
    struct bench_histogram latency[BENCH_OPERATION_COUNT];
    struct bench_worker *workers[BENCH_THREADS_MAX];
    uint64_t workers_count;
    int64_t progress_us; /* when the next line is due */
};

static uint64_t count_of(struct run *run, enum bench_outcome outcome)
{
    return atomic_load_explicit(&run->run.outcomes[BENCH_OPERATION_ISSUE][outcome], memory_order_relaxed);
}

static uint64_t count_answered(struct run *run)
{
    uint64_t sum = 0;
    for (enum bench_outcome i = 0; i < BENCH_TIMED_OUT; i++)
        sum += count_of(run, i);
    return sum;
}

static void print_progress(struct crowd *crowd, struct run *run)
{
    char answered[BENCH_NUMBER_MAX], requests[BENCH_NUMBER_MAX], issued[BENCH_NUMBER_MAX];
    int64_t now_us = clock_mono_us();
    if (crowd->options->progress_s == 0 || now_us < run->progress_us)
        return;
    run->progress_us = now_us + (int64_t)crowd->options->progress_s * 1000000;
    fprintf(stderr, "coupond rehearse: %s of %s requests answered, %s issued\n",
            bench_number(count_answered(run), answered), bench_number(crowd->options->plan.requests, requests),
            bench_number(count_of(run, BENCH_ISSUED), issued));
}

static int start_workers(struct crowd *crowd, struct run *run, struct error *error)
{
    while (run->workers_count < crowd->options->threads) {
        struct bench_worker *worker = bench_worker_start(&run->run, run->workers_count, error);
        if (worker == NULL)
            return -1;
        run->workers[run->workers_count++] = worker;
    }
    return 0;
}

static void wait_for_workers(struct crowd *crowd, struct run *run)
{
    run->progress_us = crowd->start_us;
    for (uint64_t i = 0; i < run->workers_count; i++) {
        while (!bench_worker_ended(run->workers[i], WATCH_MS)) {
            if (atomic_load(crowd->interrupted))
                atomic_store(&run->run.abandoned, true);
            print_progress(crowd, run);
        }
    }
}

static void collect(struct crowd *crowd, struct run *run)
{
    int64_t last_us = atomic_load(&run->run.last_issued_us);
    crowd->seconds = (double)(clock_mono_us() - crowd->start_us) / 1e6;
    crowd->answered = count_answered(run);
    crowd->last_issued_us = last_us > 0 ? last_us - crowd->start_us : -1;
    for (enum bench_outcome i = 0; i < BENCH_OUTCOME_COUNT; i++)
        crowd->outcomes[i] = count_of(run, i);
    bench_histogram_init(&crowd->delay);
    for (uint64_t i = 0; i < run->workers_count; i++)
        bench_worker_destroy(&run->workers[i], run->latency, &crowd->delay);
    crowd->latency = run->latency[BENCH_OPERATION_ISSUE];
}

int crowd_run(struct crowd *crowd, struct error *error)
{
    struct run *run = calloc(1, sizeof *run);
    CHECK(run != NULL);
    run->run.options = crowd->options;
    run->run.target = crowd->target;
    run->run.witness = crowd->witness;
    run->run.start_us = crowd->start_us;
    run->run.slow = &run->slow;
    CHECK(pthread_mutex_init(&run->run.slow_lock, NULL) == 0);
    bench_episodes_init(&run->slow, 0);
    int status = start_workers(crowd, run, error);
    if (status != 0)
        atomic_store(&run->run.abandoned, true);
    wait_for_workers(crowd, run);
    collect(crowd, run);
    pthread_mutex_destroy(&run->run.slow_lock);
    free(run);
    if (status == 0 && atomic_load(crowd->interrupted))
        return error_set(error, "interrupted");
    return status;
}
