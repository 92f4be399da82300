#include "gateway/live/event.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "shared/clock.h"
#include "shared/error.h"

enum { NUMBER_MAX = 24, TIME_TEXT_MAX = RFC3339_MAX + 2 };

void live_view_set(struct live_view *view, const struct coupon *coupon, int64_t now_us)
{
    memcpy(view->id, coupon->id, sizeof view->id);
    view->quantity = coupon->quantity;
    view->issued = coupon->issued;
    view->returned = coupon->returned;
    view->remaining = coupon_remaining(coupon);
    view->redeemed = coupon->redeemed;
    view->starts_at_us = coupon->starts_at_us;
    view->ends_at_us = coupon->ends_at_us;
    view->paused = coupon->paused;
    view->archived = coupon->archived;
    view->version = coupon->journal_seq;
    view->state = live_view_state(view, now_us);
}

enum coupon_state live_view_state(const struct live_view *view, int64_t now_us)
{
    if (view->archived)
        return COUPON_ARCHIVED;
    return coupon_state_of(view->starts_at_us, view->ends_at_us, view->paused, view->remaining == 0, now_us);
}

__attribute__((format(printf, 2, 3))) static size_t print(char out[LIVE_EVENT_MAX], const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(out, LIVE_EVENT_MAX, format, arguments);
    va_end(arguments);
    CHECK(length > 0 && length < LIVE_EVENT_MAX);
    return (size_t)length;
}

/* A number of pieces, or null. */
static const char *pieces(char out[NUMBER_MAX], uint32_t number)
{
    if (number == QUANTITY_UNLIMITED)
        return "null";
    snprintf(out, NUMBER_MAX, "%" PRIu32, number);
    return out;
}

/* A time in quotes, or null. */
static const char *quoted_time(char out[TIME_TEXT_MAX], int64_t us)
{
    if (us == TIME_NONE)
        return "null";
    char *end = out + 1 + rfc3339_format(us, out + 1);
    out[0] = *end = '"';
    end[1] = '\0';
    return out;
}

size_t live_event_coupon(char out[LIVE_EVENT_MAX], const struct live_view *view, int64_t now_us)
{
    char quantity[NUMBER_MAX], remaining[NUMBER_MAX];
    char starts_at[TIME_TEXT_MAX], ends_at[TIME_TEXT_MAX], now[TIME_TEXT_MAX];
    return print(out,
                 "event: coupon\nid: %" PRId64 "\ndata: {\"id\":\"%s\",\"state\":\"%s\",\"quantity\":%s,"
                 "\"issued\":%" PRIu32 ",\"returned\":%" PRIu32 ",\"remaining\":%s,\"redeemed\":%" PRIu32
                 ",\"starts_at\":%s,\"ends_at\":%s,\"version\":%" PRIu64 ",\"rate\":%" PRIu64 ".%" PRIu64
                 ",\"now\":%s}\n\n",
                 now_us, view->id, coupon_state_name(view->state), pieces(quantity, view->quantity), view->issued,
                 view->returned, pieces(remaining, view->remaining), view->redeemed,
                 quoted_time(starts_at, view->starts_at_us), quoted_time(ends_at, view->ends_at_us), view->version,
                 view->rate_tenths / 10, view->rate_tenths % 10, quoted_time(now, now_us));
}

size_t live_event_unavailable(char out[LIVE_EVENT_MAX], const char *id, int64_t since_us)
{
    char since[TIME_TEXT_MAX];
    return print(out, "event: unavailable\ndata: {\"id\":\"%s\",\"since\":%s}\n\n", id, quoted_time(since, since_us));
}

size_t live_event_heartbeat(char out[LIVE_EVENT_MAX])
{
    return print(out, ":\n\n");
}

size_t live_event_retry(char out[LIVE_EVENT_MAX], unsigned retry_ms)
{
    return print(out, "retry: %u\n\n", retry_ms);
}

size_t live_event_chunk(char out[LIVE_CHUNK_MAX], const char *text, size_t length)
{
    CHECK(length < LIVE_EVENT_MAX);
    int head = snprintf(out, LIVE_CHUNK_MAX, "%zx\r\n", length);
    CHECK(head > 0 && (size_t)head + length + 2 < LIVE_CHUNK_MAX);
    char *end = (char *)memcpy(out + head, text, length) + length;
    end[0] = '\r';
    end[1] = '\n';
    return (size_t)head + length + 2;
}
