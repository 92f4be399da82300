/*
 * The writer actor: takes batches from the issuer's stream, writes each to the store in one transaction and then
 * acknowledges it. One thread, its own sockets, its own connection to the store.
 *
 *   in   FRAME_EVENTS   PULL, from the issuer
 *        $TERM          its pipe: finishes the transaction in hand, gives up waiting for a store that is away
 *   out  FRAME_ACK      PUSH, to the issuer: the batch is in the store
 *        FRAME_BEHIND   PUSH, to the issuer: the store has lost what it had
 *        FRAME_REFUSED  PUSH, to the issuer: the frame is meant for another store
 *
 * A writer whose store is not the one that the issuer fills hands back the frames that have reached it and disconnects,
 * so that others get them; now and then it comes back to see whether that is still so.
 *
 * What is tried, and when again, is the delivery's to say.
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

/* Connects the sockets; the store is connected on the writer's own thread. -1 and `error` when an endpoint makes no
 * sense. `options` is borrowed. */
int writer_create(struct writer **writer, const struct options *options, struct error *error);
void writer_destroy(struct writer **writer);

/* The zactor's function; `args` is the writer. */
void writer_actor(zsock_t *pipe, void *args);

/* On any thread: whether its last business with the store went well. */
bool writer_is_connected(const struct writer *writer);
/* On any thread: why its last business with the store did not go well; "" when it did. */
void writer_trouble(struct writer *writer, char out[WRITER_TROUBLE_MAX]);
/* On any thread: from now on it does not begin to connect, which its end would have to wait for. */
void writer_stop(struct writer *writer);
/* On any thread, after writer_stop(): it is connecting, or trying to; it has nothing under way that could be lost. */
bool writer_is_stuck(const struct writer *writer);
/* On any thread: whether the issuer fills another store than its own. */
bool writer_is_refused(const struct writer *writer);
/* On any thread: whether the issuer, or this end, ends the handshake: they do not have the same secret. */
bool writer_is_refused_by_issuer(const struct writer *writer);
/* On any thread: whether the store was filled by another journal than the one whose frames come. */
bool writer_meets_foreign_journal(const struct writer *writer);
/* On any thread: when the issuer's last frame came, or the writer was made, in µs of the monotone clock. */
int64_t writer_heard_us(const struct writer *writer);

#endif
