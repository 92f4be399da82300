#include "sim_wish.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/error.h"

#define REFERENCES 3  /* few, so that redemptions meet their repetitions and each other */
#define KEYS       14 /* of each user; more than are remembered */
#define NTH        4

void sim_coupon_id(unsigned coupon, char out[COUPON_ID_MAX + 1])
{
    snprintf(out, COUPON_ID_MAX + 1, "coupon-%u", coupon);
}

void sim_user_id(unsigned user, char out[USER_ID_MAX + 1])
{
    snprintf(out, USER_ID_MAX + 1, "user-%u", user);
}

const char *const sim_segments[SIM_SEGMENTS] = {"", "[\"a\"]", "[\"b\"]", "[\"b\",\"a\"]"};

unsigned sim_segments_find(uint32_t hash)
{
    unsigned i = 0;
    while (i < SIM_SEGMENTS && coupon_segments_hash(sim_segments[i], strlen(sim_segments[i])) != hash)
        i++;
    return i;
}

bool sim_is_in(const char *user_id, size_t length, uint32_t hash)
{
    unsigned place = sim_segments_find(hash);
    char name = (user_id[length - 1] - '0') % 2 == 0 ? 'a' : 'b';
    return place < SIM_SEGMENTS && strchr(sim_segments[place], name) != NULL;
}

static uint8_t fill(char *out, const char *text)
{
    size_t length = strlen(text);
    memcpy(out, text, length);
    return (uint8_t)length;
}

/* --- coupons --- */

static int64_t random_bound(struct sim *sim)
{
    if (sim_random_chance(&sim->random, 700))
        return TIME_NONE;
    return sim->wall_us + sim_random_between(&sim->random, -500000, 500000);
}

/* Long texts fill the segments of the journal sooner, so that runs see more of them come and go. */
static void fill_texts(struct sim *sim, struct coupon *coupon)
{
    struct sim_random *random = &sim->random;
    int length = (int)sim_random_below(random, 400);
    snprintf(coupon->title, sizeof coupon->title, "Title %u %0*d", sim_random_below(random, 1000), length, 0);
    if (sim_random_chance(random, 300))
        snprintf(coupon->description, sizeof coupon->description, "Description %0*d", 5 * length, 1);
    if (sim_random_chance(random, 200))
        snprintf(coupon->metadata, sizeof coupon->metadata, "{\"filler\":%0*d}", 10 * length, 1);
    if (sim_random_chance(random, 100))
        snprintf(coupon->owner, sizeof coupon->owner, "actor-%u", sim_random_below(random, 3));
    if (sim_random_chance(random, 500))
        snprintf(coupon->segments, sizeof coupon->segments, "%s", sim_segments[sim_random_below(random, SIM_SEGMENTS)]);
}

static void fill_bounds(struct sim *sim, bool crosses, struct coupon *coupon)
{
    struct sim_random *random = &sim->random;
    coupon->starts_at_us = random_bound(sim);
    coupon->ends_at_us = random_bound(sim);
    bool crossed = coupon->starts_at_us != TIME_NONE && coupon->ends_at_us != TIME_NONE &&
                   coupon->starts_at_us >= coupon->ends_at_us;
    if (crossed)
        coupon->ends_at_us = TIME_NONE;
    if (sim_random_chance(random, 300))
        coupon->redeem_until_us = random_bound(sim);
    if (sim_random_chance(random, 200) && (crosses || coupon->redeem_until_us == TIME_NONE))
        coupon->redeem_within_s = 1 + sim_random_below(random, 3);
}

static uint32_t random_quantity(struct sim_random *random)
{
    if (sim_random_chance(random, 100))
        return QUANTITY_UNLIMITED;
    return 1 + sim_random_below(random, sim_random_chance(random, 300) ? 5 : 60);
}

static void fill_coupon(struct sim *sim, struct frame_coupon_request *request, unsigned number)
{
    struct sim_random *random = &sim->random;
    bool changes = request->op == COUPON_CHANGE;
    struct coupon coupon = {
        .quantity = random_quantity(random),
        .per_user_limit = sim_random_chance(random, 500) ? 1 : 1 + sim_random_below(random, sim->plan.limit_max),
        .starts_at_us = TIME_NONE,
        .ends_at_us = TIME_NONE,
        .redeem_until_us = TIME_NONE,
        .paused = sim_random_chance(random, changes ? 300 : 20),
        .archived = changes && sim_random_chance(random, 100),
        .journal_seq = sim_random_below(random, 30), /* the version of a conditional change */
    };
    sim_coupon_id(number, coupon.id);
    fill_texts(sim, &coupon);
    if (changes || sim_random_chance(random, 300))
        fill_bounds(sim, changes, &coupon);
    frame_coupon_write(&request->coupon, &coupon);
    if (request->op == COUPON_LIST)
        request->coupon.quantity = COUPON_LIST_MAX;
}

