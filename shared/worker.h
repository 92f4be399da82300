/*
 * A thread of an actor for slow work: runs a duty cycle when it is woken or when the cycle is due, and sleeps in
 * between. Cycle and owner protect their shared data themselves.
 */
#ifndef COUPOND_WORKER_H
#define COUPOND_WORKER_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "shared/error.h"

/* From worker_work_fn: only worker_wake() starts the next cycle. */
#define WORKER_UNTIL_WOKEN INT64_MAX

/* On the worker's thread. Returns the time in µs until the next cycle; 0 or less: at once. */
typedef int64_t (*worker_work_fn)(void *arg);

/* A worker that is all zeros was never started. */
struct worker {
    /* shared: constant while the thread runs */
    worker_work_fn work;
    void *arg;
    pthread_t thread; /* used by the owner only */
    bool running;     /* used by the owner only */
    /* shared: under the mutex */
    pthread_mutex_t mutex;
    pthread_cond_t changed; /* on the monotonic clock */
    bool woken;
    bool stopping;
    bool finishing; /* a pending wake is served before the end */
    bool ended;
};

/* Starts the thread, which runs `work` at once. -1 and `error` when the thread cannot be created. */
int worker_start(struct worker *worker, worker_work_fn work, void *arg, struct error *error);
/* On any thread, after worker_start(): runs `work` again as soon as the current cycle ends. Several wakes during a
 * cycle cause one more cycle. */
void worker_wake(struct worker *worker);
/* On the owner's thread: ends the thread after the current cycle and joins it. Does nothing when it does not run. */
void worker_stop(struct worker *worker);
/* On the owner's thread: ends the thread after a cycle for a pending wake, and waits at most `us` for that: the cycle
 * may hang. True when the thread has ended; otherwise `worker` and everything that `work` uses must never be freed. */
bool worker_finish(struct worker *worker, int64_t us);

#endif
