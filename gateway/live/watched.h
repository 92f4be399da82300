/*
 * A coupon that is watched: what is known of it, and its watchers. They sit in an array, so that a step over thousands
 * of them reads memory in order; a watcher's connection knows its index. Used on its gateway thread.
 */
#ifndef COUPOND_LIVE_WATCHED_H
#define COUPOND_LIVE_WATCHED_H

#include <stdbool.h>
#include <stdint.h>

#include "gateway/connection/connection.h"
#include "gateway/live/event.h"
#include "gateway/live/rate.h"

/* A walk over all watchers. */
enum live_lap {
    LIVE_LAP_NONE,
    LIVE_LAP_EVENT,     /* sends what has changed to those who do not have it */
    LIVE_LAP_HEARTBEAT, /* sends a comment to all */
    LIVE_LAP_END,       /* ends all streams */
};

struct live_watcher {
    struct connection *connection;
    uint32_t generation; /* of the last event sent */
    bool chunked;        /* HTTP/1.1 */
};

/* A coupon as the issuer or Redis reported it. Times as in policy/cache.h. */
struct live_report {
    const struct coupon *coupon;
    int64_t asked_us;
    int64_t reported_us;
    int64_t issuer_us;
};

struct live_watched {
    struct live_watched *previous; /* of all */
    struct live_watched *next;
    struct live_watched *chained; /* of the same bucket */
    /* what is known */
    struct live_view view;
    struct live_rate rate;
    int64_t asked_us;
    int64_t reported_us;
    int64_t issuer_us;
    bool away;           /* nothing new is known any more, and watchers hear so */
    uint32_t generation; /* of what watchers hear; increases with each change */
    int64_t ask_at_us;   /* the next question */
    /* watchers */
    struct live_watcher *watchers;
    uint32_t count;
    uint32_t capacity;
    /* the walk */
    enum live_lap lap;
    int64_t lap_at_us; /* begin of the last one */
    uint32_t lap_generation;
    uint32_t cursor;  /* the next watcher */
    uint32_t skipped; /* did not take the event of the last walk */
    struct live_watched *lap_next;
    char text[LIVE_CHUNK_MAX]; /* what the walk sends, as a chunk */
    uint16_t text_length;
    uint16_t plain_at; /* the same without the chunk */
    uint16_t plain_length;
};

struct live_watched *live_watched_create(const struct live_report *report, int64_t now_us);
/* No watcher may be left. */
void live_watched_destroy(struct live_watched **watched);

/* Takes over a newer report. */
void live_watched_report(struct live_watched *watched, const struct live_report *report, int64_t now_us);
/* Notices what changes with time alone: the state, and that nothing new has been reported since `limit_us` ago. */
void live_watched_notice(struct live_watched *watched, int64_t now_us, int64_t limit_us);

/* Lower bound on the issuer's clock. */
int64_t live_watched_issuer_us(const struct live_watched *watched, int64_t now_us);
/* The event that tells what is known now; its length. */
size_t live_watched_event(const struct live_watched *watched, int64_t now_us, char out[LIVE_EVENT_MAX]);

/* Adds a watcher, to whom live_watched_event() is being sent; its index. */
uint32_t live_watched_add(struct live_watched *watched, struct connection *connection, bool chunked);
/* Removes a watcher; a walk still reaches each of the others once. */
void live_watched_remove(struct live_watched *watched, uint32_t index);

#endif
