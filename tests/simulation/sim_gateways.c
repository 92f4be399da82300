#include "sim_gateways.h"

#include <stdlib.h>

#include "shared/error.h"
#include "sim_network.h"

#define PING_US      3000  /* in some runs no issuer lives longer */
#define RATE_PPM_MAX 83000 /* the maximum slewing of chrony */
#define AHEAD_US_MAX 1000000000

struct gateway {
    int64_t ahead_us;
    int64_t rate_ppm;
    int64_t ping_at_us;
    struct link_clock clocks[SIM_PARTITIONS_MAX];
};

struct sim_gateways {
    struct gateway gateways[SIM_GATEWAYS_MAX];
};

struct sim_gateways *sim_gateways_create(struct sim *sim)
{
    struct sim_gateways *gateways = calloc(1, sizeof *gateways);
    CHECK(gateways != NULL);
    for (unsigned i = 0; i < sim->plan.gateways; i++) {
        gateways->gateways[i].ahead_us = sim_random_between(&sim->random, 0, AHEAD_US_MAX);
        gateways->gateways[i].rate_ppm = sim_random_between(&sim->random, -RATE_PPM_MAX, RATE_PPM_MAX);
    }
    return gateways;
}

void sim_gateways_destroy(struct sim_gateways **gateways)
{
    free(*gateways);
    *gateways = NULL;
}

int64_t sim_gateway_now_us(const struct sim *sim, uint16_t gateway)
{
    const struct gateway *self = &sim->gateways->gateways[gateway];
    return self->ahead_us + sim->mono_us + sim->mono_us * self->rate_ppm / 1000000;
}

bool sim_gateway_may_ask(const struct sim *sim, uint16_t gateway, uint16_t partition)
{
    return sim->gateways->gateways[gateway].clocks[partition].incarnation != 0;
}

void sim_gateway_send(struct sim *sim, uint16_t gateway, uint16_t partition, void *frame, size_t size)
{
    const struct link_clock *clock = &sim->gateways->gateways[gateway].clocks[partition];
    if (clock->incarnation != 0)
        frame_header_set_clock(frame, clock->incarnation, link_clock_least_us(clock, sim_gateway_now_us(sim, gateway)));
    sim_network_send_from(sim, gateway, SIM_TO_PARTITION, partition, frame, size);
}

bool sim_gateway_update_clock(struct sim *sim, uint16_t gateway, const struct frame_header *header)
{
    struct link_clock *clock = &sim->gateways->gateways[gateway].clocks[header->partition];
    return link_clock_update(clock, header->incarnation, header->clock_us, sim_gateway_now_us(sim, gateway));
}

static void ping(struct sim *sim, uint16_t gateway)
{
    struct gateway *self = &sim->gateways->gateways[gateway];
    if (sim->mono_us < self->ping_at_us)
        return;
    self->ping_at_us = sim->mono_us + PING_US;
    for (uint16_t p = 0; p < sim->plan.partitions; p++) {
        struct frame_header frame;
        frame_header_write(&frame, FRAME_PING, p, sim->plan.partitions, 0);
        if (sim_network_waiting(sim, SIM_TO_PARTITION, p) < 2 * SIM_FRAMES_WAITING_MAX)
            sim_gateway_send(sim, gateway, p, &frame, sizeof frame);
    }
}

void sim_gateways_work(struct sim *sim)
{
    for (uint16_t i = 0; i < sim->plan.gateways; i++) {
        ping(sim, i);
        if (!sim_strikes(sim, sim->plan.hold_link))
            continue;
        sim_count(sim, SIM_LINK_HELD);
        sim_network_hold(sim, i, sim->mono_us + sim_random_between(&sim->random, 10000, 80000));
    }
}
