/*
 * Gateways and the people behind them: they ask, ask again when nobody answers, and remember what they were told.
 */
#ifndef COUPOND_SIM_CLIENTS_H
#define COUPOND_SIM_CLIENTS_H

#include "sim.h"

#include "shared/coupon.h"
#include "sim_model.h"

/* Requests in one frame at the most. */
#define SIM_ISSUES_A_FRAME  12
#define SIM_COUPONS_A_FRAME 2

/* An issue that somebody was told of. */
struct sim_told {
    uint16_t partition;
    char coupon_id[COUPON_ID_MAX + 1];
    char user_id[USER_ID_MAX + 1];
    uint32_t sequence;
    int64_t issued_at_us;
};

struct sim_clients *sim_clients_create(void);
void sim_clients_destroy(struct sim_clients **clients);

/* Sends requests, new ones and those that nobody answered. */
void sim_clients_ask(struct sim *sim);
/* Takes the answers that have arrived. */
void sim_clients_listen(struct sim *sim);
/* Asks for nothing new but for one last coupon of each partition, so that the store is heard of once more. */
void sim_clients_close(struct sim *sim);
/* True when all that shall be asked was asked and answered. */
bool sim_clients_are_done(const struct sim *sim);
/* How many operations wait for an answer. */
size_t sim_clients_waiting(const struct sim *sim);

/* True when whoever sent the request with this tag is told by now that its outcome is unknown. */
bool sim_clients_gave_up(const struct sim *sim, uint64_t tag);

/* The issues that the clients were told of. */
const struct sim_told *sim_clients_told(const struct sim *sim, size_t *count);

/* True when the record is the issue. */
bool sim_told_is(const struct sim_told *told, const struct model_record *record);

/* The ids that occur. */
void sim_coupon_id(unsigned coupon, char out[COUPON_ID_MAX + 1]);
void sim_user_id(unsigned user, char out[USER_ID_MAX + 1]);

#endif
