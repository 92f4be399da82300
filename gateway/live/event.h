/*
 * The text of server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html). Pure.
 */
#ifndef COUPOND_LIVE_EVENT_H
#define COUPOND_LIVE_EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/coupon.h"

#define LIVE_EVENT_MAX 640 /* bytes of any text of this header, with a NUL */

/* A coupon as watchers see it. */
struct live_view {
    char id[COUPON_ID_MAX + 1];
    enum coupon_state state;
    uint32_t quantity; /* QUANTITY_UNLIMITED: no bound */
    uint32_t issued;
    uint32_t returned;
    uint32_t remaining; /* QUANTITY_UNLIMITED: no bound */
    uint32_t redeemed;
    int64_t starts_at_us; /* TIME_NONE: no bound */
    int64_t ends_at_us;
    bool paused; /* with `archived` and the window, this gives the state at another time */
    bool archived;
    uint64_t version;
    uint64_t rate_tenths; /* issues per ten seconds */
};

/* Takes over everything but the rate; the state is that at `now_us`, a time of the issuer's clock. */
void live_view_set(struct live_view *view, const struct coupon *coupon, int64_t now_us);
/* The state at `now_us`. */
enum coupon_state live_view_state(const struct live_view *view, int64_t now_us);

/* Each function returns the length. The id of an event is its time in microseconds, so that it never decreases, from
 * whichever gateway a watcher has it. */

/* "event: coupon". */
size_t live_event_coupon(char out[LIVE_EVENT_MAX], const struct live_view *view, int64_t now_us);
/* "event: unavailable": what is known is from `since_us`. */
size_t live_event_unavailable(char out[LIVE_EVENT_MAX], const char *id, int64_t since_us);
/* A comment, which clients ignore. */
size_t live_event_heartbeat(char out[LIVE_EVENT_MAX]);
/* Tells the client to wait for `retry_ms` before it connects again. */
size_t live_event_retry(char out[LIVE_EVENT_MAX], unsigned retry_ms);

/* Wraps a text in a chunk of HTTP/1.1. */
#define LIVE_CHUNK_MAX (LIVE_EVENT_MAX + 16)
size_t live_event_chunk(char out[LIVE_CHUNK_MAX], const char *text, size_t length);

#endif
