#include "gateway/reading/horizon.h"

#include <string.h>

#include "shared/coupon.h"
#include "shared/error.h"

#define STEP_US INT64_C(900000)  /* between two marks: the pongs of one thread are a second apart */
#define BACK_US INT64_C(5000000) /* the clock may have gone back since the pong before this one */

void reading_horizon_init(struct reading_horizon *horizon)
{
    memset(horizon, 0, sizeof *horizon);
    pthread_mutex_init(&horizon->mutex, NULL);
}

void reading_horizon_deinit(struct reading_horizon *horizon)
{
    pthread_mutex_destroy(&horizon->mutex);
}

static uint32_t kept(const struct reading_marks *marks)
{
    return marks->count < READING_HORIZON_MARKS ? marks->count : READING_HORIZON_MARKS;
}

/* After the clock went back, later records have times that the marks have passed already. */
static void cap(struct reading_marks *marks, int64_t us)
{
    for (uint32_t i = 0; i < kept(marks); i++) {
        if (marks->marks[i].us > us)
            marks->marks[i].us = us;
    }
}

/* Without new records the last mark moves on, so that an idle partition keeps its older marks. A busy one gets a new
 * mark only after a while, so that the marks of many gateway threads reach back as far as those of one. */
static void add(struct reading_marks *marks, uint64_t seq, int64_t us)
{
    struct reading_mark *last = marks->count > 0 ? &marks->marks[(marks->count - 1) % READING_HORIZON_MARKS] : NULL;
    if (last != NULL && us < last->us)
        cap(marks, us - BACK_US);
    if (last != NULL && last->seq == seq)
        last->us = us;
    else if (last == NULL || us - last->us >= STEP_US)
        marks->marks[marks->count++ % READING_HORIZON_MARKS] = (struct reading_mark){seq, us};
}

void reading_horizon_note(struct reading_horizon *horizon, uint16_t partition, uint64_t seq, int64_t us)
{
    CHECK(partition < PARTITIONS_MAX && us >= 0);
    pthread_mutex_lock(&horizon->mutex);
    add(&horizon->partitions[partition], seq, us);
    pthread_mutex_unlock(&horizon->mutex);
}

int64_t reading_horizon_find(struct reading_horizon *horizon, uint16_t partition, uint64_t seq)
{
    int64_t latest_us = TIME_NONE;
    CHECK(partition < PARTITIONS_MAX);
    pthread_mutex_lock(&horizon->mutex);
    const struct reading_marks *marks = &horizon->partitions[partition];
    for (uint32_t i = 0; i < kept(marks); i++) {
        if (marks->marks[i].seq <= seq && marks->marks[i].us > latest_us)
            latest_us = marks->marks[i].us;
    }
    pthread_mutex_unlock(&horizon->mutex);
    return latest_us;
}
