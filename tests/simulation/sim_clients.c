#include "sim_clients.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/error.h"
#include "shared/wire/frame.h"
#include "sim_gateways.h"
#include "sim_network.h"

#define OPERATIONS_MAX 2048
#define TIMEOUT_US     30000 /* by the gateway's clock */
#define TRIES_NOTED    256

/* What a client wants, until it is answered. */
struct operation {
    bool is_coupon;
    bool done;
    uint16_t partition;
    uint16_t gateway;
    uint32_t tries;
    bool waits;        /* to receive the answer to the last of them */
    int64_t until_us;  /* by the gateway's clock, as below; then the outcome is unknown */
    int64_t ask_at_us; /* for the next try */
    bool unknown[TRIES_NOTED];
    struct frame_issue_request issue;
    struct frame_coupon_request coupon;
};

struct sim_clients {
    struct operation operations[OPERATIONS_MAX];
    size_t count;
    size_t first_open; /* all earlier ones are done */
    struct sim_told told[OPERATIONS_MAX];
    size_t told_count;
};

struct sim_clients *sim_clients_create(void)
{
    struct sim_clients *clients = calloc(1, sizeof *clients);
    CHECK(clients != NULL);
    return clients;
}

void sim_clients_destroy(struct sim_clients **clients)
{
    free(*clients);
    *clients = NULL;
}

void sim_coupon_id(unsigned coupon, char out[COUPON_ID_MAX + 1])
{
    snprintf(out, COUPON_ID_MAX + 1, "coupon-%u", coupon);
}

void sim_user_id(unsigned user, char out[USER_ID_MAX + 1])
{
    snprintf(out, USER_ID_MAX + 1, "user-%u", user);
}

/* --- what is wanted --- */

static int64_t random_bound(struct sim *sim)
{
    if (sim_random_chance(&sim->random, 700))
        return TIME_NONE;
    return sim->wall_us + sim_random_between(&sim->random, -500000, 500000);
}

static void fill_coupon(struct sim *sim, struct operation *operation, unsigned number)
{
    struct sim_random *random = &sim->random;
    struct coupon coupon = {
        .quantity = 1 + sim_random_below(random, sim_random_chance(random, 300) ? 5 : 60),
        .per_user_limit = sim_random_chance(random, 600) ? 1 : 1 + sim_random_below(random, 4),
        .starts_at_us = TIME_NONE,
        .ends_at_us = TIME_NONE,
        .paused = sim_random_chance(random, 300),
    };
    sim_coupon_id(number, coupon.id);
    snprintf(coupon.title, sizeof coupon.title, "Title %u %.*s", sim_random_below(random, 1000),
             (int)sim_random_below(random, 400),
             "long titles fill the segments of the journal sooner, so that runs see more of them come and go: "
             "long titles fill the segments of the journal sooner, so that runs see more of them come and go: "
             "long titles fill the segments of the journal sooner, so that runs see more of them come and go: "
             "long titles fill the segments of the journal sooner, so that runs see more of them come and go.");
    if (operation->coupon.op == COUPON_CREATE)
        coupon.paused = false;
    if (operation->coupon.op == COUPON_CHANGE || sim_random_chance(random, 200)) {
        coupon.starts_at_us = random_bound(sim);
        coupon.ends_at_us = random_bound(sim);
    }
    bool crossed =
        coupon.starts_at_us != TIME_NONE && coupon.ends_at_us != TIME_NONE && coupon.starts_at_us >= coupon.ends_at_us;
    if (crossed)
        coupon.ends_at_us = TIME_NONE;
    frame_coupon_write(&operation->coupon.coupon, &coupon);
    if (operation->coupon.op == COUPON_LIST)
        operation->coupon.coupon.quantity = COUPON_LIST_MAX;
}

static void make_coupon_operation(struct sim *sim, struct operation *operation, enum coupon_op op, unsigned number)
{
    operation->is_coupon = true;
    operation->coupon.op = (uint8_t)op;
    if (op == COUPON_CHANGE)
        operation->coupon.fields = (uint8_t)(1 + sim_random_below(&sim->random, 31));
    fill_coupon(sim, operation, number);
}

