/*
 * Gateways as far as time goes: clocks of their own that run at their own rates, and what they know of the issuer's,
 * by the code of the real ones. What clients ask travels through one of them.
 */
#ifndef COUPOND_SIM_GATEWAYS_H
#define COUPOND_SIM_GATEWAYS_H

#include "gateway/link/issuer_clock.h"
#include "shared/wire/frame.h"
#include "sim.h"

struct sim_gateways *sim_gateways_create(struct sim *sim);
void sim_gateways_destroy(struct sim_gateways **gateways);

/* What the gateway's own clock shows. */
int64_t sim_gateway_now_us(const struct sim *sim, uint16_t gateway);
/* False before it has heard of the partition: it asks nothing then. */
bool sim_gateway_may_ask(const struct sim *sim, uint16_t gateway, uint16_t partition);
/* Sends a frame that is written but for its clock to a partition. */
void sim_gateway_send(struct sim *sim, uint16_t gateway, uint16_t partition, void *frame, size_t size);
/* Takes the clock of a frame from the issuer. True when that has been started anew. */
bool sim_gateway_hear(struct sim *sim, uint16_t gateway, const struct frame_header *header);
/* Pings that are due; now and then the network holds back what goes to and from one of them. */
void sim_gateways_work(struct sim *sim);

#endif
