#include "shared/worker.h"

#include <string.h>
#include <time.h>

/* --- the thread --- */

static struct timespec in_us(int64_t us)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += us / 1000000;
    until.tv_nsec += us % 1000000 * 1000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    return until;
}

/* With the mutex held: sleeps until woken, stopped, or `us` have passed. */
static void sleep_for(struct worker *worker, int64_t us)
{
    int result = 0;
    struct timespec until = us == WORKER_UNTIL_WOKEN ? (struct timespec){0} : in_us(us);
    while (!worker->woken && !worker->stopping && result == 0) {
        if (us == WORKER_UNTIL_WOKEN)
            result = pthread_cond_wait(&worker->changed, &worker->mutex);
        else
            result = pthread_cond_timedwait(&worker->changed, &worker->mutex, &until);
    }
}

/* After a cycle: false when the thread ends. */
static bool wait_for_next(struct worker *worker, int64_t us)
{
    pthread_mutex_lock(&worker->mutex);
    if (us > 0)
        sleep_for(worker, us);
    bool ends = worker->stopping && !(worker->finishing && worker->woken);
    worker->woken = false;
    worker->ended = ends;
    if (ends)
        pthread_cond_broadcast(&worker->changed);
    pthread_mutex_unlock(&worker->mutex);
    return !ends;
}

static void *worker_main(void *arg)
{
    struct worker *worker = arg;
    while (wait_for_next(worker, worker->work(worker->arg)))
        continue;
    return NULL;
}

/* --- the owner --- */

static void init_sync(struct worker *worker)
{
    pthread_mutex_init(&worker->mutex, NULL);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&worker->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
}

static void deinit_sync(struct worker *worker)
{
    pthread_cond_destroy(&worker->changed);
    pthread_mutex_destroy(&worker->mutex);
}

int worker_start(struct worker *worker, worker_work_fn work, void *arg, struct error *error)
{
    *worker = (struct worker){.work = work, .arg = arg};
    init_sync(worker);
    int reason = pthread_create(&worker->thread, NULL, worker_main, worker);
    worker->running = reason == 0;
    if (worker->running)
        return 0;
    deinit_sync(worker);
    return error_set(error, "cannot start a thread: %s", strerror(reason));
}

static void change(struct worker *worker, bool *flag)
{
    pthread_mutex_lock(&worker->mutex);
    *flag = true;
    pthread_cond_broadcast(&worker->changed);
    pthread_mutex_unlock(&worker->mutex);
}

void worker_wake(struct worker *worker)
{
    CHECK(worker->running);
    change(worker, &worker->woken);
}

static void join(struct worker *worker)
{
    pthread_join(worker->thread, NULL);
    deinit_sync(worker);
}

void worker_stop(struct worker *worker)
{
    if (!worker->running)
        return;
    change(worker, &worker->stopping);
    join(worker);
    worker->running = false;
}

bool worker_finish(struct worker *worker, int64_t us)
{
    if (!worker->running)
        return true;
    struct timespec until = in_us(us);
    pthread_mutex_lock(&worker->mutex);
    worker->stopping = worker->finishing = true;
    pthread_cond_broadcast(&worker->changed);
    while (!worker->ended && pthread_cond_timedwait(&worker->changed, &worker->mutex, &until) == 0)
        continue;
    bool ended = worker->ended;
    pthread_mutex_unlock(&worker->mutex);
    if (ended)
        join(worker);
    else
        pthread_detach(worker->thread);
    worker->running = false;
    return ended;
}