static void make_issue_operation(struct sim *sim, struct operation *operation, unsigned number)
{
    static const uint8_t ops[] = {ISSUE_POST, ISSUE_POST, ISSUE_POST, ISSUE_ENSURE, ISSUE_LOOKUP};
    char coupon_id[COUPON_ID_MAX + 1], user_id[USER_ID_MAX + 1];
    sim_coupon_id(number, coupon_id);
    sim_user_id(sim_random_below(&sim->random, sim->plan.users), user_id);
    operation->issue = (struct frame_issue_request){
        .op = ops[sim_random_below(&sim->random, sizeof ops)],
        .coupon_id_length = (uint8_t)strlen(coupon_id),
        .user_id_length = (uint8_t)strlen(user_id),
    };
    memcpy(operation->issue.coupon_id, coupon_id, strlen(coupon_id));
    memcpy(operation->issue.user_id, user_id, strlen(user_id));
}

/* The first operations create the coupons, or some of them. */
static void make_operation(struct sim *sim, struct operation *operation)
{
    static const enum coupon_op reads[] = {COUPON_GET, COUPON_LIST};
    struct sim_random *random = &sim->random;
    size_t index = sim->clients->count;
    bool first = index < sim->plan.coupons_first;
    unsigned number = first ? (unsigned)index : sim_random_below(random, sim->plan.coupons + 1);
    char id[COUPON_ID_MAX + 1];
    *operation = (struct operation){.done = false};
    if (first || sim_random_chance(random, sim->plan.creates))
        make_coupon_operation(sim, operation, COUPON_CREATE, number);
    else if (sim_random_chance(random, sim->plan.changes))
        make_coupon_operation(sim, operation, COUPON_CHANGE, number);
    else if (sim_random_chance(random, 20))
        make_coupon_operation(sim, operation, reads[sim_random_below(random, 2)], number);
    else
        make_issue_operation(sim, operation, number);
    sim_coupon_id(number, id);
    operation->partition = coupon_partition(id, strlen(id), sim->plan.partitions);
    operation->gateway = (uint16_t)sim_random_below(random, sim->plan.gateways);
}

/* --- asking --- */

/* Each try has its own tag, so that a late answer to an earlier one is ignored. */
static uint64_t tag_of(size_t index, const struct operation *operation)
{
    return (uint64_t)index << 32 | operation->tries;
}

static bool wants_to_ask(const struct sim *sim, const struct operation *operation)
{
    return !operation->done && !operation->waits &&
           sim_gateway_now_us(sim, operation->gateway) >= operation->ask_at_us &&
           sim_gateway_may_ask(sim, operation->gateway, operation->partition);
}

/* The client learns that the outcome of its last try is unknown, and asks again. */
static void give_up(struct operation *operation, int64_t now_us)
{
    operation->waits = false;
    operation->ask_at_us = now_us;
    if (operation->tries < TRIES_NOTED)
        operation->unknown[operation->tries] = true;
}

static bool is_late(const struct sim *sim, const struct operation *operation)
{
    return operation->waits && sim_gateway_now_us(sim, operation->gateway) >= operation->until_us;
}

static void give_up_late(struct sim *sim)
{
    for (size_t i = sim->clients->first_open; i < sim->clients->count; i++) {
        struct operation *operation = &sim->clients->operations[i];
        if (is_late(sim, operation))
            give_up(operation, operation->until_us);
    }
}

/* The issuer was restarted: requests to its former process are no longer decided. */
static void give_up_former(struct sim *sim, uint16_t gateway, uint16_t partition)
{
    sim_count(sim, SIM_RESTARTED);
    for (size_t i = sim->clients->first_open; i < sim->clients->count; i++) {
        struct operation *operation = &sim->clients->operations[i];
        if (operation->waits && operation->gateway == gateway && operation->partition == partition)
            give_up(operation, sim_gateway_now_us(sim, gateway));
    }
}

