/*
 * A thread beside an actor: it runs a duty cycle when it is woken or when the cycle is due again, and sleeps in
 * between. What the cycle and its owner share is for them to guard.
 */
#ifndef COUPOND_WORKER_H
#define COUPOND_WORKER_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "shared/error.h"

/* From worker_work_fn: only worker_wake() starts the next cycle. */
#define WORKER_UNTIL_WOKEN INT64_MAX

/* On the worker's thread. Returns after how many µs it is to run again; 0 or less: at once. */
typedef int64_t (*worker_work_fn)(void *arg);

/* A worker that is all zeros was never started. */
struct worker {
    /* shared: constant while the thread runs */
    worker_work_fn work;
    void *arg;
    pthread_t thread; /* its owner's */
    bool running;     /* its owner's */
    /* shared: under the mutex */
    pthread_mutex_t mutex;
    pthread_cond_t changed; /* on the monotonic clock */
    bool woken;
    bool stopping;
};

/* Starts the thread, which runs `work` at once. -1 and `error` when there is no thread to be had. */
int worker_start(struct worker *worker, worker_work_fn work, void *arg, struct error *error);
/* Any thread, once started: runs `work` again as soon as the cycle under way is over. Wakes are not counted. */
void worker_wake(struct worker *worker);
/* Its owner: ends the thread after the cycle under way, and joins it. Does nothing when it does not run. */
void worker_stop(struct worker *worker);
/* Its owner: the same without waiting, for a cycle that may hang. `worker` and what `work` uses must stay for ever. */
void worker_abandon(struct worker *worker);

#endif
