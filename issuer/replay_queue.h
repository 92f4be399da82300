/*
 * Journalled records on their way from the thread that reads them to the one that applies them, in chunks and in order.
 * Owned by the reader; the applying thread lives inside.
 */
#ifndef COUPOND_REPLAY_QUEUE_H
#define COUPOND_REPLAY_QUEUE_H

#include <stdbool.h>

#include "issuer/ledger.h"
#include "shared/error.h"

struct replay_queue;

/* With `alone` there is no thread: chunks are applied when they are full. -1 and `error` when the thread cannot be
 * started. `ledger` is the queue's until replay_queue_end(). */
int replay_queue_begin(struct replay_queue **queue, struct ledger *ledger, bool alone, struct error *error);
/* Adds a record. -1 and `error` when one of those before it contradicts. */
int replay_queue_add(struct replay_queue *queue, const struct journal_record *record, struct error *error);
/* Applies what is left (unless `abandon`), joins and frees. -1 and `error` as above. */
int replay_queue_end(struct replay_queue **queue, bool abandon, struct error *error);

#endif
