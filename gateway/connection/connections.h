/*
 * What the connections of one gateway thread share, and what they tell the layer above them. On that thread.
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
    /* A whole request: it is answered, or sent on its way. */
    void (*on_request)(void *arg, struct connection *connection, const struct http_request *request);
    /* What could not be read as a request, came too slowly, or cannot be kept: it is answered, and the connection takes
     * no more. `reason` goes to the client; NULL: the code says it all. */
    void (*on_refusal)(void *arg, struct connection *connection, enum error_code code, const char *reason);
    /* A held exchange is alone on its connection now. */
    void (*on_turn)(void *arg, struct exchange *exchange);
    /* There is no room for this client: writes its answer, after which the connection is closed. */
    void (*on_turned_away)(void *arg, struct connection *connection);
    /* Before what was read is taken: true when the thread stood still before that, so that it counts for nothing. */
    bool (*stood_still)(void *arg);
    void *arg;
};

struct connections {
    const struct options *options;
    struct metrics *metrics;
    uv_loop_t *uv;
    struct exchanges *exchanges;
    struct connection_events events;
    struct http_limits limits;
    struct connection *open; /* all that are not closed */
    struct connection *free;
    struct connection *dirty; /* have something to read again or to write in this turn */
    unsigned count;           /* of those that are open */
    unsigned count_max;       /* set by the owner */
    size_t unread_bytes;      /* answers that connections keep for their readers */
    size_t kept_bytes;        /* of connections and requests, since the last look at the memory */
    struct timer_wheel wheel;
    bool draining; /* every answer is its connection's last */
    char read_buffer[CONNECTIONS_READ_BYTES];
};

/* All is borrowed. */
void connections_init(struct connections *connections, const struct options *options, struct metrics *metrics,
                      uv_loop_t *uv, struct exchanges *exchanges, const struct connection_events *events);

/* True while readers leave gateway/unread_bytes_max unread: large answers are refused, and no connection is kept more
 * for than it has. */
bool connections_crowded(const struct connections *connections);

/* Bytes are to be kept for a connection, or for a request that is not whole: looks at the memory before these are too
 * many. */
void connections_keep(struct connections *connections, size_t size);

#endif
