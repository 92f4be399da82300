/*
 * What all ZeroMQ sockets between roles share. They prove to each other that they know the cluster's secret (CURVE,
 * with the keys of shared/wire/cluster_keys.h), and give a peer two seconds to do so. They also detect a peer that
 * vanished: a machine that loses power or network closes no connection, and a socket that only reads would wait for
 * ever. TCP keepalive detects it, even while the other end does not read; ZeroMQ's heartbeats cannot pass a reader's
 * full queue and would cut a healthy connection.
 */
#ifndef COUPOND_PEER_H
#define COUPOND_PEER_H

#include <czmq.h>
#include <stdbool.h>

#include "shared/error.h"
#include "shared/options/options.h"
#include "shared/telemetry/metrics.h"

/* --- the process; main thread --- */

/* Takes the cluster's secret from the file of cluster/secret_file for all sockets created afterwards; an empty path
 * means that there is none. -1 and `error` when the file is invalid. */
int peer_read_secret(const struct options *options, struct error *error);
/*
 * Start and stop admitting peers, where there is a secret, and counting the refused ones. Start after czmq is
 * initialized and before the first socket listens; stop after the last socket is closed. Calls nest; there is one
 * guard, whose thread writes the `metrics` of the first call.
 */
void peer_guard_begin(struct metrics *metrics);
void peer_guard_end(void);

/* --- sockets, before they are bound or connected --- */

/*
 * Detects a silent peer within about ten seconds and restarts a connection attempt after three without an answer.
 * `reads_always`: the peer reads as long as it lives, so data that is unconfirmed for ten seconds also proves that it
 * is gone. Over ipc only the secret has an effect, over inproc nothing.
 */
void peer_prepare_connector(zsock_t *socket, bool reads_always);
void peer_prepare_listener(zsock_t *socket);

/* --- what is open to whom; any thread --- */

/* True when peer_read_secret() has found a secret. */
bool peer_has_secret(void);

/* True when other machines can reach an endpoint to listen on, and no secret keeps them out. */
bool peer_is_open_to_all(const char *endpoint);

#endif
