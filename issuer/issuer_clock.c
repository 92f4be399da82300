#include "issuer/issuer_clock.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "issuer/corrected_clock.h"
#include "shared/clock.h"
#include "shared/error.h"
#include "shared/telemetry/log.h"
#include "shared/telemetry/metrics.h"

#define JUDGE_INTERVAL_US 10000   /* between two readings of the wall clock */
#define READING_US_MAX    1000    /* two readings further apart cannot be compared */
#define JOURNAL_AHEAD_US  5000000 /* report journals that are further ahead */
#define BEHIND_US         INT64_C(3600000000)

struct issuer_clock {
    /* shared: written under the mutex, read on any thread; the values are independent, so relaxed is enough */
    _Atomic int64_t offset_us;
    _Atomic int64_t error_us; /* 0: trusted */
    _Atomic int64_t judge_at_us;
    _Atomic int64_t journal_us; /* the latest time in a journal */

    pthread_mutex_t mutex; /* readers of the time only try to lock it */
    struct corrected_clock judged;
    struct metrics *metrics;
};

/* Reads both clocks at one moment. False when the thread was interrupted between them. */
static bool read_clocks(int64_t *wall_us, int64_t *steady_us)
{
    int64_t before = clock_boot_us();
    *wall_us = clock_wall_us();
    *steady_us = clock_boot_us();
    return *steady_us - before <= READING_US_MAX;
}

static int64_t ahead_of(const struct issuer_clock *clock, int64_t now_us)
{
    int64_t ahead = atomic_load_explicit(&clock->journal_us, memory_order_relaxed) - now_us;
    return ahead > JOURNAL_AHEAD_US ? ahead : 0;
}

static void publish(struct issuer_clock *clock)
{
    int64_t error = corrected_clock_error(&clock->judged);
    atomic_store_explicit(&clock->offset_us, clock->judged.offset_us, memory_order_relaxed);
    atomic_store_explicit(&clock->error_us, error, memory_order_relaxed);
    metrics_set(clock->metrics, METRIC_ISSUER_CLOCK_OFFSET, 0, error);
    metrics_set(clock->metrics, METRIC_ISSUER_CLOCK_SUSPECT, 0, clock->judged.state != CORRECTED_TRUSTED);
    metrics_set(clock->metrics, METRIC_ISSUER_CLOCK_JOURNAL_AHEAD, 0,
                ahead_of(clock, corrected_clock_at(&clock->judged, clock->judged.steady_us)));
}

static void log_step(const struct corrected_clock *judged)
{
    double seconds = (double)corrected_clock_error(judged) / 1e6;
    log_error("issuer",
              "the wall clock stepped %s by %.3f s, which the monotonic clock contradicts: ignored unless "
              "it lasts for %.3f s; until then windows follow the monotonic clock",
              seconds < 0 ? "back" : "ahead", seconds < 0 ? -seconds : seconds, (double)judged->settle_us / 1e6);
}

static void log_event(const struct corrected_clock *judged, enum corrected_event event)
{
    switch (event) {
    case CORRECTED_NOTHING:
        break;
    case CORRECTED_STEPPED:
        log_step(judged);
        break;
    case CORRECTED_RETURNED:
        log_info("issuer", "the wall clock agrees with the monotonic clock again");
        break;
    case CORRECTED_BELIEVED:
        log_warn("issuer", "the wall clock has kept its new time for %.3f s: the issuer follows it from now on",
                 (double)judged->settle_us / 1e6);
        break;
    }
}

struct issuer_clock *issuer_clock_create(int64_t settle_ms)
{
    struct issuer_clock *clock = calloc(1, sizeof *clock);
    CHECK(clock != NULL);
    CHECK(pthread_mutex_init(&clock->mutex, NULL) == 0);
    clock->metrics = metrics_create("issuer", -1);
    int64_t wall_us, steady_us;
    while (!read_clocks(&wall_us, &steady_us))
        ;
    corrected_clock_init(&clock->judged, settle_ms * 1000, 1, wall_us, steady_us);
    if (clock->judged.state != CORRECTED_TRUSTED)
        log_error("issuer", "the wall clock shows a time before 1970 or after 2112: set it; until then time "
                            "continues from the latest time in the journals");
    publish(clock);
    return clock;
}

