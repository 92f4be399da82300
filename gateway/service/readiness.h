/*
 * Whether a gateway is ready, for all its threads: from the moment when each of them has heard every partition once,
 * until it drains. An issuer that is away afterwards does not change it: a load balancer goes on sending, and clients
 * are told 503 with Retry-After instead of being refused; what is missing is told beside it.
 */
#ifndef COUPOND_READINESS_H
#define COUPOND_READINESS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "shared/limits.h"

enum { READINESS_THREADS_MAX = 64, READINESS_WORDS_MAX = READY_WHY_MAX };

struct readiness {
    unsigned threads;                                               /* set before they start */
    uint64_t all;                                                   /* a bit for each partition */
    bool (*others_ready)(void *arg, char why[READINESS_WORDS_MAX]); /* NULL: nobody beside it; set before they start */
    void *others;
    /* Each stands for itself, so that relaxed is enough. */
    _Atomic bool draining;
    _Atomic uint64_t heard[READINESS_THREADS_MAX];   /* by each thread, once */
    _Atomic uint64_t hearing[READINESS_THREADS_MAX]; /* now */
    _Atomic uint64_t refused[READINESS_THREADS_MAX]; /* in the handshake */
};

/* Before the threads start. */
void readiness_init(struct readiness *readiness, unsigned threads, unsigned partitions);
/* Before the threads start: roles of the same process without which it is not ready. `ready`, on any thread, says
 * whether they are, and what is missing or what else an operator should know to `why`, which was empty. */
void readiness_include(struct readiness *readiness, bool (*ready)(void *arg, char why[READINESS_WORDS_MAX]), void *arg);
/* On that thread: the partitions that it hears now, a bit each. */
void readiness_note(struct readiness *readiness, unsigned thread, uint64_t hearing);
/* On that thread: the partitions that do not have our secret, a bit each. */
void readiness_note_refused(struct readiness *readiness, unsigned thread, uint64_t refused);
/* On any thread: from now on it is not ready. */
void readiness_drain(struct readiness *readiness);

/* On any thread: whether it is. What is missing goes to `why` in plain words, in both cases; nothing when all is well.
 */
bool readiness_read(const struct readiness *readiness, char why[READINESS_WORDS_MAX]);

#endif
