/* What clients, persisters and journals must never see, with no code in common with the roles. */
#include "tests/simulation/members/world.h"

#include <inttypes.h>

/* An issue that was told of holds for ever, at its place. */
static void judge_told(struct world *world, const struct node *node, const struct request *request)
{
    int user = request->user;
    if (world->told_seq[user] == 0) {
        world->told_seq[user] = request->seq;
        world->told_order[user] = world->order;
        if (++world->told_count > world->plan.quantity)
            world_fail(world, "%d users were told of issues, %d is the quantity", world->told_count,
                       world->plan.quantity);
    } else if (world->told_seq[user] != request->seq) {
        world_fail(world, "user %d was told of record %" PRIu64 ", and by member %u of %" PRIu64, user,
                   world->told_seq[user], node->index, request->seq);
    }
    if (request->result == RESULT_ISSUED && world->told_order[user] < request->began)
        world_fail(world, "user %d had been told of an issue, and is issued again by member %u", user, node->index);
}

void judge_answer(struct world *world, const struct node *node, const struct request *request)
{
    int user = request->user;
    bool held = world->told_seq[user] != 0 && world->told_order[user] < request->began;
    world->order++;
    world->answers++;
    world->answers_quiet += world->quiet;
    switch (request->result) {
    case RESULT_ISSUED:
    case RESULT_HELD:
    case RESULT_FOUND:
        if (request->result == RESULT_ISSUED && world->sold_out_order != 0 && world->sold_out_order < request->began)
            world_fail(world, "issued after the sell-out was told");
        judge_told(world, node, request);
        break;
    case RESULT_SOLD_OUT:
        world->sold_out_order = world->sold_out_order == 0 ? world->order : world->sold_out_order;
        if (held)
            world_fail(world, "a holder is told that all is gone");
        break;
    case RESULT_NOT_FOUND:
        if (held)
            world_fail(world, "a lookup by member %u does not find the issue that user %d was told of", node->index,
                       user);
        break;
    }
}

void judge_confirmation(struct world *world, const struct node *node)
{
    if (node->followed.epoch <= node->taking)
        world_fail(world, "member %u confirms epoch %" PRIu64 ", although it has tried to take over", node->index,
                   node->followed.epoch);
}

void judge_discard(struct world *world, const struct node *node)
{
    bool restored = world->epoch < world->epoch_max;
    const struct member_row *row = &world->rows[restored ? world->epoch_max : world->epoch];
    if (row->standby == node->index || row->owner == node->index)
        world_fail(world, "member %u, which the row names, throws its journal aside", node->index);
}

void judge_term(struct world *world, const struct node *node)
{
    if (world->begun[node->role.term])
        world_fail(world, "member %u begins the term %" PRIu64 ", which has begun already", node->index,
                   node->role.term);
    world->begun[node->role.term] = true;
    if (world->rows[node->role.term].owner != node->index)
        world_fail(world, "member %u decides in epoch %" PRIu64 ", which is not its own", node->index, node->role.term);
}

void judge_stream(struct world *world, struct node *node)
{
    uint64_t until = member_role_confirmed_seq(&node->role);
    for (; node->streamed < until && node->streamed < node->journal.count; node->streamed++) {
        uint64_t i = node->streamed;
        int user = node->journal.records[i].user;
        if (i < world->database_count && world->database[i] != user)
            world_fail(world, "the database has user %d at %" PRIu64 ", member %u sends %d", world->database[i], i + 1,
                       node->index, user);
        if (i >= world->database_count)
            world->database[world->database_count++] = user;
    }
}

static void judge_users(struct world *world, const struct node *owner)
{
    bool seen[USERS_MAX] = {false};
    int issued = 0;
    for (uint64_t i = 0; i < owner->journal.count; i++) {
        int user = owner->journal.records[i].user;
        if (user == NOBODY)
            continue;
        if (seen[user])
            world_fail(world, "user %d has two issues", user);
        seen[user] = true;
        issued++;
        if (world->told_seq[user] != 0 && world->told_seq[user] != i + 1)
            world_fail(world, "the issue of user %d has moved", user);
    }
    if (issued > world->plan.quantity || (world->sold_out_order != 0 && issued < world->plan.quantity))
        world_fail(world, "%d issues of %d", issued, world->plan.quantity);
    for (int user = 0; user < USERS_MAX; user++) {
        if (world->told_seq[user] != 0 && !seen[user])
            world_fail(world, "user %d was told of an issue that is lost", user);
    }
}

void judge_end(struct world *world)
{
    const struct member_row *row = store_row(world);
    const struct node *owner = &world->nodes[row->owner];
    if (owner->role.state != MEMBER_OWNER || world->answers_quiet == 0) {
        world_fail(world, "the faults are over, but nobody decides: the row has epoch %" PRIu64 ", owner %u, state %d",
                   row->epoch, row->owner, (int)owner->role.state);
        return;
    }
    if (row->standby == MEMBER_NONE)
        world_fail(world, "the faults are over, but there is no standby");
    judge_users(world, owner);
    for (uint64_t i = 0; i < world->database_count; i++) {
        if (i >= owner->journal.count || owner->journal.records[i].user != world->database[i])
            world_fail(world, "the database has a record that the owner lacks");
    }
}
