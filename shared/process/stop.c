#include "shared/process/stop.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "shared/clock.h"
#include "shared/error.h"
#include "shared/telemetry/pulse.h"

#define SLICE_MS 50

struct task {
    pthread_mutex_t mutex;
    pthread_cond_t ended;
    bool done;
    bool abandoned;
    void (*work)(void *arg);
    void (*release)(void *arg);
    void *arg;
};

static atomic_bool abandoned;

bool stop_requested(void)
{
    sigset_t pending;
    return sigpending(&pending) == 0 && (sigismember(&pending, SIGTERM) == 1 || sigismember(&pending, SIGINT) == 1);
}

void stop_abandon(void)
{
    atomic_store(&abandoned, true);
}

bool stop_abandoned(void)
{
    return atomic_load(&abandoned);
}

static struct timespec timespec_of(int64_t us)
{
    return (struct timespec){.tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000};
}

/* The earlier of the next check of the signals and `until_us`. */
static int64_t next_check_us(int64_t until_us)
{
    int64_t slice_us = clock_mono_us() + SLICE_MS * 1000;
    return slice_us < until_us ? slice_us : until_us;
}

bool stop_sleep(int64_t ms)
{
    int64_t until_us = clock_mono_us() + ms * 1000;
    while (!stop_requested()) {
        int64_t left_us = next_check_us(until_us) - clock_mono_us();
        if (left_us <= 0)
            return true;
        struct timespec wait = timespec_of(left_us);
        nanosleep(&wait, NULL);
    }
    return false;
}

/* --- tasks --- */

static void destroy(struct task *task)
{
    pthread_cond_destroy(&task->ended);
    pthread_mutex_destroy(&task->mutex);
    free(task);
}

static void *task_main(void *arg)
{
    struct task *task = arg;
    task->work(task->arg);
    pthread_mutex_lock(&task->mutex);
    task->done = true;
    bool left_behind = task->abandoned;
    pthread_cond_signal(&task->ended);
    pthread_mutex_unlock(&task->mutex);
    if (left_behind) {
        task->release(task->arg);
        destroy(task);
    }
    return NULL;
}

/* False when the process is asked to stop first. */
static bool wait_for_end(struct task *task)
{
    struct pulse *pulse = pulse_create("the start", -1);
    pthread_mutex_lock(&task->mutex);
    while (!task->done && !task->abandoned) {
        struct timespec until = timespec_of(next_check_us(INT64_MAX));
        pulse_beat(pulse);
        pthread_cond_clockwait(&task->ended, &task->mutex, CLOCK_MONOTONIC, &until);
        task->abandoned = !task->done && stop_requested();
    }
    bool done = task->done;
    pthread_mutex_unlock(&task->mutex);
    pulse_destroy(&pulse);
    return done;
}

bool stop_run(void (*work)(void *arg), void (*release)(void *arg), void *arg)
{
    struct task *task = calloc(1, sizeof *task);
    CHECK(task != NULL);
    *task = (struct task){.work = work, .release = release, .arg = arg};
    pthread_mutex_init(&task->mutex, NULL);
    pthread_cond_init(&task->ended, NULL);
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, task_main, task) == 0);
    if (wait_for_end(task)) {
        pthread_join(thread, NULL);
        destroy(task);
        return true;
    }
    pthread_detach(thread);
    stop_abandon();
    return false;
}
