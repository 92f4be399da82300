/*
 * The writer actor: takes batches from the issuer's stream, writes each to the store in one transaction and then
 * acknowledges it. One thread, its own sockets, its own connection to the store. With cluster/members, the issuer is
 * each of them (persister/sources.h).
 *
 *   in   FRAME_EVENTS   PULL, from the issuer
 *        $TERM          its pipe: finishes the current transaction, stops waiting for an unreachable store
 *   out  FRAME_ACK      PUSH, to the issuer: the batch is in the store
 *        FRAME_BEHIND   PUSH, to the issuer: the store has lost records
 *        FRAME_REFUSED  PUSH, to the issuer: the frame is meant for another store
 *
 * A writer whose store is not the one that the issuer fills hands back the frames that it received and disconnects, so
 * that others get them; it reconnects periodically to check.
 *
 * persister/delivery.h decides what to try, and when to retry.
 */
#ifndef COUPOND_PERSISTER_WRITER_H
#define COUPOND_PERSISTER_WRITER_H

#include <czmq.h>

#include "shared/error.h"
#include "shared/limits.h"
#include "shared/options/options.h"
#include "shared/telemetry/metrics.h"

#define WRITER_TROUBLE_MAX (READY_WHY_MAX - 64)

struct writer;

/* Connects the sockets; the writer's own thread connects the store. -1 and `error` when an endpoint is invalid.
 * `options` is borrowed. */
int writer_create(const struct options *options, struct writer **writer, struct error *error);
void writer_destroy(struct writer **writer);

/* The zactor's function; `args` is the writer. */
void writer_actor(zsock_t *pipe, void *args);

/* Any thread: whether its last use of the store succeeded. */
bool writer_is_connected(const struct writer *writer);
/* Any thread: why its last use of the store failed; "" when it succeeded. */
void writer_trouble(struct writer *writer, char out[WRITER_TROUBLE_MAX]);
/* Any thread: from now on it starts no connection attempt, which its end would have to wait for. */
void writer_stop(struct writer *writer);
/* Any thread, after writer_stop(): true while it is connecting; it has nothing in progress that could be lost. */
bool writer_is_stuck(const struct writer *writer);
/* Any thread: whether the issuer fills another store than this one. */
bool writer_is_refused(const struct writer *writer);
/* Any thread: whether the handshake with the issuer fails, because the secrets differ. */
bool writer_is_refused_by_issuer(const struct writer *writer);
/* Any thread: whether another journal than the issuer's filled the store. */
bool writer_meets_foreign_journal(const struct writer *writer);
/* Any thread: the time of the issuer's last frame, or of the writer's creation, in µs of the monotonic clock. */
int64_t writer_last_frame_us(const struct writer *writer);

#endif
