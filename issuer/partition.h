/*
 * The partition actor: the single writer of its ledger and its journal, on a thread of its own.
 *
 *   in   FRAME_ISSUE_REQUESTS, FRAME_COUPON_REQUESTS, FRAME_PING   ROUTER, from gateways
 *        $TERM                                                     its pipe
 *   out  FRAME_ISSUE_REPLIES, FRAME_COUPON_REPLIES, FRAME_PONG     ROUTER, to the gateway that asked
 *
 * Duty cycle: take every request that is there, decide, append to the journal, write and sync once, answer all.
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

/*
 * Replays the journal into a new ledger, with progress on the log, and binds the ROUTER. Takes over nothing: `journal`
 * (open, not yet replayed) and `clock` outlive the partition; `progress` tells of the replay. -1 and `error` when the
 * journal is damaged or the endpoint cannot be bound.
 */
int partition_create(struct partition **partition, const struct options *options, struct journal *journal,
                     struct issuer_clock *clock, struct recovery_progress *progress, struct error *error);
void partition_destroy(struct partition **partition);

/* The zactor's function; `args` is the partition. Ends on $TERM, when what was received is answered. */
void partition_actor(zsock_t *pipe, void *args);

#endif
