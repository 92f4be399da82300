/*
 * The stream actor: reads the journals of all partitions behind their writers and sends synced batches to the
 * persisters, on its own thread.
 *
 *   in   FRAME_ACK      PULL, from persisters
 *        an id          from the store probe actor
 *        an eventfd     from the partitions: more is synced
 *        $TERM          its pipe
 *   out  FRAME_EVENTS   PUSH, to any free persister
 *
 * The journal is authoritative, ZeroMQ only transports it: a frame that is not acknowledged in time is resent, and a
 * frame with coupon records is acknowledged before any later one of its partition is sent.
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

/* Binds the sockets and creates the signal for the journals; `clock` and `check` must outlive it. -1 and `error` when
 * an endpoint cannot be bound. */
int stream_create(const struct options *options, struct issuer_clock *clock, struct store_check *check,
                  struct stream **stream, struct error *error);
void stream_destroy(struct stream **stream);

/* The signal with which journals wake the stream; lives as long as the stream. */
struct journal_signal *stream_signal(struct stream *stream);

/* Call before journals are added when the comparison is outstanding: the stream makes it as soon as the store answers,
 * and sends nothing until then. */
void stream_await_comparison(struct stream *stream);
/* Any thread: true until then. */
bool stream_is_uncompared(const struct stream *stream);

/* Adds a partition's journal, already replayed; it must outlive the stream. -1 and `error` when it cannot be read. */
int stream_add(struct stream *stream, struct journal *journal, const char *dir, struct error *error);

/* Any thread: true while a persister of another store answers; the store's id as text goes to `id`. */
bool stream_sees_other_store(const struct stream *stream, char id[STORE_ID_TEXT_MAX]);

/* The zactor's function; `args` is the stream. On $TERM it continues for as long as the store takes the rest, at most
 * two seconds. */
void stream_actor(zsock_t *pipe, void *args);

#endif
