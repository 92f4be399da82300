/*
 * The partition actor: the single writer of its ledger and its journal, on its own thread.
 *
 *   in   FRAME_ISSUE_REQUESTS, FRAME_COUPON_REQUESTS, FRAME_PING   ROUTER, from gateways
 *        $TERM                                                     its pipe
 *   out  FRAME_ISSUE_REPLIES, FRAME_COUPON_REPLIES, FRAME_PONG     ROUTER, to the requesting gateway
 *
 * Duty cycle: take every pending request, decide, append to the journal, write and sync once, answer all.
 */
#ifndef COUPOND_PARTITION_H
#define COUPOND_PARTITION_H

#include <czmq.h>

#include "issuer/ledger/ledger.h"
#include "shared/error.h"
#include "shared/journal/journal.h"
#include "shared/options/options.h"
#include "shared/telemetry/metrics.h"

struct issuer_clock;
struct partition;
struct recovery_progress;
struct verification;

/*
 * Replays the journal into a new ledger, with progress in the log, and binds the ROUTER. `journal` (open, not yet
 * replayed) and `clock` are borrowed and must outlive the partition; `progress` shows the replay's progress. -1 and
 * `error` when the journal is damaged or the endpoint cannot be bound.
 */
int partition_create(const struct options *options, struct journal *journal, struct issuer_clock *clock,
                     struct recovery_progress *progress, struct partition **partition, struct error *error);
/* Borrowed; for the main thread, before the actor starts. */
struct ledger *partition_ledger(const struct partition *partition);
/* On the main thread, before the actor starts; see turn_set_verification(). */
void partition_set_verification(struct partition *partition, struct verification *verification);
/* Any thread, while it exists: what operators should know of its role among members; "" without any. */
void partition_describe(const struct partition *partition, char *text, size_t size);
void partition_destroy(struct partition **partition);

/* The zactor's function; `args` is the partition. Ends on $TERM, after answering what was received. */
void partition_actor(zsock_t *pipe, void *args);

#endif
