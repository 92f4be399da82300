/*
 * The issuer's process, with its partitions, their journals and snapshots, and the feed; and the checker beside it that
 * asks the model about every decision and compares every journal that comes up again with what was answered before.
 */
#ifndef COUPOND_SIM_ISSUER_H
#define COUPOND_SIM_ISSUER_H

#include "sim.h"
#include "sim_model.h"

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

bool sim_issuer_is_up(const struct sim *sim);
/* True when every record that is written is synced and acknowledged by the store. */
bool sim_issuer_is_drained(const struct sim *sim);

/* Stops it in order and starts it again, without a fault. */
void sim_issuer_come_back(struct sim *sim);
/* Asks every partition about every user and coupon, and judges the answers. The process is up. */
void sim_issuer_ask_all(struct sim *sim);

/* What the journal of a partition holds, as the model has it. */
const struct model *sim_issuer_model(const struct sim *sim, uint16_t partition);
struct sim_told;
/* True when the issue was lost with the power after the answer, as the sync policy allows. */
bool sim_issuer_may_lack(const struct sim *sim, const struct sim_told *told);
/* True when the store lost the record after its segment was removed: it can only be in another backup. */
bool sim_issuer_is_gone(const struct sim *sim, uint16_t partition, uint64_t seq);
/* The last record that no loss of power can take away any more. */
uint64_t sim_issuer_durable_seq(const struct sim *sim, uint16_t partition);

#endif
