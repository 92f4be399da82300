/*
 * The checker of the issuer's clock: which times it may use. It does not know the clock's states: it records for how
 * long the wall clock has kept its difference to the steady clock. A time is valid if the wall clock showed it when the
 * process began, or has shown it for as long as a step must last; the clock may follow small differences.
 */
#ifndef COUPOND_SIM_TRUE_CLOCK_H
#define COUPOND_SIM_TRUE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

struct sim_true_clock {
    int64_t stands_us; /* wall minus steady clock, and since when */
    int64_t since_us;
    int64_t believed_us; /* wall minus steady clock, as it last lasted long enough */
};

void sim_true_clock_begin(struct sim_true_clock *clock, int64_t wall_us, int64_t steady_us);
/* Called whenever the issuer reads its clock. */
void sim_true_clock_update(struct sim_true_clock *clock, int64_t settle_us, int64_t wall_us, int64_t steady_us);
bool sim_true_clock_allows(const struct sim_true_clock *clock, int64_t now_us, int64_t steady_us);

#endif
