/*
 * Readiness of a gateway with all its threads: ready once each thread has received a reply from every partition, until
 * it drains. A later loss of the issuer does not change it: a load balancer keeps sending, and clients get 503 with
 * Retry-After instead of a refused connection. The text names the missing partitions.
 */
#ifndef COUPOND_READINESS_H
#define COUPOND_READINESS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "shared/limits.h"

enum { READINESS_THREADS_MAX = 64, READINESS_WORDS_MAX = READY_WHY_MAX, READINESS_CONDITIONS_MAX = 2 };

/* A further condition. Returns whether it holds, and may write details, also if it does. */
struct readiness_condition {
    bool (*ready)(void *arg, char why[READINESS_WORDS_MAX]);
    void *arg;
};

struct readiness {
    unsigned threads;          /* set before they start */
    int64_t begun_us;          /* of clock_boot_us() */
    bool beside;               /* other roles run in this process; set before the threads start */
    uint64_t all;              /* one bit per partition */
    unsigned conditions_count; /* set before the threads start */
    struct readiness_condition conditions[READINESS_CONDITIONS_MAX];
    const char *advice; /* told while nothing is missing; NULL: none; set before the threads start */
    /* independent values, so relaxed order suffices */
    _Atomic bool draining;
    _Atomic uint64_t ever_up[READINESS_THREADS_MAX]; /* partitions that have ever answered each thread */
    _Atomic uint64_t up[READINESS_THREADS_MAX];      /* that answer currently */
    _Atomic uint64_t refused[READINESS_THREADS_MAX]; /* rejected in the handshake */
};

/* Call before the threads start. */
void readiness_init(struct readiness *readiness, unsigned threads, unsigned partitions);
/* Call before the threads start. Adds a condition, such as the other roles of the process: `ready`, called on any
 * thread, returns whether they are ready and writes details for the operator to `why`, which is empty before. NULL adds
 * none. */
void readiness_include(struct readiness *readiness, bool (*ready)(void *arg, char why[READINESS_WORDS_MAX]), void *arg);
/* Call before the threads start. A constant text for the operator that does not change readiness. */
void readiness_advise(struct readiness *readiness, const char *advice);
/* On that thread: the partitions that currently answer, one bit each. */
void readiness_note(struct readiness *readiness, unsigned thread, uint64_t up);
/* On that thread: the partitions that do not have our secret, one bit each. */
void readiness_note_refused(struct readiness *readiness, unsigned thread, uint64_t refused);
/* On any thread: no longer ready from now on. */
void readiness_drain(struct readiness *readiness);

/* On any thread. Returns readiness; in both cases `why` names what is missing, and is empty when nothing is. */
bool readiness_read(const struct readiness *readiness, char why[READINESS_WORDS_MAX]);

#endif
