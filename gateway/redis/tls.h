/*
 * TLS of a connection to Redis, as a client that checks the server's certificate and its name. It stands between two
 * byte streams and owns no socket: sealed bytes from the wire go in, plain ones come out, and the other way round; so
 * the hand-shake never blocks the loop. A context is for all connections of a thread.
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

/* `ca` is a PEM file with authorities, or "" for the system's. NULL and an error when it cannot be used. */
struct redis_tls_context *redis_tls_context_create(const char *ca, struct error *error);
void redis_tls_context_destroy(struct redis_tls_context **context);

/* For a server of this name or IP address. */
struct redis_tls *redis_tls_create(struct redis_tls_context *context, const char *host);
void redis_tls_destroy(struct redis_tls **tls);

/* Takes bytes that came. */
void redis_tls_feed(struct redis_tls *tls, const char *bytes, size_t size);
/* Goes on with the hand-shake, as far as the bytes allow. */
enum redis_tls_state redis_tls_shake(struct redis_tls *tls);
/* Plain bytes once it is READY: how many, 0 when more must come first, -1 when it has FAILED or the server has ended
 * it. */
ssize_t redis_tls_read(struct redis_tls *tls, char *bytes, size_t size);
/* Seals plain bytes once it is READY. False when it has FAILED. */
bool redis_tls_write(struct redis_tls *tls, const char *bytes, size_t size);
/* Appends what is to be sent. */
void redis_tls_take(struct redis_tls *tls, struct buffer *out);
/* Why it FAILED, in words that live as long as the program. */
const char *redis_tls_trouble(const struct redis_tls *tls);

#endif
