/*
 * Measures one operation in rounds. Each run of the work is prepared first, which is not measured. A result is the
 * median of the rounds and their spread. One thread.
 */
#ifndef COUPOND_MICRO_MEASURE_H
#define COUPOND_MICRO_MEASURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum micro_clock {
    MICRO_CPU,  /* CPU time of this thread: excludes other threads on its core */
    MICRO_WALL, /* for work that waits for a disk, a server or another process */
};

struct micro_settings {
    int64_t round_ms;      /* minimum duration of a round */
    unsigned rounds;       /* at most MICRO_ROUNDS_MAX */
    uint32_t users;        /* of the ledger that exceeds the caches */
    const char *directory; /* for files; on the disk to measure */
    const char *coupond;   /* the program, for `issuer` */
    bool mysql;            /* `store` also writes to the server of COUPOND_STORE_* */
};

#define MICRO_ROUNDS_MAX 31
#define MICRO_NAME_MAX   80

struct micro_result {
    const char *group;
    char name[MICRO_NAME_MAX];
    enum micro_clock clock;
    double ns;       /* per operation: the median, or the average */
    double ns_least; /* the fastest and the slowest round */
    double ns_most;
    double bytes; /* per operation; 0: none to report */
};

struct micro_work {
    enum micro_clock clock;
    uint64_t operations;        /* per run */
    uint64_t operations_max;    /* per round, for data that grows while it is measured; 0: no limit */
    bool average;               /* of rounds of operations_max, for work whose cost comes in bursts */
    void (*prepare)(void *arg); /* not measured; may be NULL */
    void (*run)(void *arg);
    void *arg;
};

/* A series of measurements and its results. */
struct micro {
    struct micro_settings settings;
    const char *group; /* of the results added now; a constant string */
    struct micro_result *results;
    size_t results_count;
};

/* Measures, and adds a result, which is valid until the next call. `name` is a format of printf. */
struct micro_result *micro_measure(struct micro *micro, const struct micro_work *work, const char *name, ...)
    __attribute__((format(printf, 3, 4)));

#endif
