/*
 * A lower bound on the issuer's deadline clock (issuer/turn/deadline_clock.h). Each frame from the issuer carries the
 * value that its clock had before the frame was sent; the clock has advanced since. So neither a round-trip measurement
 * nor an upper bound is needed:
 *
 *   asked     the request must be decided before  deadline = least(asked) + 4/5 (until - asked)  on the issuer's clock
 *   until     on this thread's clock: no client is answered "unknown" before. By then the issuer's clock has passed
 *             `deadline`
 *
 * Clocks run at different rates: chrony slews by up to 8.3 percent either way, so one clock may run at 0.846 of the
 * other's rate; 4/5 is less. Pure; used by one thread. All times except `clock_us` are microseconds of clock_mono_us().
 */
#ifndef COUPOND_LINK_CLOCK_H
#define COUPOND_LINK_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

/* All zeros: nothing is known. */
struct link_clock {
    uint64_t incarnation;
    uint64_t former; /* the previous incarnation: its delayed frames are ignored */
    int64_t clock_us;
    int64_t received_us; /* local time by which that frame had arrived */
};

/* Records a frame of `incarnation` (not 0) that had arrived at `now_us`. True when the issuer has restarted since the
 * previous frame. */
bool link_clock_update(struct link_clock *clock, uint64_t incarnation, int64_t clock_us, int64_t now_us);

/* Lower bound on the issuer's clock at `now_us`. */
int64_t link_clock_least_us(const struct link_clock *clock, int64_t now_us);

/* The least time that passes on the issuer's clock during `us` of this thread's clock. */
int64_t link_clock_passes_us(int64_t us);

#endif
