/*
 * The small HTTP port for operators of each role: GET /metrics, /livez, /readyz. Each address (shared/listen.h) has a
 * libmicrohttpd daemon on its own thread. /livez and /readyz answer {"status":"live"} or {"status":"ready"} with 200,
 * otherwise another status with 503; "detail" explains what is missing or notable, and "http" gives the address on
 * which a gateway serves clients.
 */
#ifndef COUPOND_STATUS_HTTP_H
#define COUPOND_STATUS_HTTP_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/error.h"
#include "shared/limits.h"

struct status_http;

#define STATUS_LIVE_LIMIT_US                                                                                           \
    INT64_C(30000000) /* a thread that stands still longer is not live: see shared/telemetry/pulse.h */

/* Called on the daemon's thread: true when the role can do its work, otherwise false with the reason in `why`, which is
 * empty at the call (NUL-terminated, at most READY_WHY_MAX bytes). With true, `why` is passed on as well. */
typedef bool (*status_ready_fn)(void *arg, char why[READY_WHY_MAX]);

/* All borrowed; NULL members are optional. */
struct status_http_config {
    const char *option;  /* the option that holds the address, for errors */
    const char *address; /* "HOST:PORT" to listen on, as in shared/listen.h */
    const char *http;    /* the "http" member of /readyz */
    status_ready_fn ready;
    void *arg;
};

/* Returns 0 and leaves *status NULL for an empty address. -1 and `error` when it cannot listen. */
int status_http_open(const struct status_http_config *config, struct status_http **status, struct error *error);
void status_http_close(struct status_http **status);

#endif
