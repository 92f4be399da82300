#include "gateway/reading/horizon.h"

#include <string.h>

#include "shared/coupon.h"
#include "shared/error.h"

void reading_horizon_init(struct reading_horizon *horizon)
{
    memset(horizon, 0, sizeof *horizon);
    pthread_mutex_init(&horizon->mutex, NULL);
}

void reading_horizon_deinit(struct reading_horizon *horizon)
{
    pthread_mutex_destroy(&horizon->mutex);
}

/* Without new records the last mark moves on, so that an idle partition keeps its older marks. */
void reading_horizon_note(struct reading_horizon *horizon, uint16_t partition, uint64_t seq, int64_t us)
{
    CHECK(partition < PARTITIONS_MAX);
    pthread_mutex_lock(&horizon->mutex);
    struct reading_marks *marks = &horizon->partitions[partition];
    struct reading_mark *last = marks->count > 0 ? &marks->marks[(marks->count - 1) % READING_HORIZON_MARKS] : NULL;
    if (last == NULL || last->seq != seq)
        marks->marks[marks->count++ % READING_HORIZON_MARKS] = (struct reading_mark){seq, us};
    else if (us > last->us)
        last->us = us;
    pthread_mutex_unlock(&horizon->mutex);
}

int64_t reading_horizon_find(struct reading_horizon *horizon, uint16_t partition, uint64_t seq)
{
    int64_t latest_us = TIME_NONE;
    CHECK(partition < PARTITIONS_MAX);
    pthread_mutex_lock(&horizon->mutex);
    const struct reading_marks *marks = &horizon->partitions[partition];
    uint32_t count = marks->count < READING_HORIZON_MARKS ? marks->count : READING_HORIZON_MARKS;
    for (uint32_t i = 0; i < count; i++) {
        if (marks->marks[i].seq <= seq && marks->marks[i].us > latest_us)
            latest_us = marks->marks[i].us;
    }
    pthread_mutex_unlock(&horizon->mutex);
    return latest_us;
}
