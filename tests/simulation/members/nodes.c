#include "tests/simulation/members/world.h"

#include <string.h>

#include "shared/error.h"

#define HEARTBEAT_US 5000
#define SHRINK_US    25000
#define TAKEOVER_US  75000
#define CHUNK        16

/* --- life --- */

static struct member_position end_of(const struct node *node, uint64_t count)
{
    return (struct member_position){count == 0 ? 0 : node->journal.records[count - 1].term, count};
}

static void truncate(struct node *node, uint64_t count)
{
    for (uint64_t i = count; i < node->journal.count; i++) {
        if (node->journal.records[i].user == NOBODY)
            continue;
        node->journal.of_user[node->journal.records[i].user] = 0;
        node->journal.issued--;
    }
    node->journal.count = count;
    node->synced = node->synced < count ? node->synced : count;
}

static void append(struct node *node, uint64_t term, int user)
{
    CHECK(node->journal.count < RECORDS_MAX);
    node->journal.records[node->journal.count++] = (struct record){term, user};
    if (user == NOBODY)
        return;
    node->journal.of_user[user] = node->journal.count;
    node->journal.issued++;
}

void node_start(struct world *world, struct node *node)
{
    const struct member_config config = {
        .self = node->index,
        .count = world->plan.nodes,
        .confirms = true,
        .alone = world->plan.alone,
        .heartbeat_us = HEARTBEAT_US,
        .shrink_us = SHRINK_US,
        .takeover_us = TAKEOVER_US,
    };
    const struct member_position end = end_of(node, node->journal.count);
    member_role_init(&node->role, &config, &end, node->complete, world->now_us);
    node->up = true;
    node->incarnation++;
    node->synced = node->journal.count; /* recovery syncs what it has read */
    world_trace(world, node, "start", end.term, end.seq);
}

void node_stop(struct world *world, struct node *node, bool power, bool disk)
{
    world_trace(world, node, "killed", power, disk);
    world_count(world, disk ? FAULT_DISK_LOST : power ? FAULT_POWER_LOST : FAULT_KILLED);
    if (power && node->journal.count > node->synced) {
        truncate(node, node->synced);
        world_count(world, FAULT_TAIL_LOST);
    }
    if (disk) {
        truncate(node, 0);
        node->complete = false;
    }
    node->up = node->begun = node->asking = false;
    node->turns = node->turn_followed = 0;
    node->unsynced_count = node->waiting_count = node->decided_count = 0;
    memset(node->joined, 0, sizeof node->joined);
    node->followed = (struct member_row){0};
    node->followed_seq = node->answered_seq = node->taking = 0;
    node->confirms = false;
    node->still_until_us = 0;
    node->start_at_us = world->now_us + sim_random_between(&world->random, 1000, 150000);
}

bool node_may_lose_disk(const struct world *world, const struct node *node)
{
    const struct member_row *row = store_row(world);
    if (node->index != row->owner && node->index != row->standby)
        return true;
    uint8_t other = node->index == row->owner ? row->standby : row->owner;
    return other != MEMBER_NONE && world->nodes[other].complete;
}

/* --- an owner --- */

static void end_turn(struct node *node)
{
    CHECK(node->unsynced_count < TURNS_MAX);
    node->unsynced[node->unsynced_count++] = (struct turn){++node->turns, node->journal.count};
    member_role_on_written(&node->role, node->turns);
}

static void forget_owner(struct node *node)
{
    node->begun = false;
    node->turns = 0;
    node->unsynced_count = node->waiting_count = node->decided_count = 0;
    memset(node->joined, 0, sizeof node->joined);
}

static void begin_term(struct world *world, struct node *node)
{
    forget_owner(node);
    node->begun = true;
    node->streamed = 0;
    append(node, node->role.term, NOBODY);
    end_turn(node);
    judge_term(world, node);
    world_trace(world, node, "owns", node->role.term, node->journal.count);
}

static void decide(struct world *world, struct node *node, struct request *request)
{
    request->seq = node->journal.of_user[request->user];
    request->turn = node->turns + 1;
    if (request->lookup) {
        request->result = request->seq > 0 ? RESULT_FOUND : RESULT_NOT_FOUND;
    } else if (request->seq > 0) {
        request->result = RESULT_HELD;
    } else if (node->journal.issued >= world->plan.quantity) {
        request->result = RESULT_SOLD_OUT;
    } else {
        append(node, node->role.term, request->user);
        request->seq = node->journal.count;
        request->result = RESULT_ISSUED;
    }
}

