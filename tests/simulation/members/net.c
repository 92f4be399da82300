#include "tests/simulation/members/world.h"

#include "shared/error.h"

void net_send(struct world *world, const struct message *message)
{
    if (world->now_us < world->cut_until_us[message->from][message->to])
        return;
    if (world_strikes(world, world->plan.lose)) {
        world_count(world, FAULT_MESSAGE_LOST);
        return;
    }
    if (world->messages_count == MESSAGES_MAX)
        return;
    struct message *sent = &world->messages[world->messages_count++];
    *sent = *message;
    int64_t most = world->quiet ? 500 : world->plan.delay_us_max;
    sent->due_us = world->now_us + sim_random_between(&world->random, 50, most);
}

/* Any message that is due; ones to an earlier start of a process are lost with its connection. */
bool net_take(struct world *world, uint8_t to, struct message *message)
{
    for (size_t i = 0; i < world->messages_count; i++) {
        if (world->messages[i].to != to || world->messages[i].due_us > world->now_us)
            continue;
        *message = world->messages[i];
        world->messages[i] = world->messages[--world->messages_count];
        return true;
    }
    return false;
}
