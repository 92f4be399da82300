/*
 * What a turn (turn/turn.h) works with.
 */
#ifndef COUPOND_TURN_CONFIG_H
#define COUPOND_TURN_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "issuer/ledger/ledger.h"
#include "issuer/turn/details.h"
#include "shared/journal/journal.h"
#include "shared/telemetry/metrics.h"

#define TURN_FRAMES_MAX 512

/* All borrowed; they must outlive the turn. The journal has been replayed into the ledger. */
struct turn_config {
    struct journal *journal;
    struct ledger *ledger;
    struct details *details;
    struct metrics *metrics;
    size_t requests_max;               /* of a turn; the frame that exceeds the limit is taken whole */
    size_t sweep_records_max;          /* of a sweep's step, with its end, from 2; 0: SWEEP_RECORDS_MAX */
    uint64_t incarnation;              /* of this start, for deadlines: random, not 0 */
    int64_t (*boot_us)(void);          /* clock_boot_us(), for the times in replies; NULL: they are all the turn's */
    const _Atomic bool *memory_scarce; /* while true, no new issues, changes and coupons; NULL: never */
    /* called when the batch of a turn is written, before it is synced; NULL: nothing is to be done then */
    void (*written)(void *arg);
    void *written_arg;
};

#endif