static void work_turn(struct world *world, struct node *node)
{
    if (node->waiting_count == 0 || node->unsynced_count > TURNS_MAX / 2 || !member_role_decides(&node->role) ||
        node->decided_count + node->waiting_count > TURNS_MAX)
        return;
    for (size_t i = 0; i < node->waiting_count; i++) {
        decide(world, node, &node->waiting[i]);
        node->decided[node->decided_count++] = node->waiting[i];
    }
    node->waiting_count = 0;
    end_turn(node);
}

static void release(struct world *world, struct node *node)
{
    uint64_t released = member_role_released_turn(&node->role);
    size_t kept = 0;
    for (size_t i = 0; i < node->decided_count; i++) {
        if (node->decided[i].turn <= released)
            judge_answer(world, node, &node->decided[i]);
        else
            node->decided[kept++] = node->decided[i];
    }
    node->decided_count = kept;
    judge_stream(world, node);
}

static void sync_owner(struct node *node)
{
    if (node->unsynced_count == 0)
        return;
    const struct turn *last = &node->unsynced[node->unsynced_count - 1];
    const struct member_position end = end_of(node, last->end);
    node->synced = node->journal.count;
    member_role_on_synced(&node->role, last->number, &end);
    node->unsynced_count = 0;
}

static struct message message_to(const struct node *node, enum message_kind kind, uint8_t to)
{
    struct message message = {.kind = kind, .from = node->index, .to = to, .from_incarnation = node->incarnation};
    member_role_heartbeat(&node->role, &message.heartbeat);
    return message;
}

static void send_records(struct world *world, struct node *node, uint8_t to)
{
    bool all = member_role_sends_all(&node->role, to);
    uint64_t until = all ? node->journal.count : member_role_confirmed_seq(&node->role);
    struct message message = message_to(node, MESSAGE_APPEND, to);
    message.to_incarnation = node->joined_incarnation[to];
    message.after = node->sent[to];
    message.after_term = end_of(node, node->sent[to]).term;
    message.term = node->role.term;
    while (node->sent[to] < until && message.count < CHUNK)
        message.records[message.count++] = node->journal.records[node->sent[to]++];
    message.turn = all && node->sent[to] == node->journal.count ? node->turns : 0;
    net_send(world, &message);
}

static void work_owner(struct world *world, struct node *node)
{
    if (!node->begun || node->role.term != node->journal.records[node->journal.count - 1].term)
        begin_term(world, node);
    if (sim_random_chance(&world->random, 500))
        work_turn(world, node);
    if (sim_random_chance(&world->random, 600))
        sync_owner(node);
    release(world, node);
    for (uint8_t i = 0; i < world->plan.nodes; i++) {
        if (node->joined[i] && sim_random_chance(&world->random, 500))
            send_records(world, node, i);
    }
}

/* --- a follower --- */

static bool has_point(const struct node *node, uint64_t count, uint64_t term)
{
    return count <= node->journal.count && (count == 0 || node->journal.records[count - 1].term == term);
}

static void on_join(struct world *world, struct node *node, const struct message *message)
{
    if (node->role.state != MEMBER_OWNER || !node->begun)
        return;
    bool matches = has_point(node, message->after, message->after_term);
    member_role_on_joining(&node->role, message->from, message->after, matches, world->now_us);
    node->joined[message->from] = matches;
    node->joined_incarnation[message->from] = message->from_incarnation;
    node->sent[message->from] = message->after;
    if (matches)
        return;
    struct message diverged = message_to(node, MESSAGE_DIVERGED, message->from);
    diverged.to_incarnation = message->from_incarnation;
    diverged.after = message->after;
    diverged.after_term = message->after_term;
    net_send(world, &diverged);
}

static void on_append(struct world *world, struct node *node, const struct message *message)
{
    if (!member_role_follows(&node->role, message->from, &message->heartbeat) ||
        !has_point(node, message->after, message->after_term))
        return;
    for (uint64_t i = 0; i < message->count; i++) {
        uint64_t at = message->after + i;
        if (at < node->journal.count && node->journal.records[at].term != message->records[i].term)
            return; /* it has more than its owner, and will ask to join again */
        if (at == node->journal.count)
            append(node, message->records[i].term, message->records[i].user);
    }
    if (message->turn > 0 && message->after + message->count != node->journal.count)
        return;
    if (message->term != node->followed_term || message->from_incarnation != node->followed_incarnation)
        node->turn_followed = node->followed_seq = 0;
    node->followed_term = message->term;
    node->followed = message->heartbeat.row;
    node->turn_followed = message->turn > node->turn_followed ? message->turn : node->turn_followed;
    node->join_at_us = world->now_us + 2 * HEARTBEAT_US;
    node->answered_seq = message->heartbeat.answered_seq;
    node->followed_incarnation = message->from_incarnation;
    uint64_t until = message->after + message->count;
    node->followed_seq = until > node->followed_seq ? until : node->followed_seq;
    node->confirms = true;
}

