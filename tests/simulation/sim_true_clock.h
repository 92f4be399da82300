/*
 * The checker of the issuer's clock: which times it may go by. It knows nothing of the clock's states: it notes for how
 * long the wall clock has stood where it stands beside the steady clock. A time is right that the wall clock showed
 * when the process began, or has shown for as long as a step has to last; small differences are what the clock may
 * follow.
 */
#ifndef COUPOND_SIM_TRUE_CLOCK_H
#define COUPOND_SIM_TRUE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

struct sim_true_clock {
    int64_t stands_us; /* wall minus steady clock, and since when */
    int64_t since_us;
    int64_t believed_us; /* wall minus steady clock where it stood long enough last */
};

void sim_true_clock_begin(struct sim_true_clock *clock, int64_t wall_us, int64_t steady_us);
/* At every look of the issuer at its clock. */
void sim_true_clock_look(struct sim_true_clock *clock, int64_t settle_us, int64_t wall_us, int64_t steady_us);
bool sim_true_clock_allows(const struct sim_true_clock *clock, int64_t now_us, int64_t steady_us);

#endif
