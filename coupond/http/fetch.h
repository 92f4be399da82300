/*
 * Resolves a server and sends single requests to it, each on its own connection. Blocking; on any thread.
 */
#ifndef COUPOND_HTTP_FETCH_H
#define COUPOND_HTTP_FETCH_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "coupond/http/response.h"
#include "coupond/http/url.h"
#include "shared/error.h"

struct http_server {
    struct sockaddr_storage address;
    socklen_t address_length;
    char authority[300]; /* HOST:PORT, for the Host header and messages */
};

/* Resolves the host; of several addresses takes the first that accepts connections. -1 and `error` when it is
 * unknown. */
int http_server_resolve(struct http_server *target, const struct http_url *url, struct error *error);

/* Sends one request (`body` may be NULL, `token` empty) and reads the response within `timeout_ms`. -1, `error` and
 * errno on failure. */
int http_fetch(const struct http_server *target, const char *method, const char *path, const char *token,
               const char *body, uint64_t timeout_ms, struct http_response *response, struct error *error);
/* GETs into `response`, which http_response_init_room() has initialized. */
int http_fetch_into(const struct http_server *target, const char *path, uint64_t timeout_ms,
                    struct http_response *response, struct error *error);

#endif