bool sim_clients_gave_up(const struct sim *sim, uint64_t tag)
{
    const struct operation *operation = &sim->clients->operations[tag >> 32];
    uint32_t try = (uint32_t)tag;
    if (try < TRIES_NOTED && operation->unknown[try])
        return true;
    return try == operation->tries && is_late(sim, operation);
}

static uint32_t put_request(struct sim *sim, size_t index, unsigned char *records, uint32_t count)
{
    struct operation *operation = &sim->clients->operations[index];
    operation->tries++;
    operation->waits = true;
    operation->until_us = sim_gateway_now_us(sim, operation->gateway) + TIMEOUT_US;
    operation->issue.wait_us = operation->coupon.wait_us = (uint32_t)link_clock_passes_us(TIMEOUT_US);
    operation->issue.tag = operation->coupon.tag = tag_of(index, operation);
    if (operation->is_coupon)
        memcpy(records + count * sizeof operation->coupon, &operation->coupon, sizeof operation->coupon);
    else
        memcpy(records + count * sizeof operation->issue, &operation->issue, sizeof operation->issue);
    return count + 1;
}

/* Sends one frame with the due operations of the same kind and partition as the one at `first`. */
static void send_frame(struct sim *sim, size_t first)
{
    unsigned char frame[sizeof(struct frame_header) + SIM_ISSUES_A_FRAME * sizeof(struct frame_coupon_request)];
    const struct sim_clients *clients = sim->clients;
    const struct operation *like = &clients->operations[first];
    uint32_t count = 0, most = like->is_coupon ? SIM_COUPONS_A_FRAME : SIM_ISSUES_A_FRAME;
    for (size_t i = first; i < clients->count && count < most; i++) {
        const struct operation *operation = &clients->operations[i];
        if (operation->is_coupon == like->is_coupon && operation->partition == like->partition &&
            operation->gateway == like->gateway && wants_to_ask(sim, operation))
            count = put_request(sim, i, frame + sizeof(struct frame_header), count);
    }
    frame_header_write((struct frame_header *)frame, like->is_coupon ? FRAME_COUPON_REQUESTS : FRAME_ISSUE_REQUESTS,
                       like->partition, sim->plan.partitions, count);
    size_t record = like->is_coupon ? sizeof(struct frame_coupon_request) : sizeof(struct frame_issue_request);
    sim_gateway_send(sim, like->gateway, like->partition, frame, sizeof(struct frame_header) + count * record);
}

void sim_clients_ask(struct sim *sim)
{
    struct sim_clients *clients = sim->clients;
    for (uint32_t i = sim_random_below(&sim->random, 6); i > 0 && clients->count < sim->plan.operations; i--) {
        make_operation(sim, &clients->operations[clients->count]);
        clients->count++;
    }
    while (clients->first_open < clients->count && clients->operations[clients->first_open].done)
        clients->first_open++;
    give_up_late(sim);
    for (size_t i = clients->first_open; i < clients->count; i++) {
        const struct operation *operation = &clients->operations[i];
        if (wants_to_ask(sim, operation) &&
            sim_network_waiting(sim, SIM_TO_PARTITION, operation->partition) < SIM_FRAMES_WAITING_MAX)
            send_frame(sim, i);
    }
}

/* --- listening --- */

/* NULL when no operation waits for the answer any more. */
static struct operation *find_asker(struct sim *sim, uint64_t tag)
{
    struct sim_clients *clients = sim->clients;
    size_t index = (size_t)(tag >> 32);
    if (index >= clients->count)
        sim_fail(sim, "a reply carries an unknown tag");
    else if (clients->operations[index].waits && tag_of(index, &clients->operations[index]) == tag)
        return &clients->operations[index];
    else
        sim_count(sim, SIM_LATE);
    return NULL;
}

/* OVERLOADED and LATE mean: ask again. */
static void settle(struct sim *sim, struct operation *operation, enum verdict verdict)
{
    operation->waits = false;
    if (verdict == VERDICT_OVERLOADED)
        operation->ask_at_us = sim_gateway_now_us(sim, operation->gateway) + TIMEOUT_US / 3;
    else if (verdict != VERDICT_LATE)
        operation->done = true;
}

