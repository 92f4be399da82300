#include "gateway/live/watched.h"

#include <stdlib.h>
#include <string.h>

#include "shared/error.h"

enum { WATCHERS_FIRST = 4 };

/* --- what is known --- */

int64_t live_watched_issuer_us(const struct live_watched *watched, int64_t now_us)
{
    return now_us > watched->reported_us ? watched->issuer_us + (now_us - watched->reported_us) : watched->issuer_us;
}

static void take(struct live_watched *watched, const struct live_report *report, int64_t now_us)
{
    watched->asked_us = report->asked_us;
    watched->reported_us = report->reported_us;
    watched->issuer_us = report->issuer_us;
    live_rate_add(&watched->rate, report->issuer_us, report->coupon->issued);
    live_view_set(&watched->view, report->coupon, live_watched_issuer_us(watched, now_us));
    watched->view.rate_tenths = live_rate_tenths(&watched->rate);
}

struct live_watched *live_watched_create(const struct live_report *report, int64_t now_us)
{
    struct live_watched *watched = calloc(1, sizeof *watched);
    CHECK(watched != NULL);
    take(watched, report, now_us);
    watched->lap_at_us = now_us;
    return watched;
}

void live_watched_destroy(struct live_watched **watched)
{
    CHECK((*watched)->count == 0 && (*watched)->lap == LIVE_LAP_NONE);
    free((*watched)->watchers);
    free(*watched);
    *watched = NULL;
}

void live_watched_report(struct live_watched *watched, const struct live_report *report, int64_t now_us)
{
    char before[LIVE_EVENT_MAX], after[LIVE_EVENT_MAX];
    bool was_away = watched->away;
    live_event_coupon(before, &watched->view, 0);
    watched->away = false;
    take(watched, report, now_us);
    live_event_coupon(after, &watched->view, 0); /* time alone is no change */
    if (was_away || strcmp(before, after) != 0)
        watched->generation++;
}

void live_watched_notice(struct live_watched *watched, int64_t now_us, int64_t limit_us)
{
    enum coupon_state state = live_view_state(&watched->view, live_watched_issuer_us(watched, now_us));
    bool away = now_us - watched->asked_us > limit_us;
    if (state == watched->view.state && away == watched->away)
        return;
    watched->view.state = state;
    watched->away = away;
    watched->generation++;
}

size_t live_watched_event(const struct live_watched *watched, int64_t now_us, char out[LIVE_EVENT_MAX])
{
    if (watched->away)
        return live_event_unavailable(out, watched->view.id, watched->issuer_us);
    return live_event_coupon(out, &watched->view, live_watched_issuer_us(watched, now_us));
}

/* --- watchers --- */

uint32_t live_watched_add(struct live_watched *watched, struct connection *connection, bool chunked)
{
    if (watched->count == watched->capacity) {
        watched->capacity = watched->capacity == 0 ? WATCHERS_FIRST : watched->capacity * 2;
        watched->watchers = realloc(watched->watchers, watched->capacity * sizeof *watched->watchers);
        CHECK(watched->watchers != NULL);
    }
    watched->watchers[watched->count] = (struct live_watcher){connection, watched->generation, chunked};
    return watched->count++;
}

static void move(struct live_watched *watched, uint32_t from, uint32_t to)
{
    if (from == to)
        return;
    watched->watchers[to] = watched->watchers[from];
    watched->watchers[to].connection->watcher_index = to;
}

/* The hole among those that the walk has passed is filled by one of them, so that it moves to the cursor. */
void live_watched_remove(struct live_watched *watched, uint32_t index)
{
    CHECK(index < watched->count);
    if (index < watched->cursor) {
        move(watched, --watched->cursor, index);
        index = watched->cursor;
    }
    move(watched, --watched->count, index);
}
