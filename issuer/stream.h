/*
 * The stream actor: reads behind the journals of all partitions and hands what is synced to the persisters, on a thread
 * of its own.
 *
 *   in   FRAME_ACK      PULL, from persisters
 *        an id          from the store look actor
 *        an eventfd     from the partitions: more is synced
 *        $TERM          its pipe
 *   out  FRAME_EVENTS   PUSH, to whichever persister is free
 *
 * The journal is the truth, ZeroMQ only carries it: what is not acknowledged in time is sent again, and a frame that
 * holds coupon records is acknowledged before any later one of its partition leaves.
 */
#ifndef COUPOND_STREAM_H
#define COUPOND_STREAM_H

#include <czmq.h>

#include "shared/error.h"
#include "shared/journal/journal.h"
#include "shared/options/options.h"
#include "shared/store/store.h"

struct issuer_clock;
struct store_check;
struct stream;

/* Binds the sockets and owns the signal that the journals are given; `clock` and `check` outlive it. -1 and `error`
 * when an endpoint cannot be bound.
 */
int stream_create(struct stream **stream, const struct options *options, struct issuer_clock *clock,
                  struct store_check *check, struct error *error);
void stream_destroy(struct stream **stream);

/* What the journals wake the stream with; lives as long as the stream. */
struct journal_signal *stream_signal(struct stream *stream);

/* Before journals are added: the comparison is outstanding, which the stream makes as soon as the store answers, and
 * until then it sends nothing. */
void stream_await_comparison(struct stream *stream);
/* On any thread: true until then. */
bool stream_is_uncompared(const struct stream *stream);

/* Adds a partition's journal, already replayed; it outlives the stream. -1 and `error` when it cannot be read. */
int stream_add(struct stream *stream, struct journal *journal, const char *dir, struct error *error);

/* On any thread: true while a persister answers that fills another store; its id in words goes to `id`. */
bool stream_sees_other_store(const struct stream *stream, char id[STORE_ID_TEXT_MAX]);

/* The zactor's function; `args` is the stream. On $TERM it goes on for as long as the store takes what is left, at most
 * two seconds. */
void stream_actor(zsock_t *pipe, void *args);

#endif