/* Few members at a time: the more change, the likelier is a refusal. */
static uint16_t random_fields(struct sim_random *random)
{
    uint32_t fields = 0;
    for (uint32_t i = 1 + sim_random_below(random, 3); i > 0; i--)
        fields |= 1u << sim_random_below(random, 16);
    if (sim_random_chance(random, 200))
        fields |= COUPON_FIELD_SEGMENTS;
    if ((fields & COUPON_FIELD_ARCHIVED) != 0 && sim_random_chance(random, 500))
        fields ^= COUPON_FIELD_ARCHIVED | COUPON_FIELD_PAUSED;
    return (uint16_t)fields;
}

static void wish_for_coupon(struct sim *sim, enum coupon_op op, unsigned number, struct sim_wish *wish)
{
    struct frame_coupon_request *request = wish->coupon = calloc(1, sizeof *request);
    CHECK(request != NULL);
    wish->kind = FRAME_COUPON_REQUESTS;
    request->op = (uint8_t)op;
    if (op == COUPON_CHANGE)
        request->fields = random_fields(&sim->random);
    if (sim_random_chance(&sim->random, 500))
        request->actor_length = fill(request->actor, sim_random_chance(&sim->random, 500) ? "admin" : "actor-1");
    request->if_owner = op == COUPON_CHANGE && request->actor_length > 0 && sim_random_chance(&sim->random, 200);
    fill_coupon(sim, request, number);
}

/* --- issues --- */

static void wish_for_issue(struct sim *sim, const char *coupon_id, const char *user_id, struct sim_wish *wish)
{
    static const uint8_t ops[] = {ISSUE_POST, ISSUE_POST, ISSUE_POST, ISSUE_ENSURE, ISSUE_LOOKUP};
    struct sim_random *random = &sim->random;
    struct frame_issue_request *request = &wish->issue;
    wish->kind = FRAME_ISSUE_REQUESTS;
    request->op = ops[sim_random_below(random, sizeof ops)];
    request->coupon_id_length = fill(request->coupon_id, coupon_id);
    request->user_id_length = fill(request->user_id, user_id);
    if (request->op == ISSUE_POST && sim_random_chance(random, sim->plan.keyed))
        request->request_key = UINT64_C(0x123456789) * (1 + sim_random_below(random, KEYS));
    if (request->op == ISSUE_LOOKUP || sim_random_chance(random, 300))
        request->segments = SEGMENTS_EXEMPT;
    if (request->op == ISSUE_ENSURE && sim_random_chance(random, 500))
        request->nth = (uint16_t)(1 + sim_random_below(random, NTH));
}

/* --- changes --- */

static void fill_reason(struct sim *sim, struct frame_change_request *request)
{
    char reason[REASON_MAX + 1];
    if (sim_random_chance(&sim->random, 500))
        return;
    snprintf(reason, sizeof reason, "reason %0*d", (int)sim_random_below(&sim->random, REASON_MAX - 8), 7);
    request->reason_length = fill(request->reason, reason);
}

static void fill_flags(struct sim *sim, struct frame_change_request *request)
{
    if (sim_random_chance(&sim->random, 500))
        request->flags |= CHANGE_RESTOCK;
    if (sim_random_chance(&sim->random, 500))
        request->flags |= CHANGE_AGAIN;
}

static void fill_origin(struct sim *sim, struct frame_change_request *request)
{
    char text[32];
    snprintf(text, sizeof text, "actor-%u", sim_random_below(&sim->random, 3));
    request->actor_length = fill(request->actor, text);
    snprintf(text, sizeof text, "request-%u", sim_random_below(&sim->random, 100000));
    request->request_id_length = fill(request->request_id, text);
}

static enum change_op random_change(struct sim *sim)
{
    static const uint8_t ops[] = {CHANGE_REDEEM, CHANGE_REDEEM, CHANGE_REDEEM,  CHANGE_REDEEM, CHANGE_UNDO,
                                  CHANGE_UNDO,   CHANGE_REVOKE, CHANGE_RESOLVE, CHANGE_SHOW,   CHANGE_SHOW};
    static const uint8_t rare[] = {CHANGE_ERASE, CHANGE_SWEEP, CHANGE_SWEPT};
    if (sim_random_chance(&sim->random, sim->plan.sweeps))
        return (enum change_op)rare[sim_random_below(&sim->random, sizeof rare)];
    return (enum change_op)ops[sim_random_below(&sim->random, sizeof ops)];
}

