/*
 * For how long the first record that the store does not have has been there, told by a clock that never steps. The time
 * that a record bears may be wrong by days (the machine's clock was, or is); so it counts only within what is known of
 * the record: how far the journal was written at some moments, of which the latest is kept that was before the record,
 * and a few after it, further and further apart the longer nothing is acknowledged. Pure; owned by the stream's thread.
 */
#ifndef COUPOND_PERSIST_LAG_H
#define COUPOND_PERSIST_LAG_H

#include <stdint.h>

#define PERSIST_MARKS         32
#define PERSIST_MARK_APART_US 100000 /* at the least */

struct persist_mark {
    uint64_t written_seq;
    int64_t at_us;
};

/* All zeros: nothing is known. */
struct persist_lag {
    struct persist_mark marks[PERSIST_MARKS]; /* the oldest first */
    unsigned count;
    int64_t apart_us;
};

/* Up to these records the store has everything, and the journal is written, at `steady_us`. */
void persist_lag_note(struct persist_lag *lag, uint64_t acked_seq, uint64_t written_seq, int64_t steady_us);

/* The age of the record behind `acked_seq`, in microseconds, 0 when there is none; by the time that it bears it is
 * `stamped_us` old, which may be less than nothing. To be noted first. */
int64_t persist_lag_us(const struct persist_lag *lag, uint64_t acked_seq, uint64_t written_seq, int64_t stamped_us,
                       int64_t steady_us);

#endif
