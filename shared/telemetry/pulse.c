#include "shared/telemetry/pulse.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "shared/clock.h"
#include "shared/error.h"

/* All watched pulses, and the beats of destroyed ones. */
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct pulse *pulses;
static uint64_t past_beats;

struct pulse *pulse_create(const char *name, int index)
{
    struct pulse *pulse = aligned_alloc(_Alignof(struct pulse), sizeof *pulse);
    CHECK(pulse != NULL);
    *pulse = (struct pulse){.seen_us = clock_mono_us()};
    if (index >= 0)
        snprintf(pulse->name, sizeof pulse->name, "%s %d", name, index);
    else
        snprintf(pulse->name, sizeof pulse->name, "%s", name);
    pthread_mutex_lock(&mutex);
    pulse->next = pulses;
    pulses = pulse;
    past_beats++;
    pthread_mutex_unlock(&mutex);
    return pulse;
}

void pulse_destroy(struct pulse **pulse)
{
    struct pulse *self = *pulse;
    if (self == NULL)
        return;
    pthread_mutex_lock(&mutex);
    struct pulse **at = &pulses;
    while (*at != self)
        at = &(*at)->next;
    *at = self->next;
    past_beats += 1 + atomic_load_explicit(&self->beats, memory_order_relaxed);
    pthread_mutex_unlock(&mutex);
    free(self);
    *pulse = NULL;
}

/* Checks one pulse: for how long it has not beaten. */
static int64_t check(struct pulse *pulse, int64_t now_us)
{
    uint64_t beats = atomic_load_explicit(&pulse->beats, memory_order_relaxed);
    bool excused = atomic_load_explicit(&pulse->excused, memory_order_relaxed);
    if (beats != pulse->seen || excused) {
        pulse->seen = beats;
        pulse->seen_us = now_us;
    }
    return now_us - pulse->seen_us;
}

bool pulse_all_beat(int64_t limit_us, char why[128])
{
    int64_t now_us = clock_mono_us(), longest_us = 0;
    pthread_mutex_lock(&mutex);
    for (struct pulse *pulse = pulses; pulse != NULL; pulse = pulse->next) {
        int64_t stands_us = check(pulse, now_us);
        if (stands_us <= limit_us || stands_us <= longest_us)
            continue;
        longest_us = stands_us;
        snprintf(why, 128, "%s has not responded for %lld s", pulse->name, (long long)(stands_us / 1000000));
    }
    pthread_mutex_unlock(&mutex);
    return longest_us == 0;
}

uint64_t pulse_sum(void)
{
    pthread_mutex_lock(&mutex);
    uint64_t sum = past_beats;
    for (struct pulse *pulse = pulses; pulse != NULL; pulse = pulse->next)
        sum += atomic_load_explicit(&pulse->beats, memory_order_relaxed);
    pthread_mutex_unlock(&mutex);
    return sum;
}
