#include "sim_network.h"

#include <stdlib.h>
#include <string.h>

#include "shared/error.h"

#define MESSAGES_MAX 4096

struct sim_network {
    struct sim_message messages[MESSAGES_MAX];
    size_t count;
    uint64_t order;
    int64_t held_until_us[SIM_GATEWAYS_MAX];
    int64_t fence_us[SIM_GATEWAYS_MAX]; /* nothing that goes to a gateway arrives earlier */
};

struct sim_network *sim_network_create(void)
{
    struct sim_network *network = calloc(1, sizeof *network);
    CHECK(network != NULL);
    return network;
}

void sim_network_destroy(struct sim_network **network)
{
    if (*network == NULL)
        return;
    for (size_t i = 0; i < (*network)->count; i++)
        free((*network)->messages[i].bytes);
    free(*network);
    *network = NULL;
}

/* True for a message to or from this gateway. */
static bool passes_gateway(const struct sim_message *message, uint16_t gateway)
{
    return (message->port == SIM_TO_PARTITION && message->from == gateway) ||
           (message->port == SIM_TO_CLIENTS && message->index == gateway);
}

static void delay(int64_t *due_us, int64_t until_us)
{
    *due_us = *due_us > until_us ? *due_us : until_us;
}

void sim_network_hold(struct sim *sim, uint16_t gateway, int64_t until_us)
{
    struct sim_network *network = sim->network;
    delay(&network->held_until_us[gateway], until_us);
    for (size_t i = 0; i < network->count; i++) {
        if (passes_gateway(&network->messages[i], gateway))
            delay(&network->messages[i].due_us, until_us);
    }
}

void sim_network_fence(struct sim *sim)
{
    struct sim_network *network = sim->network;
    for (size_t i = 0; i < network->count; i++) {
        const struct sim_message *message = &network->messages[i];
        if (message->port == SIM_TO_CLIENTS)
            delay(&network->fence_us[message->index], message->due_us);
    }
}

static void put(struct sim *sim, uint16_t from, enum sim_port port, uint16_t index, const void *bytes, size_t size)
{
    struct sim_network *network = sim->network;
    CHECK(network->count < MESSAGES_MAX);
    struct sim_message *message = &network->messages[network->count++];
    *message =
        (struct sim_message){.port = port, .index = index, .from = from, .order = network->order++, .size = size};
    message->due_us = sim->mono_us + sim_random_between(&sim->random, 0, sim->quiet ? 100 : sim->plan.delay_us_max);
    for (uint16_t i = 0; i < SIM_GATEWAYS_MAX; i++) {
        if (passes_gateway(message, i))
            delay(&message->due_us, network->held_until_us[i]);
        if (port == SIM_TO_CLIENTS && index == i)
            delay(&message->due_us, network->fence_us[i]);
    }
    message->bytes = malloc(size);
    CHECK(message->bytes != NULL);
    memcpy(message->bytes, bytes, size);
}

void sim_network_send(struct sim *sim, enum sim_port port, uint16_t index, const void *bytes, size_t size)
{
    sim_network_send_from(sim, 0, port, index, bytes, size);
}

void sim_network_send_from(struct sim *sim, uint16_t gateway, enum sim_port port, uint16_t index, const void *bytes,
                           size_t size)
{
    static const enum sim_fault lost[] = {
        [SIM_TO_PARTITION] = SIM_REQUEST_LOST,
        [SIM_TO_CLIENTS] = SIM_REPLY_LOST,
        [SIM_TO_PERSISTER] = SIM_EVENTS_LOST,
        [SIM_TO_FEED] = SIM_ACK_LOST,
    };
    static const enum sim_fault doubled[] = {
        [SIM_TO_PARTITION] = SIM_REQUEST_DOUBLED,
        [SIM_TO_PERSISTER] = SIM_EVENTS_DOUBLED,
        [SIM_TO_FEED] = SIM_ACK_DOUBLED,
    };
    if (sim_strikes(sim, sim->plan.lose)) {
        sim_count(sim, lost[port]);
        return;
    }
    put(sim, gateway, port, index, bytes, size);
    if (port != SIM_TO_CLIENTS && sim_strikes(sim, sim->plan.repeat)) {
        sim_count(sim, doubled[port]);
        put(sim, gateway, port, index, bytes, size);
    }
}

static void remove_at(struct sim_network *network, size_t i)
{
    network->messages[i] = network->messages[--network->count];
}

bool sim_network_take(struct sim *sim, enum sim_port port, uint16_t index, struct sim_message *taken)
{
    struct sim_network *network = sim->network;
    size_t best = SIZE_MAX;
    bool overtakes = false;
    for (size_t i = 0; i < network->count; i++) {
        const struct sim_message *message = &network->messages[i];
        if (message->port != port || message->index != index || message->due_us > sim->mono_us)
            continue;
        const struct sim_message *other = best == SIZE_MAX ? NULL : &network->messages[best];
        if (other == NULL || message->due_us < other->due_us ||
            (message->due_us == other->due_us && message->order < other->order))
            best = i;
    }
    if (best == SIZE_MAX)
        return false;
    *taken = network->messages[best];
    remove_at(network, best);
    for (size_t i = 0; i < network->count; i++)
        overtakes |= network->messages[i].port == port && network->messages[i].index == index &&
                     network->messages[i].order < taken->order;
    if (overtakes)
        sim_count(sim, SIM_REORDERED);
    return true;
}

size_t sim_network_waiting(const struct sim *sim, enum sim_port port, uint16_t index)
{
    size_t count = 0;
    for (size_t i = 0; i < sim->network->count; i++)
        count += sim->network->messages[i].port == port && sim->network->messages[i].index == index;
    return count;
}

void sim_network_cut(struct sim *sim, enum sim_port port, uint16_t index)
{
    struct sim_network *network = sim->network;
    for (size_t i = network->count; i-- > 0;) {
        struct sim_message *message = &network->messages[i];
        if (message->port != port || message->index != index || sim_random_chance(&sim->random, 200))
            continue;
        free(message->bytes);
        remove_at(network, i);
    }
}
