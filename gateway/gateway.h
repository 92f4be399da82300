/*
 * The gateway role: HTTP in, batch frames to the issuer, HTTP out. Stateless.
 * gateway_start() runs options->gateway_threads actors, each an event loop on a thread of its own with its own
 * listening sockets (SO_REUSEPORT) and one DEALER a partition; nothing is shared between them. Operators have a port of
 * their own (options->gateway_operator_http), on its own thread, which answers however busy the loops are.
 */
#ifndef COUPOND_GATEWAY_H
#define COUPOND_GATEWAY_H

#include <stdbool.h>

#include "shared/error.h"
#include "shared/limits.h"
#include "shared/options/options.h"

struct gateway;

/* Listens and starts the threads. -1 and `error` when it cannot listen or an endpoint makes no sense. `options` is
 * borrowed and outlives it. */
int gateway_start(struct gateway **gateway, const struct options *options, struct error *error);
/* The same in a process with other roles, which may still be starting: it is ready only while `others_ready` says so,
 * which is asked on any thread, and tells what that puts into `why`. */
int gateway_start_beside(struct gateway **gateway, const struct options *options,
                         bool (*others_ready)(void *others, char why[READY_WHY_MAX]), void *others,
                         struct error *error);
/* True from the moment when every thread has heard every partition of the issuer, until gateway_stop(). `why` says
 * which partitions some thread does not hear now, in both cases. On any thread; `gateway` is a struct gateway, and
 * NUL-terminated words go to `why`. */
bool gateway_ready(void *gateway, char why[READY_WHY_MAX]);
/* The port it listens on: that of gateway/http, or the one that was chosen when that is 0. */
uint16_t gateway_port(const struct gateway *gateway);
/* Drains as SIGTERM promises: readiness fails and answers say "Connection: close", gateway/drain_delay_ms later
 * listening stops, requests in flight are answered for gateway/drain_timeout_ms more at the most. Joins, frees. */
void gateway_stop(struct gateway **gateway);

#endif
