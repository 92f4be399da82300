#include "coupond/bench/stalls.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "shared/clock.h"

#define SLEEP_US  1000
#define NOTES_MAX 65536u /* per core; later stalls are counted in the histogram only */

struct core {
    struct bench_stalls *stalls;
    pthread_t thread;
    int number;
    bool running;
    bool realtime;
    uint64_t count;
    struct bench_stall list[NOTES_MAX];
    struct bench_histogram times;
};

struct bench_stalls {
    /* shared */
    _Atomic bool stopping;
    /* owned by the thread that starts and stops */
    unsigned cores_count;
    struct core *cores; /* large, but touched only as far as stalls are recorded */
    struct bench_stall *united;
    uint64_t united_count;
    struct bench_histogram times;
};

/* --- pure --- */

static int earlier(const void *a, const void *b)
{
    const struct bench_stall *left = a, *right = b;
    return (left->from_us > right->from_us) - (left->from_us < right->from_us);
}

uint64_t bench_stalls_unite(struct bench_stall *list, uint64_t count)
{
    uint64_t kept = 0;
    if (count == 0)
        return 0;
    qsort(list, count, sizeof *list, earlier);
    for (uint64_t i = 1; i < count; i++) {
        if (list[i].from_us > list[kept].until_us)
            list[++kept] = list[i];
        else if (list[i].until_us > list[kept].until_us)
            list[kept].until_us = list[i].until_us;
    }
    return kept + 1;
}

uint64_t bench_stalls_overlap(const struct bench_stall *list, uint64_t count, int64_t from_us, int64_t until_us)
{
    int64_t sum_us = 0;
    for (uint64_t i = 0; i < count; i++) {
        int64_t begin_us = list[i].from_us > from_us ? list[i].from_us : from_us;
        int64_t end_us = list[i].until_us < until_us ? list[i].until_us : until_us;
        sum_us += end_us > begin_us ? end_us - begin_us : 0;
    }
    return (uint64_t)sum_us;
}

/* --- the thread of a core --- */

static void sleep_until(int64_t until_us)
{
    struct timespec until = {.tv_sec = until_us / 1000000, .tv_nsec = until_us % 1000000 * 1000};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR)
        continue;
}

static void note(struct core *core, int64_t from_us, int64_t until_us)
{
    bench_histogram_add(&core->times, (uint64_t)(until_us - from_us));
    if (core->count < NOTES_MAX)
        core->list[core->count++] = (struct bench_stall){from_us, until_us};
}

static void *run_core(void *arg)
{
    struct core *core = arg;
    struct sched_param first = {.sched_priority = sched_get_priority_min(SCHED_FIFO)};
    core->realtime = pthread_setschedparam(pthread_self(), SCHED_FIFO, &first) == 0;
    int64_t now_us = clock_mono_us();
    while (!atomic_load_explicit(&core->stalls->stopping, memory_order_relaxed)) {
        int64_t due_us = now_us + SLEEP_US;
        sleep_until(due_us);
        now_us = clock_mono_us();
        if (now_us - due_us >= BENCH_STALL_MIN_US)
            note(core, due_us, now_us);
    }
    return NULL;
}

/* --- life --- */

static int start_core(struct core *core)
{
    cpu_set_t only;
    CPU_ZERO(&only);
    CPU_SET((size_t)core->number, &only);
    pthread_attr_t attributes;
    CHECK(pthread_attr_init(&attributes) == 0);
    int status = pthread_attr_setaffinity_np(&attributes, sizeof only, &only);
    if (status == 0)
        status = pthread_create(&core->thread, &attributes, run_core, core);
    CHECK(pthread_attr_destroy(&attributes) == 0);
    core->running = status == 0;
    return status;
}

static int start_cores(struct bench_stalls *stalls, const cpu_set_t *allowed)
{
    int status = 0;
    for (int number = 0; number < CPU_SETSIZE && status == 0; number++) {
        if (!CPU_ISSET((size_t)number, allowed))
            continue;
        struct core *core = &stalls->cores[stalls->cores_count++];
        core->stalls = stalls;
        core->number = number;
        status = start_core(core);
    }
    return status;
}

struct bench_stalls *bench_stalls_start(struct error *error)
{
    cpu_set_t allowed;
    if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) {
        error_set(error, "cannot list the CPU cores: %s", strerror(errno));
        return NULL;
    }
    struct bench_stalls *stalls = calloc(1, sizeof *stalls);
    struct core *cores = calloc((size_t)CPU_COUNT(&allowed), sizeof *cores);
    int status = ENOMEM;
    if (stalls == NULL || cores == NULL)
        goto fail;
    stalls->cores = cores;
    status = start_cores(stalls, &allowed);
    if (status == 0)
        return stalls;
    bench_stalls_destroy(&stalls);
    cores = NULL;
fail:
    error_set(error, "cannot measure stalls of the CPU cores: %s", strerror(status));
    free(cores);
    free(stalls);
    return NULL;
}

/* Merges all cores' stalls into one list without overlaps. Without memory the list is empty. */
static void gather(struct bench_stalls *stalls)
{
    uint64_t count = 0;
    for (unsigned i = 0; i < stalls->cores_count; i++)
        count += stalls->cores[i].count;
    stalls->united = calloc(count + 1, sizeof *stalls->united);
    for (unsigned i = 0; i < stalls->cores_count && stalls->united != NULL; i++) {
        const struct core *core = &stalls->cores[i];
        memcpy(stalls->united + stalls->united_count, core->list, core->count * sizeof core->list[0]);
        stalls->united_count += core->count;
    }
    if (stalls->united != NULL)
        stalls->united_count = bench_stalls_unite(stalls->united, stalls->united_count);
}

void bench_stalls_stop(struct bench_stalls *stalls)
{
    atomic_store_explicit(&stalls->stopping, true, memory_order_relaxed);
    for (unsigned i = 0; i < stalls->cores_count; i++) {
        struct core *core = &stalls->cores[i];
        if (!core->running)
            continue;
        CHECK(pthread_join(core->thread, NULL) == 0);
        core->running = false;
        bench_histogram_merge(&stalls->times, &core->times);
    }
    if (stalls->united == NULL)
        gather(stalls);
}

void bench_stalls_destroy(struct bench_stalls **stalls)
{
    if (*stalls == NULL)
        return;
    bench_stalls_stop(*stalls);
    free((*stalls)->united);
    free((*stalls)->cores);
    free(*stalls);
    *stalls = NULL;
}

/* --- results --- */

unsigned bench_stalls_cores(const struct bench_stalls *stalls)
{
    return stalls->cores_count;
}

bool bench_stalls_realtime(const struct bench_stalls *stalls)
{
    bool realtime = true;
    for (unsigned i = 0; i < stalls->cores_count; i++)
        realtime = realtime && stalls->cores[i].realtime;
    return realtime;
}

const struct bench_histogram *bench_stalls_times(const struct bench_stalls *stalls)
{
    return &stalls->times;
}

uint64_t bench_stalls_within(const struct bench_stalls *stalls, int64_t from_us, int64_t until_us)
{
    return bench_stalls_overlap(stalls->united, stalls->united_count, from_us, until_us);
}
