/*
 * What the ZeroMQ sockets between roles have in common: they prove to each other that they know the cluster's secret
 * (CURVE, with the keys of shared/wire/cluster_keys.h), give a peer two seconds to do so, and learn when a peer has
 * gone without a word: a machine that lost its power or its network closes no connection, and who only reads would wait
 * for it for ever. TCP's own probes tell, even while the other end takes nothing; ZeroMQ's heartbeats do not go by when
 * a reader's queue is full, and would then cut a connection that is sound.
 */
#ifndef COUPOND_PEER_H
#define COUPOND_PEER_H

#include <czmq.h>
#include <stdbool.h>

#include "shared/error.h"
#include "shared/options/options.h"
#include "shared/telemetry/metrics.h"

/* --- the process; main thread --- */

/* Takes the cluster's secret from the file of cluster/secret_file for all sockets that are made afterwards; an empty
 * path: there is none, and peers need none. -1 and `error` when the file is not right. */
int peer_read_secret(const struct options *options, struct error *error);
/* Begins and ends to tell who may come in, where there is a secret, and to count whom the doors turn away; after czmq
 * is up and before the first socket listens, and after the last one is closed. Each beginning has its end; there is one
 * guard, and `metrics` of the first is written by its thread. */
void peer_guard_begin(struct metrics *metrics);
void peer_guard_end(void);

/* --- sockets, before they are bound or connected --- */

/*
 * A silent peer is found out within about ten seconds, and a connection attempt that meets silence is begun anew after
 * three. `reads_always`: the peer takes what it is sent as long as it lives, so that what is sent and not confirmed for
 * ten seconds is proof as well. Over ipc only the secret has an effect, over inproc nothing.
 */
void peer_prepare_connector(zsock_t *socket, bool reads_always);
void peer_prepare_listener(zsock_t *socket);

/* --- what is open to whom; any thread --- */

/* True when there is a secret, as peer_read_secret() has found. */
bool peer_has_secret(void);

/* True when an endpoint to listen on can be reached from other machines, and there is no secret to keep them out. */
bool peer_is_open_to_all(const char *endpoint);

#endif
