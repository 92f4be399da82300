#include "gateway/service/readiness.h"

#include <stdio.h>
#include <string.h>

#include "shared/clock.h"
#include "shared/error.h"
#include "shared/limits.h"

enum { MISSING_WORDS_MAX = 128 };

_Static_assert(PARTITIONS_MAX == 64, "a partition is a bit");

void readiness_init(struct readiness *readiness, unsigned threads, unsigned partitions)
{
    CHECK(threads >= 1 && threads <= READINESS_THREADS_MAX && partitions >= 1 && partitions <= PARTITIONS_MAX);
    *readiness = (struct readiness){
        .threads = threads, .begun_us = clock_boot_us(), .all = UINT64_MAX >> (PARTITIONS_MAX - partitions)};
}

void readiness_include(struct readiness *readiness, bool (*ready)(void *arg, char why[READINESS_WORDS_MAX]), void *arg)
{
    if (ready == NULL)
        return;
    CHECK(readiness->conditions_count < READINESS_CONDITIONS_MAX);
    readiness->conditions[readiness->conditions_count++] = (struct readiness_condition){ready, arg};
}

void readiness_advise(struct readiness *readiness, const char *advice)
{
    readiness->advice = advice;
}

void readiness_note(struct readiness *readiness, unsigned thread, uint64_t up)
{
    CHECK(thread < readiness->threads);
    atomic_store_explicit(&readiness->up[thread], up, memory_order_relaxed);
    atomic_fetch_or_explicit(&readiness->ever_up[thread], up, memory_order_relaxed);
}

void readiness_note_refused(struct readiness *readiness, unsigned thread, uint64_t refused)
{
    CHECK(thread < readiness->threads);
    atomic_store_explicit(&readiness->refused[thread], refused, memory_order_relaxed);
}

void readiness_drain(struct readiness *readiness)
{
    atomic_store_explicit(&readiness->draining, true, memory_order_relaxed);
}

/* The bits that are set for all threads. */
static uint64_t common(const struct readiness *readiness, const _Atomic uint64_t *masks)
{
    uint64_t mask = readiness->all;
    for (unsigned i = 0; i < readiness->threads; i++)
        mask &= atomic_load_explicit(&masks[i], memory_order_relaxed);
    return mask;
}

/* "No answer from partition 0, 3 and others" */
static void describe(uint64_t missing, char why[MISSING_WORDS_MAX])
{
    int length = snprintf(why, MISSING_WORDS_MAX, "No answer from partition");
    const char *separator = " ";
    for (unsigned p = 0; p < PARTITIONS_MAX; p++) {
        if ((missing >> p & 1) == 0)
            continue;
        if (length > MISSING_WORDS_MAX - 20) {
            snprintf(why + length, (size_t)(MISSING_WORDS_MAX - length), " and others");
            return;
        }
        length += snprintf(why + length, (size_t)(MISSING_WORDS_MAX - length), "%s%u", separator, p);
        separator = ", ";
    }
}

static bool any_refused(const struct readiness *readiness)
{
    for (unsigned i = 0; i < readiness->threads; i++) {
        if (atomic_load_explicit(&readiness->refused[i], memory_order_relaxed) != 0)
            return true;
    }
    return false;
}

/* The first detail remains. */
static bool conditions_hold(const struct readiness *readiness, char why[READINESS_WORDS_MAX])
{
    for (unsigned i = 0; i < readiness->conditions_count; i++) {
        const struct readiness_condition *condition = &readiness->conditions[i];
        char more[READINESS_WORDS_MAX] = "";
        bool holds = condition->ready(condition->arg, more);
        if (!holds || why[0] == '\0')
            memcpy(why, more, sizeof more);
        if (!holds)
            return false;
    }
    return true;
}

bool readiness_read(const struct readiness *readiness, char why[READINESS_WORDS_MAX])
{
    uint64_t missing = readiness->all & ~common(readiness, readiness->up);
    why[0] = '\0';
    if (atomic_load_explicit(&readiness->draining, memory_order_relaxed)) {
        snprintf(why, READINESS_WORDS_MAX, "The gateway is draining.");
        return false;
    }
    if (!conditions_hold(readiness, why))
        return false;
    if (missing != 0 && why[0] == '\0' && any_refused(readiness))
        snprintf(why, READINESS_WORDS_MAX,
                 "No answer from partitions: the handshake fails; cluster/secret_file must be the same for all roles.");
    else if (missing != 0 && why[0] == '\0')
        describe(missing, why);
    else if (readiness->advice != NULL && why[0] == '\0')
        snprintf(why, READINESS_WORDS_MAX, "%s", readiness->advice);
    return common(readiness, readiness->ever_up) == readiness->all;
}
