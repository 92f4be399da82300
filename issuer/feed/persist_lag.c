#include "issuer/feed/persist_lag.h"

#include <string.h>

static void begin_anew(struct persist_lag *lag, uint64_t written_seq, int64_t steady_us)
{
    lag->marks[0] = (struct persist_mark){written_seq, steady_us};
    lag->count = 1;
    lag->apart_us = PERSIST_MARK_APART_US;
}

/* Keeps, as the first mark, the latest one that is not after `acked_seq`. */
static void drop_old(struct persist_lag *lag, uint64_t acked_seq)
{
    unsigned old = 0;
    while (old + 1 < lag->count && lag->marks[old + 1].written_seq <= acked_seq)
        old++;
    lag->count -= old;
    memmove(lag->marks, lag->marks + old, lag->count * sizeof lag->marks[0]);
}

static void thin_out(struct persist_lag *lag)
{
    unsigned kept = 1;
    for (unsigned i = 1; i < lag->count; i += 2)
        lag->marks[kept++] = lag->marks[i];
    lag->count = kept;
    lag->apart_us *= 2;
}

static void mark(struct persist_lag *lag, uint64_t written_seq, int64_t steady_us)
{
    const struct persist_mark *last = &lag->marks[lag->count - 1];
    if (written_seq <= last->written_seq || steady_us - last->at_us < lag->apart_us)
        return;
    if (lag->count == PERSIST_MARKS)
        thin_out(lag);
    lag->marks[lag->count++] = (struct persist_mark){written_seq, steady_us};
}

void persist_lag_note(struct persist_lag *lag, uint64_t acked_seq, uint64_t written_seq, int64_t steady_us)
{
    if (lag->count == 0 || acked_seq >= written_seq) {
        begin_anew(lag, written_seq, steady_us);
        return;
    }
    drop_old(lag, acked_seq);
    if (lag->count <= 2)
        lag->apart_us = PERSIST_MARK_APART_US;
    mark(lag, written_seq, steady_us);
}

int64_t persist_lag_us(const struct persist_lag *lag, uint64_t acked_seq, uint64_t written_seq, int64_t stamped_us,
                       int64_t steady_us)
{
    int64_t least_us = 0, most_us = INT64_MAX;
    if (acked_seq >= written_seq)
        return 0;
    for (unsigned i = 0; i < lag->count && least_us == 0; i++) {
        if (lag->marks[i].written_seq <= acked_seq)
            most_us = steady_us - lag->marks[i].at_us;
        else
            least_us = steady_us - lag->marks[i].at_us;
    }
    int64_t age_us = stamped_us > most_us ? most_us : stamped_us;
    return age_us < least_us ? least_us : age_us;
}
