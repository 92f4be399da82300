/*
 * The clocks of gateways: each runs at its own rate and learns the issuer's clock by the code of the real gateway.
 * Requests of clients travel through one of them.
 */
#ifndef COUPOND_SIM_GATEWAYS_H
#define COUPOND_SIM_GATEWAYS_H

#include "gateway/link/clock.h"
#include "shared/wire/frame.h"
#include "sim.h"

struct sim_gateways *sim_gateways_create(struct sim *sim);
void sim_gateways_destroy(struct sim_gateways **gateways);

/* The time on the gateway's own clock. */
int64_t sim_gateway_now_us(const struct sim *sim, uint16_t gateway);
/* False before it knows the clock of the partition: it asks nothing then. */
bool sim_gateway_may_ask(const struct sim *sim, uint16_t gateway, uint16_t partition);
/* Sends a frame, complete except for its clock, to a partition. */
void sim_gateway_send(struct sim *sim, uint16_t gateway, uint16_t partition, void *frame, size_t size);
/* Takes the clock of a frame from the issuer. True when the issuer was restarted. */
bool sim_gateway_update_clock(struct sim *sim, uint16_t gateway, const struct frame_header *header);
/* Sends due pings; now and then the network holds back the traffic of one gateway. */
void sim_gateways_work(struct sim *sim);

#endif
