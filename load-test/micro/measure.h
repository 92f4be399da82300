/*
 * Measuring one operation: rounds of a work that is prepared, off the clock, before each run. A result is the median of
 * the rounds, and how far they lie apart. One thread.
 */
#ifndef COUPOND_MICRO_MEASURE_H
#define COUPOND_MICRO_MEASURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum micro_clock {
    MICRO_CPU,  /* the time of this thread: what others do on its core does not count */
    MICRO_WALL, /* for what waits for a disk, a server or another process */
};

struct micro_settings {
    int64_t round_ms;      /* the least that a round takes on the clock */
    unsigned rounds;       /* at most MICRO_ROUNDS_MAX */
    uint32_t users;        /* of the ledger that does not fit the caches */
    const char *directory; /* for files; on the disk that is meant */
    const char *coupond;   /* the program, for `issuer` */
    bool mysql;            /* `store` fills the server that COUPOND_STORE_* name, too */
};

#define MICRO_ROUNDS_MAX 31
#define MICRO_NAME_MAX   80

struct micro_result {
    const char *group;
    char name[MICRO_NAME_MAX];
    enum micro_clock clock;
    double ns;       /* of an operation: the median, or the average */
    double ns_least; /* the fastest and the slowest round */
    double ns_most;
    double bytes; /* of an operation; 0: nothing to tell */
};

struct micro_work {
    enum micro_clock clock;
    uint64_t operations;     /* that one run does */
    uint64_t operations_max; /* of a round, so that what grows by being measured stays as it is named; 0: any number */
    bool average; /* rounds of operations_max, and the result is their average: for work that comes in lumps */
    void (*prepare)(void *arg); /* off the clock; may be NULL */
    void (*run)(void *arg);
    void *arg;
};

/* What is measured, and what came out. */
struct micro {
    struct micro_settings settings;
    const char *group; /* whose results come now; a constant string */
    struct micro_result *results;
    size_t results_count;
};

/* Measures and adds a result, which is borrowed until the next one. The name is printf's. */
struct micro_result *micro_measure(struct micro *micro, const struct micro_work *work, const char *name, ...)
    __attribute__((format(printf, 3, 4)));

#endif
