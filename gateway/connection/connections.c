#include "gateway/connection/connections.h"

#include "shared/clock.h"
#include "shared/process/memory.h"

#define KEPT_BYTES_MAX ((size_t)256 * 1024) /* far below the reserve at which memory counts as scarce */
#define WHEEL_TICK_MS  100

void connections_init(struct connections *connections, const struct options *options, struct metrics *metrics,
                      uv_loop_t *uv, struct exchanges *exchanges, const struct connection_events *events)
{
    connections->options = options;
    connections->metrics = metrics;
    connections->uv = uv;
    connections->exchanges = exchanges;
    connections->events = *events;
    connections->limits =
        (struct http_limits){(size_t)options->gateway_header_bytes_max, (size_t)options->gateway_body_bytes_max};
    timer_wheel_init(&connections->wheel, WHEEL_TICK_MS, uv_now(uv));
}

bool connections_unread_limit_reached(const struct connections *connections)
{
    return connections->unread_bytes >= (size_t)connections->options->gateway_unread_bytes_max;
}

void connections_keep(struct connections *connections, size_t size)
{
    connections->kept_bytes += size;
    if (connections->kept_bytes < KEPT_BYTES_MAX)
        return;
    connections->kept_bytes = 0;
    memory_check(clock_mono_us(), 1); /* the current time, not the turn's: much input may arrive within one turn */
}
