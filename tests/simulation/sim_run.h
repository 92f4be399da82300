/*
 * A run of the simulation, from its seed to the final checks.
 */
#ifndef COUPOND_SIM_RUN_H
#define COUPOND_SIM_RUN_H

#include "sim.h"

/* Runs one seed from beginning to end. True when every promise was kept; `sim` has the rest. */
bool sim_run(struct sim *sim, uint64_t seed, bool verbose);

#endif
