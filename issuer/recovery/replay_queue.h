/*
 * Passes journalled records from the reading thread to the applying threads, in chunks and in order. Every applying
 * thread has a part of the ledger (ledger_divide) and sees every chunk. Owned by the reader; it owns the threads.
 */
#ifndef COUPOND_REPLAY_QUEUE_H
#define COUPOND_REPLAY_QUEUE_H

#include <stdbool.h>

#include "issuer/ledger/ledger.h"
#include "shared/error.h"

struct replay_queue;

/* A short journal is applied on the caller's thread; with `alone` a long one is, too. The queue owns `ledger` until
 * replay_queue_end(). */
void replay_queue_begin(struct ledger *ledger, bool alone, struct replay_queue **queue);
/* Adds a record. -1 and `error` when an earlier record is contradictory, or a thread cannot be started. */
int replay_queue_add(struct replay_queue *queue, const struct journal_record *record, struct error *error);
/* Applies the rest, joins and frees. -1 and `error` as above. After a failure, and with `abandon`, the ledger may only
 * be destroyed. */
int replay_queue_end(struct replay_queue **queue, bool abandon, struct error *error);

#endif
