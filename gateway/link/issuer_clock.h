/*
 * What a gateway knows of the clock that an issuer tells deadlines by (issuer/deadline_clock.h): what it shows at the
 * least. A frame from the issuer bears what its clock showed before the frame was sent; since then it has gone on. So
 * no round trip is measured, and no upper bound is needed:
 *
 *   asked     a request is to be decided before  deadline = least(asked) + 4/5 (until - asked)  of the issuer's clock
 *   until     by this thread's clock: nobody is told "unknown" before. The issuer's clock shows more than `deadline`
 * then
 *
 * Clocks run at different rates: chrony slews by up to 8.3 percent either way, so that one of two clocks may run at
 * 0.846 of the other's rate; 4/5 is less. Pure; used by one thread. Times are microseconds of clock_mono_us() but
 * `clock_us`.
 */
#ifndef COUPOND_ISSUER_CLOCK_H
#define COUPOND_ISSUER_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

/* All zeros: nothing is known. */
struct issuer_clock {
    uint64_t incarnation;
    uint64_t former; /* the incarnation before: what it still has to say is old */
    int64_t clock_us;
    int64_t heard_us; /* when it was there already */
};

/* A frame of `incarnation` (not 0), which was there at `now_us`. True when the issuer has been started anew since the
 * one before. */
bool issuer_clock_hear(struct issuer_clock *clock, uint64_t incarnation, int64_t clock_us, int64_t now_us);

/* What the issuer's clock shows at `now_us` at the least. */
int64_t issuer_clock_least_us(const struct issuer_clock *clock, int64_t now_us);

/* How much of `us` of this thread's clock passes on the issuer's at the least. */
int64_t issuer_clock_passes_us(int64_t us);

#endif