void issuer_clock_destroy(struct issuer_clock **clock)
{
    if (*clock == NULL)
        return;
    pthread_mutex_destroy(&(*clock)->mutex);
    free(*clock);
    *clock = NULL;
}

static void judge(struct issuer_clock *clock)
{
    int64_t wall_us, steady_us;
    if (pthread_mutex_trylock(&clock->mutex) != 0)
        return;
    if (read_clocks(&wall_us, &steady_us)) {
        enum corrected_event event = corrected_clock_judge(&clock->judged, wall_us, steady_us);
        log_event(&clock->judged, event);
        publish(clock);
        atomic_store_explicit(&clock->judge_at_us, steady_us + JUDGE_INTERVAL_US, memory_order_relaxed);
    }
    pthread_mutex_unlock(&clock->mutex);
}

int64_t issuer_clock_now_us(struct issuer_clock *clock)
{
    int64_t steady_us = clock_boot_us();
    if (steady_us >= atomic_load_explicit(&clock->judge_at_us, memory_order_relaxed))
        judge(clock);
    struct corrected_clock view = {.offset_us = atomic_load_explicit(&clock->offset_us, memory_order_relaxed)};
    return corrected_clock_at(&view, steady_us);
}

static void log_journal_time(unsigned partition, int64_t ahead_us)
{
    if (ahead_us > JOURNAL_AHEAD_US)
        log_error("issuer",
                  "the journal contains times %.0f s in the future: the clock was wrong when it was written, or is "
                  "wrong now (set it). Windows follow the clock as it is; new issues of the coupons that were issued "
                  "then get the later time until it has passed partition=%u",
                  (double)ahead_us / 1e6, partition);
    else if (ahead_us < -BEHIND_US) /* as after every quiet night, so not a warning */
        log_info("issuer", "the last time in the journal is %.1f hours before the clock partition=%u",
                 (double)-ahead_us / 3.6e9, partition);
}

/* Without a valid wall clock, time continues from the end of the journals. */
static void go_on_from(struct issuer_clock *clock, int64_t latest_us)
{
    pthread_mutex_lock(&clock->mutex);
    struct corrected_clock *judged = &clock->judged;
    if (judged->state != CORRECTED_TRUSTED && latest_us > corrected_clock_at(judged, judged->steady_us)) {
        judged->offset_us = latest_us - judged->steady_us;
        publish(clock);
    }
    pthread_mutex_unlock(&clock->mutex);
}

void issuer_clock_note_journal(struct issuer_clock *clock, unsigned partition, int64_t latest_us)
{
    if (latest_us <= 0)
        return;
    bool trusted = atomic_load_explicit(&clock->error_us, memory_order_relaxed) == 0;
    if (!trusted)
        go_on_from(clock, latest_us);
    int64_t before = atomic_load_explicit(&clock->journal_us, memory_order_relaxed);
    while (before < latest_us && !atomic_compare_exchange_weak(&clock->journal_us, &before, latest_us))
        ;
    log_journal_time(partition, latest_us - issuer_clock_now_us(clock));
}

bool issuer_clock_describe(struct issuer_clock *clock, char *why, size_t size)
{
    int64_t now_us = issuer_clock_now_us(clock);
    int64_t error = atomic_load_explicit(&clock->error_us, memory_order_relaxed);
    int64_t ahead = ahead_of(clock, now_us);
    if (error != 0)
        snprintf(why, size, "the wall clock stepped by %.1f s and is ignored: windows follow the monotonic clock",
                 (double)error / 1e6);
    else if (ahead > 0)
        snprintf(why, size, "the journal contains times %.0f s in the future: the clock is or was wrong",
                 (double)ahead / 1e6);
    return error != 0 || ahead > 0;
}