/* What was taken while it followed may be confirmed only while it still follows. */
static void sync_follower(struct world *world, struct node *node)
{
    if (!node->confirms)
        return;
    node->confirms = false;
    struct member_heartbeat owner = {.row = node->followed, .owns = true};
    if (!member_role_follows(&node->role, node->followed.owner, &owner))
        return;
    const struct member_position end = end_of(node, node->journal.count);
    node->synced = node->journal.count;
    member_role_on_followed(&node->role, &end, node->answered_seq);
    node->complete = node->role.complete;
    struct message confirm = message_to(node, MESSAGE_CONFIRM, node->followed.owner);
    confirm.to_incarnation = node->followed_incarnation;
    confirm.confirmation = (struct member_confirmation){node->followed.epoch, node->turn_followed, node->followed_seq};
    judge_confirmation(world, node);
    net_send(world, &confirm);
}

static void on_diverged(struct world *world, struct node *node, const struct message *message)
{
    const struct member_position end = end_of(node, node->journal.count);
    if (!member_role_follows(&node->role, message->from, &message->heartbeat) || message->after != end.seq ||
        message->after_term != end.term || !member_role_may_discard(&node->role))
        return;
    world_trace(world, node, "discards", end.term, end.seq);
    world_count(world, FAULT_DISCARDED);
    judge_discard(world, node);
    truncate(node, 0);
    node->turn_followed = node->followed_seq = 0;
    node->confirms = false;
    node->complete = false;
    member_role_on_discarded(&node->role);
    node->join_at_us = world->now_us;
}

static void work_follower(struct world *world, struct node *node)
{
    uint8_t owner = node->role.row.owner;
    if (sim_random_chance(&world->random, 600))
        sync_follower(world, node);
    if (world->now_us < node->join_at_us || owner == MEMBER_NONE || owner == node->index)
        return;
    node->join_at_us = world->now_us + HEARTBEAT_US;
    node->synced = node->journal.count; /* what it has is what it may lose no more */
    struct message join = message_to(node, MESSAGE_JOIN, owner);
    const struct member_position end = end_of(node, node->journal.count);
    join.after = end.seq;
    join.after_term = end.term;
    net_send(world, &join);
}

/* --- all --- */

static void take_message(struct world *world, struct node *node, const struct message *message)
{
    if (message->to_incarnation != 0 && message->to_incarnation != node->incarnation)
        return;
    if (message->from_incarnation != world->nodes[message->from].incarnation)
        return; /* its connection is gone */
    member_role_on_heartbeat(&node->role, message->from, &message->heartbeat, world->now_us);
    switch (message->kind) {
    case MESSAGE_HEARTBEAT:
        break;
    case MESSAGE_JOIN:
        on_join(world, node, message);
        break;
    case MESSAGE_APPEND:
        on_append(world, node, message);
        break;
    case MESSAGE_CONFIRM:
        if (node->joined[message->from])
            member_role_on_confirmation(&node->role, message->from, &message->confirmation, world->now_us);
        break;
    case MESSAGE_DIVERGED:
        on_diverged(world, node, message);
        break;
    }
}

static void beat(struct world *world, struct node *node)
{
    if (world->now_us < node->beat_at_us)
        return;
    node->beat_at_us = world->now_us + HEARTBEAT_US;
    for (uint8_t i = 0; i < world->plan.nodes; i++) {
        struct message message = message_to(node, MESSAGE_HEARTBEAT, i);
        if (i != node->index)
            net_send(world, &message);
    }
}

static void count_change(struct world *world, struct node *node, const struct member_role *before)
{
    const struct member_row *old = &before->row, *new = &node->role.row;
    bool owns = node->role.state == MEMBER_OWNER, owned = before->state == MEMBER_OWNER;
    if (owned && !owns)
        world_count(world, new->owner == old->standby ? FAULT_HANDED_OVER : FAULT_FENCED);
    else if (!owned && owns)
        world_count(world, old->owner == node->index ? FAULT_RECLAIMED : FAULT_TAKEN_OVER);
    else if (owns && old->standby != new->standby)
        world_count(world, old->standby == MEMBER_NONE   ? FAULT_NAMED
                           : new->standby == MEMBER_NONE ? FAULT_SHRUNK
                                                         : FAULT_REPLACED);
}

void node_work(struct world *world, struct node *node)
{
    struct message message;
    struct member_role before = node->role;
    store_work(world, node);
    if (net_take(world, node->index, &message))
        take_message(world, node, &message);
    member_role_tick(&node->role, world->now_us);
    count_change(world, node, &before);
    if (!node->asking)
        store_begin(world, node);
    if (node->role.state == MEMBER_OWNER) {
        work_owner(world, node);
    } else {
        forget_owner(node);
        work_follower(world, node);
    }
    beat(world, node);
}
