/*
 * Laps: an event reaches all watchers of a coupon in small steps between other work (live/pace.h), a step of one coupon
 * after that of another. Used on its gateway thread.
 */
#ifndef COUPOND_LIVE_LAPS_H
#define COUPOND_LIVE_LAPS_H

#include <uv.h>

#include "gateway/live/watched.h"
#include "shared/telemetry/metrics.h"

struct live_laps {
    uv_timer_t timer; /* active while a lap is under way */
    struct metrics *metrics;
    struct live_watched *first;
    struct live_watched *last;
};

void live_laps_init(struct live_laps *laps, uv_loop_t *uv, struct metrics *metrics);

/* Begins a lap of what is known now. An event lap begins only when none is under way. */
void live_laps_begin(struct live_laps *laps, struct live_watched *watched, enum live_lap lap, int64_t now_us);

#endif
