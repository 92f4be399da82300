/*
 * The rehearsal that an operator starts over the API: one in the process, shared by all gateway threads. Keeps the last
 * result until the gateway stops.
 *
 *   gateway thread ──rehearsal_start(), rehearsal_json_append()──► state, under a mutex
 *   own thread     ──child_run()──► coupond rehearse ──HTTP──► this gateway
 */
#ifndef COUPOND_REHEARSAL_H
#define COUPOND_REHEARSAL_H

#include <stdbool.h>
#include <stdint.h>

#include "gateway/http/buffer.h"
#include "gateway/http/span.h"
#include "shared/error.h"
#include "shared/limits.h"
#include "shared/options/options.h"

#define REHEARSAL_CONNECTIONS_MAX 20000
#define REHEARSAL_USERS_MAX       10000000

struct rehearsal;

/* What is rehearsed. */
struct rehearsal_request {
    char coupon_id[COUPON_ID_MAX + 1];
    uint64_t users;
    uint64_t connections; /* 0: the command's default, as the next one */
    uint64_t quantity;    /* 0: that of the coupon */
};

/* NULL without gateway/rehearsal_users_max; NULL and `error` when the thread cannot be started. `options` are
 * borrowed. */
struct rehearsal *rehearsal_create(const struct options *options, struct error *error);
/* While the gateway still answers: ends a rehearsal that runs, which archives the copy of its coupon; starts no other.
 * Accepts NULL. */
void rehearsal_stop(struct rehearsal *rehearsal);
/* When no gateway thread is left. Accepts NULL, sets *rehearsal to NULL. */
void rehearsal_destroy(struct rehearsal **rehearsal);

/* On any gateway thread: starts one as the bearer of `token`, which may be empty. False when one runs already, or the
 * gateway stops. */
bool rehearsal_start(struct rehearsal *rehearsal, const struct rehearsal_request *request, struct span token);
/* On any gateway thread: appends the state of the last one, and how many users one may have; `rehearsal` may be
 * NULL. */
void rehearsal_json_append(struct rehearsal *rehearsal, struct buffer *out);

/* The URL at which this gateway serves, for a client on the same machine. Pure. False when the address has none. */
bool rehearsal_url_format(const char *http, char *out, size_t size);

#endif
