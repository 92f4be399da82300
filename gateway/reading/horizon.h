/*
 * How far the store is, in time. Each pong of a partition tells a moment and the last journal record of the decisions
 * before it; once the store has that record, it has everything that was decided before that moment. Keeps the last
 * pongs of each partition. A mutex protects it; the issue path never takes it.
 */
#ifndef COUPOND_READING_HORIZON_H
#define COUPOND_READING_HORIZON_H

#include <pthread.h>
#include <stdint.h>

#include "shared/limits.h"

#define READING_HORIZON_MARKS 64 /* of a partition: about a minute */

struct reading_horizon {
    pthread_mutex_t mutex;
    struct reading_marks {
        uint32_t count; /* noted in all */
        struct reading_mark {
            uint64_t seq;
            int64_t us;
        } marks[READING_HORIZON_MARKS];
    } partitions[PARTITIONS_MAX];
};

void reading_horizon_init(struct reading_horizon *horizon);
void reading_horizon_deinit(struct reading_horizon *horizon);

/* On any thread: every decision of the partition before `us`, on the issuer's clock, has at most record `seq`. `us` is
 * not negative. A time before that of the last call: the clock went back, or another thread was faster. */
void reading_horizon_note(struct reading_horizon *horizon, uint16_t partition, uint64_t seq, int64_t us);
/* On any thread: the latest moment before which a store with every record up to `seq` has everything of the partition;
 * TIME_NONE: unknown. */
int64_t reading_horizon_find(struct reading_horizon *horizon, uint16_t partition, uint64_t seq);

#endif
