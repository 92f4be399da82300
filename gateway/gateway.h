/*
 * The gateway role: HTTP in, batch frames to the issuer, HTTP out. Stateless.
 * gateway_start() runs options->gateway_threads actors, each an event loop on a thread of its own with its own
 * listening socket (SO_REUSEPORT) and one DEALER a partition; nothing is shared between them.
 */
#ifndef COUPOND_GATEWAY_H
#define COUPOND_GATEWAY_H

#include <stdbool.h>

#include "shared/error.h"
#include "shared/options.h"

struct gateway;

/* Listens and starts the threads. -1 and `error` when it cannot listen or an endpoint makes no sense. `options` is
 * borrowed and outlives it. */
int gateway_start(struct gateway **gateway, const struct options *options, struct error *error);
/* Whether every thread hears every partition of the issuer; `why` says which does not. On any thread; `gateway` is a
 * struct gateway, and NUL-terminated words go to `why`, which was empty. */
bool gateway_ready(void *gateway, char why[128]);
/* The port it listens on: that of gateway/http, or the one that was chosen when that is 0. */
uint16_t gateway_port(const struct gateway *gateway);
/* Drains as SIGTERM promises: readiness fails and answers say "Connection: close", gateway/drain_delay_ms later
 * listening stops, requests in flight are answered for gateway/drain_timeout_ms more at the most. Joins, frees. */
void gateway_stop(struct gateway **gateway);

#endif