static void on_issue_reply(struct sim *sim, const struct frame_issue_reply *reply)
{
    struct sim_clients *clients = sim->clients;
    struct operation *operation = find_asker(sim, reply->tag);
    if (operation == NULL)
        return;
    settle(sim, operation, (enum verdict)reply->verdict);
    if (reply->verdict != VERDICT_ISSUED && reply->verdict != VERDICT_ALREADY_ISSUED && reply->verdict != VERDICT_FOUND)
        return;
    struct sim_told *told = &clients->told[clients->told_count++];
    *told = (struct sim_told){
        .partition = operation->partition, .sequence = reply->sequence, .issued_at_us = reply->issued_at_us};
    memcpy(told->coupon_id, operation->issue.coupon_id, operation->issue.coupon_id_length);
    memcpy(told->user_id, operation->issue.user_id, operation->issue.user_id_length);
}

static void on_coupon_reply(struct sim *sim, const struct frame_coupon_reply *reply)
{
    struct operation *operation = find_asker(sim, reply->tag);
    if (operation != NULL && reply->remaining == 0)
        settle(sim, operation, (enum verdict)reply->verdict);
}

static void on_frame(struct sim *sim, const struct sim_message *message)
{
    struct frame_header header;
    enum frame_fault fault = frame_check(message->bytes, message->size, &header);
    const unsigned char *records = frame_records(message->bytes);
    if (fault != FRAME_OK)
        sim_fail(sim, "a reply is malformed: %s", frame_fault_text(fault));
    bool restarted = fault == FRAME_OK && sim_gateway_update_clock(sim, message->index, &header);
    for (uint32_t i = 0; fault == FRAME_OK && i < header.count; i++) {
        struct frame_issue_reply issue;
        struct frame_coupon_reply coupon;
        if (header.kind == FRAME_ISSUE_REPLIES) {
            memcpy(&issue, records + i * sizeof issue, sizeof issue);
            on_issue_reply(sim, &issue);
        } else {
            memcpy(&coupon, records + i * sizeof coupon, sizeof coupon);
            on_coupon_reply(sim, &coupon);
        }
    }
    if (restarted)
        give_up_former(sim, message->index, header.partition);
}

void sim_clients_listen(struct sim *sim)
{
    give_up_late(sim);
    struct sim_message message;
    for (uint16_t gateway = 0; gateway < sim->plan.gateways; gateway++) {
        while (sim_network_take(sim, SIM_TO_CLIENTS, gateway, &message)) {
            on_frame(sim, &message);
            free(message.bytes);
        }
    }
}

void sim_clients_close(struct sim *sim)
{
    struct sim_clients *clients = sim->clients;
    for (uint16_t p = 0; p < sim->plan.partitions; p++) {
        struct operation *operation = &clients->operations[clients->count++];
        unsigned number = 1000;
        char id[COUPON_ID_MAX + 1];
        do
            sim_coupon_id(number++, id);
        while (coupon_partition(id, strlen(id), sim->plan.partitions) != p);
        *operation = (struct operation){.partition = p};
        make_coupon_operation(sim, operation, COUPON_CREATE, number - 1);
    }
    sim->plan.operations = (unsigned)clients->count;
}

bool sim_told_is(const struct sim_told *told, const struct model_record *record)
{
    return !record->is_coupon && record->sequence == told->sequence && record->time_us == told->issued_at_us &&
           strcmp(record->user_id, told->user_id) == 0 && strcmp(record->coupon_id, told->coupon_id) == 0;
}

bool sim_clients_are_done(const struct sim *sim)
{
    return sim->clients->count == sim->plan.operations && sim_clients_waiting(sim) == 0;
}

size_t sim_clients_waiting(const struct sim *sim)
{
    size_t waiting = 0;
    for (size_t i = sim->clients->first_open; i < sim->clients->count; i++)
        waiting += !sim->clients->operations[i].done;
    return waiting;
}

const struct sim_told *sim_clients_told(const struct sim *sim, size_t *count)
{
    *count = sim->clients->told_count;
    return sim->clients->told;
}
