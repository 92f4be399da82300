/*
 * The corrected clock: wall time, checked against a clock that never steps. Pure: readings come in, an event comes out.
 *
 *                    step that the steady clock contradicts
 *        ┌─────────┐ ────────────────────────────────────► ┌────────────────┐
 *        │ TRUSTED │                                       │ AHEAD / BEHIND │ ⟲ it steps again: settling begins anew
 *        └─────────┘ ◄──────────────────────────────────── └────────────────┘
 *                    the wall clock is right again, or has kept its new time for `settle_us`
 *
 * While the wall clock is not trusted, time goes on at the pace of the steady clock. Slewing (up to 0.1 %) and steps of
 * up to 100 ms in all are followed without a word.
 */
#ifndef COUPOND_CORRECTED_CLOCK_H
#define COUPOND_CORRECTED_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#define CORRECTED_STEP_US_MAX 100000 /* followed at once */
#define CORRECTED_SLEW        1000   /* one in so many is followed as drift */

enum corrected_state { CORRECTED_TRUSTED, CORRECTED_AHEAD, CORRECTED_BEHIND, CORRECTED_STATES };

enum corrected_event {
    CORRECTED_NOTHING,
    CORRECTED_STEPPED,  /* the wall clock has stepped, and is not believed */
    CORRECTED_RETURNED, /* it is right again */
    CORRECTED_BELIEVED, /* its new time has lasted: time has just jumped there */
};

struct corrected_clock {
    enum corrected_state state;
    int64_t settle_us;
    int64_t offset_us;    /* corrected time is the steady clock plus this */
    int64_t allowance_us; /* of drift and small steps that may still be followed */
    int64_t steady_us;    /* of the last reading */
    int64_t suspect_us;   /* wall minus steady clock while not trusted */
    int64_t since_us;     /* for how long `suspect_us` has been the same: by the steady clock, since when */
};

/* A wall clock that no issuer can work with (before 1970, beyond 2112) is never believed; until it shows a usable time
 * that lasts, time goes on from `otherwise_us`. */
void corrected_clock_init(struct corrected_clock *clock, int64_t settle_us, int64_t otherwise_us, int64_t wall_us,
                          int64_t steady_us);
/* Takes both readings of one moment. */
enum corrected_event corrected_clock_judge(struct corrected_clock *clock, int64_t wall_us, int64_t steady_us);
/* What time it is when the steady clock shows `steady_us`. */
int64_t corrected_clock_at(const struct corrected_clock *clock, int64_t steady_us);
/* By how much the wall clock is ahead of the corrected time; 0 while it is trusted. */
int64_t corrected_clock_error(const struct corrected_clock *clock);

#endif
