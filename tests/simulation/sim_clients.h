/*
 * Gateways and their clients: they ask, ask again without an answer, and remember the answers.
 */
#ifndef COUPOND_SIM_CLIENTS_H
#define COUPOND_SIM_CLIENTS_H

#include "sim.h"

#include "sim_model.h"
#include "sim_wish.h"

/* Maximum number of requests in one frame. */
#define SIM_ISSUES_A_FRAME      12
#define SIM_CHANGES_A_FRAME     6
#define SIM_COUPONS_A_FRAME     2
#define SIM_CHANGES_A_FRAME_MIN 3 /* of a run's maximum */

struct sim_clients *sim_clients_create(void);
void sim_clients_destroy(struct sim_clients **clients);

/* Sends requests, new and unanswered ones. */
void sim_clients_ask(struct sim *sim);
/* Receives the answers that have arrived. */
void sim_clients_listen(struct sim *sim);
/* Asks for nothing new, except one last coupon per partition, so that the store answers once more. */
void sim_clients_close(struct sim *sim);
/* True when every request has been sent and answered. */
bool sim_clients_are_done(const struct sim *sim);
/* The number of operations that wait for an answer. */
size_t sim_clients_waiting(const struct sim *sim);

/* True when the sender of the request with this tag has been told that its outcome is unknown. */
bool sim_clients_gave_up(const struct sim *sim, uint64_t tag);

/* The issues that clients were told. */
const struct sim_told *sim_clients_told(const struct sim *sim, size_t *count);

/* True when the record is that issue. */
bool sim_told_is(const struct sim_told *told, const struct model_record *record);

#endif
