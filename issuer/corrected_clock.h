/*
 * The corrected clock: wall time, checked against a steady clock that never steps. Pure: readings come in, an event
 * comes out.
 *
 *                    step that the steady clock contradicts
 *        ┌─────────┐ ────────────────────────────────────► ┌────────────────┐
 *        │ TRUSTED │                                       │ AHEAD / BEHIND │ ⟲ another step: settling restarts
 *        └─────────┘ ◄──────────────────────────────────── └────────────────┘
 *                    the wall clock is right again, or has kept its new time for `settle_us`
 *
 * While the wall clock is not trusted, time advances with the steady clock. Slewing (up to 0.1 %) and steps of up to
 * 100 ms in total are followed without an event.
 */
#ifndef COUPOND_CORRECTED_CLOCK_H
#define COUPOND_CORRECTED_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#define CORRECTED_STEP_US_MAX 100000 /* followed at once */
#define CORRECTED_SLEW        1000   /* followed as drift: one part in this many */

enum corrected_state { CORRECTED_TRUSTED, CORRECTED_AHEAD, CORRECTED_BEHIND, CORRECTED_STATES };

enum corrected_event {
    CORRECTED_NOTHING,
    CORRECTED_STEPPED,  /* the wall clock has stepped and is ignored */
    CORRECTED_RETURNED, /* it is right again */
    CORRECTED_BELIEVED, /* its new time has lasted: the corrected time has just jumped to it */
};

struct corrected_clock {
    enum corrected_state state;
    int64_t settle_us;
    int64_t offset_us;    /* corrected time minus steady clock */
    int64_t allowance_us; /* drift and small steps that may still be followed */
    int64_t steady_us;    /* of the last reading */
    int64_t suspect_us;   /* wall minus steady clock while not trusted */
    int64_t since_us;     /* steady time since which `suspect_us` has not changed */
};

/* A wall clock outside an issuer's range (before 1970, after 2112) is never trusted; until it shows a valid time that
 * lasts, time starts at `otherwise_us`. */
void corrected_clock_init(struct corrected_clock *clock, int64_t settle_us, int64_t otherwise_us, int64_t wall_us,
                          int64_t steady_us);
/* Takes two readings of the same moment. */
enum corrected_event corrected_clock_judge(struct corrected_clock *clock, int64_t wall_us, int64_t steady_us);
/* The corrected time when the steady clock shows `steady_us`. */
int64_t corrected_clock_at(const struct corrected_clock *clock, int64_t steady_us);
/* Wall clock minus corrected time; 0 while the wall clock is trusted. */
int64_t corrected_clock_error(const struct corrected_clock *clock);

#endif
