/*
 * TLS client for a Redis connection; verifies the server's certificate and name. It converts between two byte streams
 * and owns no socket: encrypted bytes in, plain bytes out, and vice versa; so the handshake never blocks the loop. All
 * connections of a thread share one context.
 *
 *   HANDSHAKING ──► READY
 *        └────────────┴────► FAILED
 */
#ifndef COUPOND_REDIS_TLS_H
#define COUPOND_REDIS_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "gateway/http/buffer.h"
#include "shared/error.h"

struct redis_tls_context;
struct redis_tls;

enum redis_tls_state { REDIS_TLS_HANDSHAKING, REDIS_TLS_READY, REDIS_TLS_FAILED };

/* `ca` is a PEM file of CA certificates, or "" for the system's. NULL and `error` when it cannot be used. */
struct redis_tls_context *redis_tls_context_create(const char *ca, struct error *error);
void redis_tls_context_destroy(struct redis_tls_context **context);

/* For a server with this name or IP address. */
struct redis_tls *redis_tls_create(struct redis_tls_context *context, const char *host);
void redis_tls_destroy(struct redis_tls **tls);

/* Adds received bytes. */
void redis_tls_feed(struct redis_tls *tls, const char *bytes, size_t size);
/* Continues the handshake as far as the received bytes allow. */
enum redis_tls_state redis_tls_shake(struct redis_tls *tls);
/* Reads plain bytes once READY: returns their number, 0 when more input is needed, -1 when it has FAILED or the server
 * has ended the session. */
ssize_t redis_tls_read(struct redis_tls *tls, char *bytes, size_t size);
/* Encrypts plain bytes once READY. False when it has FAILED. */
bool redis_tls_write(struct redis_tls *tls, const char *bytes, size_t size);
/* Appends the bytes to be sent. */
void redis_tls_take(struct redis_tls *tls, struct buffer *out);
/* Why it FAILED: constant text. */
const char *redis_tls_trouble(const struct redis_tls *tls);

#endif
