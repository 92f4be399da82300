#include "gateway/live/laps.h"

#include <string.h>

#include "gateway/connection/watcher.h"
#include "gateway/live/pace.h"
#include "shared/error.h"

static const char last_chunk[] = "0\r\n\r\n";

/* --- one watcher --- */

/* True when the text was sent; sending may remove the watcher. */
static bool send_text(struct live_laps *laps, const struct live_watched *watched, const struct live_watcher *watcher)
{
    const char *text = watcher->chunked ? watched->text : watched->text + watched->plain_at;
    size_t length = watcher->chunked ? watched->text_length : watched->plain_length;
    bool sent = connection_watcher_send(watcher->connection, text, length);
    metrics_add(laps->metrics, METRIC_GATEWAY_EVENTS, sent ? METRIC_EVENT_SENT : METRIC_EVENT_SKIPPED, 1);
    return sent;
}

/* Returns the number of writes. */
static unsigned send_event(struct live_laps *laps, struct live_watched *watched, struct live_watcher *watcher)
{
    uint32_t before = watcher->generation;
    if ((int32_t)(before - watched->lap_generation) >= 0)
        return 0;
    watcher->generation = watched->lap_generation;
    if (send_text(laps, watched, watcher))
        return 1;
    watcher->generation = before; /* it has not been removed */
    watched->skipped++;
    return 0;
}

static void end_stream(const struct live_watcher *watcher)
{
    connection_watcher_end(watcher->connection, last_chunk, watcher->chunked ? sizeof last_chunk - 1 : 0);
}

/* --- a lap --- */

/* Returns the number of writes. Ending a stream removes its watcher, and another takes its place. */
static unsigned visit_next(struct live_laps *laps, struct live_watched *watched)
{
    if (watched->lap == LIVE_LAP_END) {
        end_stream(&watched->watchers[watched->cursor]);
        return 1;
    }
    struct live_watcher *watcher = &watched->watchers[watched->cursor++];
    if (watched->lap == LIVE_LAP_HEARTBEAT)
        return send_text(laps, watched, watcher);
    return send_event(laps, watched, watcher);
}

/* Returns the number of writes. */
static unsigned walk(struct live_laps *laps, struct live_watched *watched, unsigned writes_max)
{
    unsigned writes = 0;
    for (unsigned looks = 0; looks < LIVE_STEP_LOOKS && writes < writes_max; looks++) {
        if (watched->cursor >= watched->count)
            break;
        writes += visit_next(laps, watched);
    }
    return writes;
}

static void append(struct live_laps *laps, struct live_watched *watched)
{
    watched->lap_next = NULL;
    if (laps->last != NULL)
        laps->last->lap_next = watched;
    else
        laps->first = watched;
    laps->last = watched;
}

static struct live_watched *take_first(struct live_laps *laps)
{
    struct live_watched *watched = laps->first;
    laps->first = watched->lap_next;
    if (laps->first == NULL)
        laps->last = NULL;
    return watched;
}

static void on_step(uv_timer_t *timer)
{
    struct live_laps *laps = timer->data;
    unsigned writes = 0;
    for (unsigned coupons = 0; laps->first != NULL && writes < LIVE_STEP_WRITES && coupons < LIVE_STEP_WRITES;
         coupons++) {
        struct live_watched *watched = take_first(laps);
        writes += walk(laps, watched, LIVE_STEP_WRITES - writes);
        if (watched->cursor < watched->count)
            append(laps, watched);
        else
            watched->lap = LIVE_LAP_NONE;
    }
    if (laps->first == NULL)
        uv_timer_stop(timer);
}

static void format(struct live_watched *watched, int64_t now_us)
{
    char text[LIVE_EVENT_MAX];
    size_t length =
        watched->lap == LIVE_LAP_HEARTBEAT ? live_event_heartbeat(text) : live_watched_event(watched, now_us, text);
    size_t chunk = live_event_chunk(watched->text, text, length);
    watched->text_length = (uint16_t)chunk;
    watched->plain_length = (uint16_t)length;
    watched->plain_at = (uint16_t)(chunk - length - 2);
}

void live_laps_begin(struct live_laps *laps, struct live_watched *watched, enum live_lap lap, int64_t now_us)
{
    bool under_way = watched->lap != LIVE_LAP_NONE;
    CHECK(!under_way || lap == LIVE_LAP_END);
    watched->lap = lap;
    watched->lap_at_us = now_us;
    watched->lap_generation = watched->generation;
    watched->cursor = 0;
    watched->skipped = 0;
    if (lap != LIVE_LAP_END)
        format(watched, now_us);
    if (!under_way)
        append(laps, watched);
    if (!uv_is_active((uv_handle_t *)&laps->timer))
        uv_timer_start(&laps->timer, on_step, 0, LIVE_STEP_MS);
}

void live_laps_init(struct live_laps *laps, uv_loop_t *uv, struct metrics *metrics)
{
    CHECK(uv_timer_init(uv, &laps->timer) == 0);
    laps->timer.data = laps;
    laps->metrics = metrics;
}
