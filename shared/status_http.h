/*
 * The small HTTP port of issuer and persister: GET /metrics, /livez, /readyz. A libmicrohttpd daemon on a thread of its
 * own.
 */
#ifndef COUPOND_STATUS_HTTP_H
#define COUPOND_STATUS_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/error.h"

struct status_http;

/* Asked on the daemon's thread: true when the role can do its work; else false and a few words in `why`
 * (NUL-terminated, at most 128). */
typedef bool (*status_ready_fn)(void *arg, char why[128]);

/* Listens on "HOST:PORT"; an empty address returns 0 and leaves *status NULL. -1 and `error` when it cannot. */
int status_http_open(struct status_http **status, const char *address, status_ready_fn ready, void *arg,
                     struct error *error);
void status_http_close(struct status_http **status);

/* Splits "HOST:PORT" or "[V6]:PORT"; false when it is neither. */
bool address_split(const char *address, char *host, size_t host_size, uint16_t *port);

#endif
