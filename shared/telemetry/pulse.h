/*
 * Pulses: each thread of a role beats once a turn, at least once a second, so that others can tell whether it still
 * goes round. A beat is one relaxed store to a cache line of its own.
 */
#ifndef COUPOND_PULSE_H
#define COUPOND_PULSE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define PULSE_TURN_MS_MAX 1000 /* no turn waits for longer */

struct pulse {
    /* shared: written by the owner alone, relaxed; nothing else is ordered by them */
    _Alignas(64) _Atomic uint64_t beats;
    _Atomic bool excused;
    /* private to telemetry/pulse.c, under its mutex */
    _Alignas(64) uint64_t seen;
    int64_t seen_us;
    char name[48];
    struct pulse *next;
};

/* A new one, which is watched from now on; `name` and `index` (when not negative) say whose in messages. On any thread.
 */
struct pulse *pulse_create(const char *name, int index);
/* Nobody watches any more. Nulls it. */
void pulse_destroy(struct pulse **pulse);

/* On the owner's thread. */
static inline void pulse_beat(struct pulse *pulse)
{
    uint64_t beats = atomic_load_explicit(&pulse->beats, memory_order_relaxed);
    atomic_store_explicit(&pulse->beats, beats + 1, memory_order_relaxed);
}

/* On the owner's thread: while it is in a call that may take long and has limits of its own, nobody judges it. */
static inline void pulse_excuse(struct pulse *pulse, bool excused)
{
    pulse_beat(pulse);
    atomic_store_explicit(&pulse->excused, excused, memory_order_relaxed);
}

/*
 * On any thread: false when some thread that is not excused has been seen without a beat for longer than `limit_us`;
 * `why` names it and says for how long. How long a thread stands is told from when somebody last looked, never too
 * early.
 */
bool pulse_all_beat(int64_t limit_us, char why[128]);
/* On any thread: a number that changes while any thread beats, excused or not. */
uint64_t pulse_sum(void);

#endif
