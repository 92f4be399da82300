/*
 * The issuer's process with its partitions, their journals and snapshots, and the feed; and the checker beside it,
 * which compares every decision with the model and every recovered journal with the earlier answers.
 */
#ifndef COUPOND_SIM_ISSUER_H
#define COUPOND_SIM_ISSUER_H

#include "sim.h"

struct sim_issuer *sim_issuer_create(struct sim *sim);
void sim_issuer_destroy(struct sim_issuer **issuer);

/* Does some of the process's work; starts it when it is down. */
void sim_issuer_work(struct sim *sim);
/* Stops it properly; it will start again. */
void sim_issuer_stop(struct sim *sim);
/* Kills it in the middle of its next action. */
void sim_issuer_kill_soon(struct sim *sim);
/* Kills it now. */
void sim_issuer_kill(struct sim *sim);

/* The issuer's time, while it is up. */
int64_t sim_issuer_now_us(struct sim *sim);

/* Stops it properly and starts it again, without a fault. */
void sim_issuer_come_back(struct sim *sim);
/* Decides a frame of the checker, complete except for its clock, and checks the answers, while the process is up. */
void sim_issuer_ask(struct sim *sim, uint16_t partition, void *frame, size_t size);

#endif
