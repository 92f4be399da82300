#include "tests/simulation/members/world.h"

#include "shared/error.h"

const struct member_row *store_row(const struct world *world)
{
    return &world->rows[world->epoch];
}

static bool write_row(struct world *world, const struct member_ask *ask)
{
    const struct member_row *wanted = ask->kind == MEMBER_ASK_TOUCH ? &ask->to : &ask->from;
    if (!member_row_equals(store_row(world), wanted))
        return false;
    if (ask->kind == MEMBER_ASK_TOUCH)
        return true;
    CHECK(world->epoch + 1 < sizeof world->rows / sizeof world->rows[0]);
    world->rows[++world->epoch] = ask->to;
    if (world->verbose)
        world_trace(world, NULL, "row", world->epoch, ask->to.owner * 100u + ask->to.standby);
    return true;
}

/* Writes whose connection was lost before the answer happen at some time, or never. */
void store_happen(struct world *world)
{
    for (size_t i = 0; i < world->late_count;) {
        if (!sim_random_chance(&world->random, 20)) {
            i++;
            continue;
        }
        if (write_row(world, &world->late[i]))
            world_count(world, FAULT_UNKNOWN_LATER);
        world->late[i] = world->late[--world->late_count];
    }
}

void store_restore(struct world *world)
{
    if (world->epoch < 4)
        return;
    world_count(world, FAULT_STORE_RESTORED);
    world->epoch_max = world->epoch > world->epoch_max ? world->epoch : world->epoch_max;
    world->epoch -= 1 + sim_random_below(&world->random, 2);
    world_trace(world, NULL, "restored", world->epoch, world->epoch_max);
}

void store_repair(struct world *world)
{
    if (world->epoch >= world->epoch_max)
        return;
    struct member_row row = world->rows[world->epoch_max];
    row.epoch = world->epoch = world->epoch_max + 1;
    world->rows[row.epoch] = row;
    world->late_count = 0;
}

void store_begin(struct world *world, struct node *node)
{
    member_role_ask(&node->role, &node->ask);
    if (node->ask.kind == MEMBER_ASK_NOTHING)
        return;
    node->asking = true;
    if (node->ask.kind == MEMBER_ASK_CHANGE && node->ask.to.owner == node->index && node->ask.from.owner != node->index)
        node->taking = node->ask.from.epoch;
    node->answer_at_us = world->now_us + sim_random_between(&world->random, 300, world->quiet ? 3000 : 50000);
}

static void answer_read(struct world *world, struct node *node)
{
    struct member_row row = *store_row(world);
    if (world->epoch > 1 && world_strikes(world, world->plan.stale)) {
        row = world->rows[world->epoch - 1 - sim_random_below(&world->random, world->epoch > 3 ? 2 : 1)];
        world_count(world, FAULT_STALE_READ);
    }
    member_role_on_answer(&node->role, &node->ask, MEMBER_MATCHED, &row, world->now_us);
}

static enum member_outcome lose_answer(struct world *world, const struct member_ask *ask)
{
    switch (sim_random_below(&world->random, 3)) {
    case 0:
        if (write_row(world, ask))
            world_count(world, FAULT_UNKNOWN_MADE);
        break;
    case 1:
        if (world->late_count < sizeof world->late / sizeof world->late[0])
            world->late[world->late_count++] = *ask;
        break;
    default:
        world_count(world, FAULT_UNKNOWN_NEVER);
    }
    return MEMBER_UNKNOWN;
}

void store_work(struct world *world, struct node *node)
{
    if (!node->asking || world->now_us < node->answer_at_us)
        return;
    node->asking = false;
    if (world_strikes(world, world->plan.store_away)) {
        world_count(world, FAULT_STORE_AWAY);
        member_role_on_answer(&node->role, &node->ask, MEMBER_UNKNOWN, NULL, world->now_us);
        return;
    }
    if (node->ask.kind == MEMBER_ASK_READ) {
        answer_read(world, node);
        return;
    }
    enum member_outcome outcome = MEMBER_UNKNOWN;
    if (world_strikes(world, world->plan.unknown))
        outcome = lose_answer(world, &node->ask);
    else
        outcome = write_row(world, &node->ask) ? MEMBER_MATCHED : MEMBER_OTHER;
    member_role_on_answer(&node->role, &node->ask, outcome, NULL, world->now_us);
}
