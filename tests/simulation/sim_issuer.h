/*
 * The issuer's process, with its partitions, their journals and snapshots, and the feed; and the checker beside it that
 * asks the model about every decision and compares every journal that comes up again with what was answered before.
 */
#ifndef COUPOND_SIM_ISSUER_H
#define COUPOND_SIM_ISSUER_H

#include "sim.h"

struct sim_issuer *sim_issuer_create(struct sim *sim);
void sim_issuer_destroy(struct sim_issuer **issuer);

/* Some of what the process would do now; a start when it is down. */
void sim_issuer_work(struct sim *sim);
/* Stops it in order; it will come up again. */
void sim_issuer_stop(struct sim *sim);
/* It is killed in the middle of what it is about to do. */
void sim_issuer_kill_soon(struct sim *sim);
/* It is killed here and now. */
void sim_issuer_kill(struct sim *sim);

/* What time it is to the issuer, which is up. */
int64_t sim_issuer_now_us(struct sim *sim);

/* Stops it in order and starts it again, without a fault. */
void sim_issuer_come_back(struct sim *sim);
/* Asks every partition about every user and coupon, and judges the answers. The process is up. */
void sim_issuer_ask_all(struct sim *sim);

#endif
