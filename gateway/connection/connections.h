/*
 * State shared by the connections of one gateway thread, and their events to the layer above. Used on that thread only.
 */
#ifndef COUPOND_CONNECTIONS_H
#define COUPOND_CONNECTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

#include "gateway/connection/exchange.h"
#include "gateway/connection/timer_wheel.h"
#include "gateway/http/request.h"
#include "gateway/reply/error_codes.h"
#include "shared/options/options.h"
#include "shared/telemetry/metrics.h"

#define CONNECTIONS_READ_BYTES ((size_t)64 * 1024)

struct connection;

struct connection_events {
    /* A complete request; the callee answers or forwards it. */
    void (*on_request)(void *arg, struct connection *connection, const struct http_request *request);
    /* Input that is not a valid request, arrived too slowly or cannot be stored. The callee answers, and the connection
     * accepts no more requests. `reason` is shown to the client; NULL: the error code suffices. */
    void (*on_refusal)(void *arg, struct connection *connection, enum error_code code, const char *reason);
    /* All answers before this held exchange are written. */
    void (*on_turn)(void *arg, struct exchange *exchange);
    /* There is no room for this client: the callee writes the answer, then the connection is closed. */
    void (*on_turned_away)(void *arg, struct connection *connection);
    /* Called before new input is processed. True when the thread had stood still, so that the input must be
     * discarded. */
    bool (*stood_still)(void *arg);
    void *arg;
};

/* Whoever writes to watchers (connection/watcher.h). */
struct connection_watchers {
    /* This connection is no watcher any more. */
    void (*on_left)(void *arg, struct connection *connection);
    void *arg;
};

struct connections {
    const struct options *options;
    struct metrics *metrics;
    uv_loop_t *uv;
    struct exchanges *exchanges;
    struct connection_events events;
    struct connection_watchers watchers; /* set by their owner before the first one begins */
    struct http_limits limits;
    struct connection *open; /* all that are not closed */
    struct connection *free;
    struct connection *dirty; /* need reading or writing in this turn */
    unsigned count;           /* open connections */
    unsigned count_max;       /* set by the owner */
    size_t unread_bytes;      /* buffered answers that clients have not read yet */
    size_t kept_bytes;        /* stored for connections and requests since the last memory check */
    struct timer_wheel wheel;
    bool draining; /* every further answer is its connection's last */
    char read_buffer[CONNECTIONS_READ_BYTES];
};

/* All pointers are borrowed. */
void connections_init(struct connections *connections, const struct options *options, struct metrics *metrics,
                      uv_loop_t *uv, struct exchanges *exchanges, const struct connection_events *events);

/* True when clients leave more than gateway/unread_bytes_max bytes of answers unread: large answers are refused, and a
 * connection with unwritten answers accepts no further requests. */
bool connections_unread_limit_reached(const struct connections *connections);

/* Call before storing `size` bytes for a connection or an incomplete request: checks the available memory in time. */
void connections_keep(struct connections *connections, size_t size);

#endif
