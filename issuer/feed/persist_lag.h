/*
 * The age of the first record that the store lacks, by a clock that never steps. A record's own time may be wrong by
 * days, because the machine's clock was or is wrong. So it counts only within known bounds: marks record how far the
 * journal was written at some moments. One mark from before the record is kept, and a few after it, spaced further
 * apart the longer nothing is acknowledged. Pure; owned by the stream's thread.
 */
#ifndef COUPOND_PERSIST_LAG_H
#define COUPOND_PERSIST_LAG_H

#include <stdint.h>

#define PERSIST_MARKS         32
#define PERSIST_MARK_APART_US 100000 /* minimum distance */

struct persist_mark {
    uint64_t written_seq;
    int64_t at_us;
};

/* All zeros: no marks. */
struct persist_lag {
    struct persist_mark marks[PERSIST_MARKS]; /* oldest first */
    unsigned count;
    int64_t apart_us;
};

/* At `steady_us` the store has everything up to `acked_seq` and the journal is written up to `written_seq`. */
void persist_lag_note(struct persist_lag *lag, uint64_t acked_seq, uint64_t written_seq, int64_t steady_us);

/* The age in microseconds of the first record after `acked_seq`, 0 when there is none. `stamped_us` is its age by its
 * own time, which may be negative. Call persist_lag_note() first. */
int64_t persist_lag_us(const struct persist_lag *lag, uint64_t acked_seq, uint64_t written_seq, int64_t stamped_us,
                       int64_t steady_us);

#endif