static void wish_for_change(struct sim *sim, const struct sim_told *about, bool named, struct sim_wish *wish)
{
    struct frame_change_request *request = &wish->change;
    enum change_op op = random_change(sim);
    wish->kind = FRAME_CHANGE_REQUESTS;
    request->op = (uint8_t)op;
    request->code = about->code;
    if (op != CHANGE_ERASE && op != CHANGE_RESOLVE)
        request->coupon_id_length = fill(request->coupon_id, about->coupon_id);
    bool of_user = op <= CHANGE_SHOW;
    if (of_user || op == CHANGE_ERASE)
        request->user_id_length = fill(request->user_id, about->user_id);
    if (op == CHANGE_SHOW || (of_user && named))
        request->sequence = about->sequence;
    if (op == CHANGE_REDEEM || op == CHANGE_UNDO) {
        char reference[16];
        snprintf(reference, sizeof reference, "order-%u", sim_random_below(&sim->random, REFERENCES));
        request->reference_length = fill(request->reference, reference);
    }
    if (op == CHANGE_REVOKE || op == CHANGE_SWEEP) {
        fill_flags(sim, request);
        fill_reason(sim, request);
    }
    fill_origin(sim, request);
    bool of_coupon = op == CHANGE_REVOKE || op == CHANGE_SWEEP || op == CHANGE_SWEPT;
    if (of_coupon && sim_random_chance(&sim->random, 200))
        request->flags |= CHANGE_IF_OWNER;
}

/* --- all --- */

static void choose(struct sim *sim, const struct sim_told *told, size_t count, struct sim_told *about)
{
    struct sim_random *random = &sim->random;
    if (count > 0 && sim_random_chance(random, 700)) {
        *about = told[sim_random_below(random, (uint32_t)count)];
        return;
    }
    *about = (struct sim_told){.sequence = 1 + sim_random_below(random, 20)};
    about->code = sim_random_next(random) >> 9;
    sim_coupon_id(sim_random_below(random, sim->plan.coupons + 1), about->coupon_id);
    sim_user_id(sim_random_below(random, sim->plan.users), about->user_id);
    about->partition = coupon_partition(about->coupon_id, strlen(about->coupon_id), sim->plan.partitions);
}

/* The first wishes are for coupons, or some of them. */
void sim_wish_make(struct sim *sim, size_t index, const struct sim_told *told, size_t count, struct sim_wish *wish)
{
    static const enum coupon_op reads[] = {COUPON_GET, COUPON_LIST};
    struct sim_random *random = &sim->random;
    bool first = index < sim->plan.coupons_first;
    unsigned number = first ? (unsigned)index : sim_random_below(random, sim->plan.coupons + 1);
    char id[COUPON_ID_MAX + 1], user[USER_ID_MAX + 1];
    *wish = (struct sim_wish){.gateway = (uint16_t)sim_random_below(random, sim->plan.gateways)};
    sim_coupon_id(number, id);
    sim_user_id(sim_random_below(random, sim->plan.users), user);
    wish->partition = coupon_partition(id, strlen(id), sim->plan.partitions);
    if (first || sim_random_chance(random, sim->plan.creates)) {
        wish_for_coupon(sim, COUPON_CREATE, number, wish);
    } else if (sim_random_chance(random, sim->plan.changes)) {
        wish_for_coupon(sim, COUPON_CHANGE, number, wish);
    } else if (sim_random_chance(random, 20)) {
        wish_for_coupon(sim, reads[sim_random_below(random, 2)], number, wish);
    } else if (sim_random_chance(random, sim->plan.redemptions)) {
        struct sim_told about;
        choose(sim, told, count, &about);
        wish_for_change(sim, &about, sim_random_chance(random, 400), wish);
        wish->partition = about.partition;
    } else {
        wish_for_issue(sim, id, user, wish);
    }
}

void sim_wish_make_last(struct sim *sim, uint16_t partition, struct sim_wish *wish)
{
    unsigned number = 1000;
    char id[COUPON_ID_MAX + 1];
    do
        sim_coupon_id(number++, id);
    while (coupon_partition(id, strlen(id), sim->plan.partitions) != partition);
    *wish = (struct sim_wish){.partition = partition};
    wish_for_coupon(sim, COUPON_CREATE, number - 1, wish);
}

void sim_wish_deinit(struct sim_wish *wish)
{
    free(wish->coupon);
    wish->coupon = NULL;
}

const void *sim_wish_request(const struct sim_wish *wish, size_t *size)
{
    switch (wish->kind) {
    case FRAME_ISSUE_REQUESTS:
        *size = sizeof wish->issue;
        return &wish->issue;
    case FRAME_CHANGE_REQUESTS:
        *size = sizeof wish->change;
        return &wish->change;
    default:
        *size = sizeof *wish->coupon;
        return wish->coupon;
    }
}

void sim_wish_set_try(struct sim_wish *wish, uint64_t tag, uint32_t wait_us)
{
    wish->issue.tag = wish->change.tag = tag;
    wish->issue.wait_us = wish->change.wait_us = wait_us;
    if (wish->coupon != NULL) {
        wish->coupon->tag = tag;
        wish->coupon->wait_us = wait_us;
    }
}
