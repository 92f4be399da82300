/*
 * Pulses: each thread of a role beats once per turn, at least once a second, so that others can detect a hanging
 * thread. A beat is one relaxed store to a cache line of its own.
 */
#ifndef COUPOND_PULSE_H
#define COUPOND_PULSE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define PULSE_TURN_MS_MAX 1000 /* no turn waits longer */

struct pulse {
    /* shared: written by the owner only, relaxed; orders nothing else */
    _Alignas(64) _Atomic uint64_t beats;
    _Atomic bool excused;
    /* private to telemetry/pulse.c, under its mutex */
    _Alignas(64) uint64_t seen;
    int64_t seen_us;
    char name[48];
    struct pulse *next;
};

/* Creates a pulse, watched from now on; `name` and `index` (unless negative) identify the thread in messages. Any
 * thread. */
struct pulse *pulse_create(const char *name, int index);
/* Ends watching, frees the pulse and sets *pulse to NULL. */
void pulse_destroy(struct pulse **pulse);

/* On the owner's thread. */
static inline void pulse_beat(struct pulse *pulse)
{
    uint64_t beats = atomic_load_explicit(&pulse->beats, memory_order_relaxed);
    atomic_store_explicit(&pulse->beats, beats + 1, memory_order_relaxed);
}

/* On the owner's thread: suspends watching during a call that may take long and has its own timeout. */
static inline void pulse_excuse(struct pulse *pulse, bool excused)
{
    pulse_beat(pulse);
    atomic_store_explicit(&pulse->excused, excused, memory_order_relaxed);
}

/* Any thread: false when a thread that is not excused has not beaten for longer than `limit_us`; `why` names it and the
 * time. The time counts from the last check that saw a beat, so it is never too long. */
bool pulse_all_beat(int64_t limit_us, char why[128]);
/* Any thread: a number that changes while any thread beats, excused or not. */
uint64_t pulse_sum(void);

#endif
