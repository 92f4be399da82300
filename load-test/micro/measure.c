#include "measure.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "shared/error.h"

static int64_t now_ns(enum micro_clock clock)
{
    struct timespec now;
    CHECK(clock_gettime(clock == MICRO_CPU ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC, &now) == 0);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* Nanoseconds per operation. */
static double one_round(const struct micro_work *work, int64_t least_ns)
{
    int64_t ns = 0;
    uint64_t operations = 0;
    while (ns < least_ns && (work->operations_max == 0 || operations < work->operations_max)) {
        if (work->prepare != NULL)
            work->prepare(work->arg);
        int64_t begin = now_ns(work->clock);
        work->run(work->arg);
        ns += now_ns(work->clock) - begin;
        operations += work->operations;
    }
    return (double)ns / (double)operations;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static struct micro_result *add(struct micro *micro)
{
    micro->results = realloc(micro->results, (micro->results_count + 1) * sizeof *micro->results);
    CHECK(micro->results != NULL);
    return &micro->results[micro->results_count++];
}

struct micro_result *micro_measure(struct micro *micro, const struct micro_work *work, const char *name, ...)
{
    double ns[MICRO_ROUNDS_MAX] = {0};
    unsigned rounds = micro->settings.rounds;
    int64_t least_ns = work->average ? INT64_MAX : micro->settings.round_ms * 1000000;
    if (!work->average)
        one_round(work, least_ns / 4); /* warms up caches, branch prediction and pages */
    for (unsigned i = 0; i < rounds; i++)
        ns[i] = one_round(work, least_ns);
    double sum = 0;
    for (unsigned i = 0; i < rounds; i++)
        sum += ns[i];
    qsort(ns, rounds, sizeof *ns, compare);
    struct micro_result *result = add(micro);
    *result = (struct micro_result){.group = micro->group,
                                    .clock = work->clock,
                                    .ns = work->average ? sum / rounds : ns[rounds / 2],
                                    .ns_least = ns[0],
                                    .ns_most = ns[rounds - 1]};
    va_list args;
    va_start(args, name);
    vsnprintf(result->name, sizeof result->name, name, args);
    va_end(args);
    if (isatty(STDERR_FILENO))
        fprintf(stderr, "\r\033[K%s: %s", result->group, result->name);
    return result;
}
