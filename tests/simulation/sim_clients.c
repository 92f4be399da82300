#include "sim_clients.h"

#include <stdlib.h>
#include <string.h>

#include "shared/error.h"
#include "shared/wire/frame.h"
#include "sim_gateways.h"
#include "sim_network.h"

#define OPERATIONS_MAX 2048
#define TIMEOUT_US     30000 /* by the gateway's clock */
#define TRIES_NOTED    256
#define COUPONS_KNOWN  64 /* further ones take their places */

/* What a client wants, until it is answered. */
struct operation {
    struct sim_wish wish;
    bool done;
    uint32_t tries;
    bool waits;        /* to receive the answer to the last of them */
    int64_t until_us;  /* by the gateway's clock, as below; then the outcome is unknown */
    int64_t ask_at_us; /* for the next try */
    bool unknown[TRIES_NOTED];
};

struct sim_clients {
    struct operation operations[OPERATIONS_MAX];
    size_t count;
    size_t first_open; /* all earlier ones are done */
    struct sim_told told[OPERATIONS_MAX];
    size_t told_count;
    uint32_t segments[SIM_GATEWAYS_MAX][COUPONS_KNOWN]; /* hashes, as the gateway last heard of them; may be old */
};

struct sim_clients *sim_clients_create(void)
{
    struct sim_clients *clients = malloc(sizeof *clients); /* large, and mostly not used */
    CHECK(clients != NULL);
    clients->count = clients->first_open = clients->told_count = 0;
    memset(clients->segments, 0, sizeof clients->segments);
    return clients;
}

