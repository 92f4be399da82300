/*
 * The small HTTP port of operators, which each role has: GET /metrics, /livez, /readyz. A libmicrohttpd daemon on a
 * thread of its own for each address (shared/listen.h). /livez and /readyz answer {"status":"live"} or
 * {"status":"ready"} with 200, else another status with 503; what is missing, or worth knowing, stands in "detail", and
 * the address that a gateway serves clients on in "http".
 */
#ifndef COUPOND_STATUS_HTTP_H
#define COUPOND_STATUS_HTTP_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/error.h"
#include "shared/limits.h"

struct status_http;

#define STATUS_LIVE_LIMIT_US                                                                                           \
    INT64_C(30000000) /* a thread that stands for longer is not live: see shared/telemetry/pulse.h */

/* Asked on the daemon's thread: true when the role can do its work; else false and what is missing in `why`, which was
 * empty (NUL-terminated, at most READY_WHY_MAX, in plain words). Words beside true are passed on as well. */
typedef bool (*status_ready_fn)(void *arg, char why[READY_WHY_MAX]);

/* All borrowed; what is NULL is left out. */
struct status_http_config {
    const char *option;  /* that the address stands in, for errors */
    const char *address; /* "HOST:PORT" to listen on, as shared/listen.h has it */
    const char *http;    /* what /readyz says as "http" */
    status_ready_fn ready;
    void *arg;
};

/* An empty address returns 0 and leaves *status NULL. -1 and `error` when it cannot listen. */
int status_http_open(struct status_http **status, const struct status_http_config *config, struct error *error);
void status_http_close(struct status_http **status);

#endif
