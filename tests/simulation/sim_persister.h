/* The persisters: processes that take one frame at a time and write it to the store that they share. */
#ifndef COUPOND_SIM_PERSISTER_H
#define COUPOND_SIM_PERSISTER_H

#include "sim.h"

struct sim_persisters *sim_persisters_create(struct sim *sim);
void sim_persisters_destroy(struct sim_persisters **persisters);

/* One attempt of one of them, or a fault. */
void sim_persisters_work(struct sim *sim);
/* Chooses one that takes another frame. False when none does now. */
bool sim_persisters_take_more(struct sim *sim, uint16_t *persister);
/* True when none has a frame in hand. */
bool sim_persisters_are_idle(const struct sim *sim);

#endif