void sim_clients_destroy(struct sim_clients **clients)
{
    for (size_t i = 0; *clients != NULL && i < (*clients)->count; i++)
        sim_wish_deinit(&(*clients)->operations[i].wish);
    free(*clients);
    *clients = NULL;
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
           sim_gateway_now_us(sim, operation->wish.gateway) >= operation->ask_at_us &&
           sim_gateway_may_ask(sim, operation->wish.gateway, operation->wish.partition);
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
    return operation->waits && sim_gateway_now_us(sim, operation->wish.gateway) >= operation->until_us;
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
        if (operation->waits && operation->wish.gateway == gateway && operation->wish.partition == partition)
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

/* --- segments --- */

static uint32_t *known_segments(struct sim_clients *clients, const struct sim_wish *wish)
{
    return &clients
                ->segments[wish->gateway][strtoul(wish->issue.coupon_id + strlen("coupon-"), NULL, 10) % COUPONS_KNOWN];
}

/* The gateway says of which segments the user is in one. */
static void claim_segments(struct sim_clients *clients, struct sim_wish *wish)
{
    struct frame_issue_request *request = &wish->issue;
    if (wish->kind != FRAME_ISSUE_REQUESTS || request->segments == SEGMENTS_EXEMPT)
        return;
    uint32_t known = *known_segments(clients, wish);
    request->segments = sim_is_in(request->user_id, request->user_id_length, known) ? known : SEGMENTS_UNCHECKED;
}

/* The gateway hears of other segments, and fetches them. True when the user is in one, so that it asks again. */
static bool learn_segments(struct sim *sim, struct operation *operation, const struct frame_issue_reply *reply)
{
    const struct frame_issue_request *request = &operation->wish.issue;
    *known_segments(sim->clients, &operation->wish) = reply->segments;
    if (!sim_is_in(request->user_id, request->user_id_length, reply->segments))
        return false;
    operation->waits = false;
    operation->ask_at_us = sim_gateway_now_us(sim, operation->wish.gateway);
    sim_count(sim, SIM_SEGMENTS_LEARNED);
    return true;
}

/* --- sending --- */

/* Returns the number of bytes. */
static size_t put_request(struct sim *sim, size_t index, unsigned char *out)
{
    struct operation *operation = &sim->clients->operations[index];
    operation->tries++;
    operation->waits = true;
    operation->until_us = sim_gateway_now_us(sim, operation->wish.gateway) + TIMEOUT_US;
    sim_wish_set_try(&operation->wish, tag_of(index, operation), (uint32_t)link_clock_passes_us(TIMEOUT_US));
    claim_segments(sim->clients, &operation->wish);
    size_t size;
    const void *request = sim_wish_request(&operation->wish, &size);
    memcpy(out, request, size);
    return size;
}

static uint32_t most_of(const struct sim *sim, enum frame_kind kind)
{
    switch (kind) {
    case FRAME_ISSUE_REQUESTS:
        return SIM_ISSUES_A_FRAME;
    case FRAME_CHANGE_REQUESTS:
        return sim->plan.changes_a_frame;
    default:
        return sim->plan.coupons_a_frame;
    }
}

/* Sends one frame with the due operations of the same kind and partition as the one at `first`. */
static void send_frame(struct sim *sim, size_t first)
{
    unsigned char frame[sizeof(struct frame_header) + SIM_COUPONS_A_FRAME * sizeof(struct frame_coupon_request)];
    const struct sim_clients *clients = sim->clients;
    const struct sim_wish *like = &clients->operations[first].wish;
    uint32_t count = 0;
    size_t size = sizeof(struct frame_header);
    for (size_t i = first; i < clients->count && count < most_of(sim, like->kind); i++) {
        const struct operation *operation = &clients->operations[i];
        if (operation->wish.kind != like->kind || operation->wish.partition != like->partition ||
            operation->wish.gateway != like->gateway || !wants_to_ask(sim, operation))
            continue;
        size += put_request(sim, i, frame + size);
        count++;
    }
    frame_header_write((struct frame_header *)frame, like->kind, like->partition, sim->plan.partitions, count);
    sim_gateway_send(sim, like->gateway, like->partition, frame, size);
}

void sim_clients_ask(struct sim *sim)
{
    struct sim_clients *clients = sim->clients;
    for (uint32_t i = sim_random_below(&sim->random, 6); i > 0 && clients->count < sim->plan.operations; i--) {
        struct operation *operation = &clients->operations[clients->count];
        *operation = (struct operation){.done = false};
        sim_wish_make(sim, clients->count, clients->told, clients->told_count, &operation->wish);
        clients->count++;
    }
    while (clients->first_open < clients->count && clients->operations[clients->first_open].done)
        clients->first_open++;
    give_up_late(sim);
    for (size_t i = clients->first_open; i < clients->count; i++) {
        const struct operation *operation = &clients->operations[i];
        if (wants_to_ask(sim, operation) &&
            sim_network_waiting(sim, SIM_TO_PARTITION, operation->wish.partition) < SIM_FRAMES_WAITING_MAX)
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
        operation->ask_at_us = sim_gateway_now_us(sim, operation->wish.gateway) + TIMEOUT_US / 3;
    else if (verdict != VERDICT_LATE)
        operation->done = true;
}

/* The user is told an issue. */
static void note_told(struct sim *sim, const struct sim_wish *wish, const struct frame_issue *issue)
{
    struct sim_clients *clients = sim->clients;
    struct sim_told *told = &clients->told[clients->told_count++];
    *told = (struct sim_told){.partition = wish->partition,
                              .sequence = issue->sequence,
                              .issued_at_us = issue->issued_at_us,
                              .code = issue->code};
    bool changes = wish->kind == FRAME_CHANGE_REQUESTS;
    memcpy(told->coupon_id, changes ? wish->change.coupon_id : wish->issue.coupon_id, COUPON_ID_MAX);
    memcpy(told->user_id, changes ? wish->change.user_id : wish->issue.user_id, USER_ID_MAX);
}

static void on_issue_reply(struct sim *sim, const struct frame_issue_reply *reply)
{
    struct operation *operation = find_asker(sim, reply->tag);
    if (operation == NULL)
        return;
    if (reply->verdict == VERDICT_NOT_ELIGIBLE && learn_segments(sim, operation, reply))
        return;
    settle(sim, operation, (enum verdict)reply->verdict);
    if (reply->issue.sequence != 0)
        note_told(sim, &operation->wish, &reply->issue);
}

/* Details and codes do not tell whose the issue is. */
static void on_change_reply(struct sim *sim, const struct frame_change_reply *reply)
{
    struct operation *operation = find_asker(sim, reply->tag);
    if (operation == NULL)
        return;
    settle(sim, operation, (enum verdict)reply->verdict);
    if (reply->issue.nth != 0)
        note_told(sim, &operation->wish, &reply->issue);
}

static void on_coupon_reply(struct sim *sim, const struct frame_coupon_reply *reply)
{
    struct operation *operation = find_asker(sim, reply->tag);
    if (operation != NULL && reply->remaining == 0)
        settle(sim, operation, (enum verdict)reply->verdict);
}

/* Returns the length of the reply. */
static size_t on_reply(struct sim *sim, enum frame_kind kind, const unsigned char *record)
{
    struct frame_issue_reply issue;
    struct frame_change_reply change;
    struct frame_coupon_reply coupon;
    size_t length;
    switch (kind) {
    case FRAME_ISSUE_REPLIES:
        memcpy(&issue, record, sizeof issue);
        on_issue_reply(sim, &issue);
        return sizeof issue;
    case FRAME_CHANGE_REPLIES:
        memcpy(&change, record, sizeof change);
        on_change_reply(sim, &change);
        return sizeof change;
    case FRAME_PONG:
        return sizeof(struct frame_pong);
    default:
        length = frame_coupon_reply_next(record, &coupon);
        on_coupon_reply(sim, &coupon);
        return length;
    }
}

static void on_frame(struct sim *sim, const struct sim_message *message)
{
    struct frame_header header;
    enum frame_fault fault = frame_check(message->bytes, message->size, &header);
    const unsigned char *records = frame_records(message->bytes);
    if (fault != FRAME_OK)
        sim_fail(sim, "a reply is malformed: %s", frame_fault_text(fault));
    bool restarted = fault == FRAME_OK && sim_gateway_update_clock(sim, message->index, &header);
    for (uint32_t i = 0; fault == FRAME_OK && i < header.count; i++)
        records += on_reply(sim, (enum frame_kind)header.kind, records);
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
        *operation = (struct operation){.done = false};
        sim_wish_make_last(sim, p, &operation->wish);
    }
    sim->plan.operations = (unsigned)clients->count;
}

bool sim_told_is(const struct sim_told *told, const struct model_record *record)
{
    return record->type == JOURNAL_ISSUE && record->sequence == told->sequence &&
           record->time_us == told->issued_at_us && strcmp(record->user_id, told->user_id) == 0 &&
           strcmp(record->coupon_id, told->coupon_id) == 0;
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
