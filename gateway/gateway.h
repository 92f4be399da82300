/*
 * The gateway role: receives HTTP requests, sends them to the issuer in batch frames, and returns the answers.
 * Stateless. gateway_start() runs options->gateway_threads actors, each an event loop on its own thread with its own
 * listening sockets (SO_REUSEPORT) and one DEALER per partition; they share no connections. Operators have a separate
 * port (options->gateway_operator_http) on its own thread, which responds even when the loops are busy.
 */
#ifndef COUPOND_GATEWAY_H
#define COUPOND_GATEWAY_H

#include <stdbool.h>

#include "shared/error.h"
#include "shared/limits.h"
#include "shared/options/options.h"

struct gateway;

/* Listens and starts the threads. -1 and `error` when it cannot listen or an endpoint is invalid. `options` is borrowed
 * and must outlive the gateway. */
int gateway_start(const struct options *options, struct gateway **gateway, struct error *error);
/* The same in a process with other roles, which may still be starting: the gateway is ready only while `others_ready`
 * returns true. It is called on any thread; its text is added to `why`. */
int gateway_start_beside(const struct options *options, bool (*others_ready)(void *others, char why[READY_WHY_MAX]),
                         void *others, struct gateway **gateway, struct error *error);
/* True once every thread has received a reply from every partition, until gateway_stop(). In both cases `why` names the
 * partitions that some thread currently gets no reply from, as NUL-terminated text. `gateway` is a struct gateway.
 * Callable on any thread. */
bool gateway_ready(void *gateway, char why[READY_WHY_MAX]);
/* The port it listens on: that of gateway/http, or the one that the kernel chose when that is 0. */
uint16_t gateway_port(const struct gateway *gateway);
/* Drains as documented for SIGTERM: readiness fails and answers carry "Connection: close"; after gateway/drain_delay_ms
 * listening stops; requests in flight have up to gateway/drain_timeout_ms more. Then joins the threads and frees
 * everything. */
void gateway_stop(struct gateway **gateway);

#endif
