/*
 * The persisters: processes that take one frame at a time and write it to the shared store.
 */
#ifndef COUPOND_SIM_PERSISTER_H
#define COUPOND_SIM_PERSISTER_H

#include "sim.h"

struct sim_persisters *sim_persisters_create(struct sim *sim);
void sim_persisters_destroy(struct sim_persisters **persisters);

/* Makes one attempt of one persister, or a fault. */
void sim_persisters_work(struct sim *sim);
/* Chooses a persister that can take another frame. False when there is none. */
bool sim_persisters_take_more(struct sim *sim, uint16_t *persister);
/* True when no persister has a current frame. */
bool sim_persisters_are_idle(const struct sim *sim);

#endif
