#include "gateway/link/members_link.h"

#include <stdlib.h>
#include <string.h>

#include "gateway/link/owner.h"
#include "shared/clock.h"
#include "shared/options/options.h"
#include "shared/telemetry/log.h"

#define IMPATIENCE_US 250000 /* after that long without a reply members are pinged more often: another may decide */

struct member {
    struct members_link *link;
    uint8_t index;
    bool up;
    struct issuer_link *issuer;
    struct issuer_link_events events;
    struct link_sent sent; /* what it has not answered */
    char name[MEMBER_NAME_MAX + 1];
};

struct members_link {
    uint16_t partition;
    const struct partition_link_events *events;
    struct metrics *metrics;
    int64_t hold_us;
    struct link_owner owner;
    uint8_t owner_before;         /* the last one that was known */
    bool timed;                   /* the next frames shall tell the times of their turn */
    const struct member *speaker; /* whose frame is handed out */
    struct link_requests waiting;
    uint8_t count;
    struct member members[];
};

/* --- requests that wait --- */

static void hold(struct members_link *link, struct link_request *request, int64_t now_us)
{
    request->held_us = now_us + link->hold_us;
    link_requests_append(&link->waiting, request);
}

/* Ends a request that no member has. One that may have been decided ends at its client's deadline instead. */
static void fail(struct members_link *link, struct link_request *request)
{
    uint64_t tag = link_request_tag(request);
    bool undecided = !request->perhaps || link_record_reads(request->kind, request->record);
    link_request_destroy(&request);
    if (undecided)
        link->events->issuer.on_unsent(link->events->issuer.arg, link->partition, tag);
}

static bool is_over(const struct link_request *request, int64_t now_us)
{
    return request->held_us <= now_us || request->until_us <= now_us;
}

/* An event may add requests meanwhile. */
static void expire_waiting(struct members_link *link, int64_t now_us)
{
    struct link_requests all = link->waiting;
    struct link_request *request = NULL;
    link->waiting = (struct link_requests){0};
    while ((request = link_requests_pop(&all)) != NULL) {
        if (is_over(request, now_us))
            fail(link, request);
        else
            link_requests_append(&link->waiting, request);
    }
}

static bool waits(const struct members_link *link, const struct link_request *request)
{
    return link->events->waits(link->events->issuer.arg, link->partition, link_request_tag(request));
}

/* --- requests at a member that no longer decides --- */

/* Without its reply. `restarted`: it will not decide the request any more. */
static void recall_one(struct member *member, struct link_request *request, bool restarted)
{
    struct members_link *link = member->link;
    const struct issuer_link_events *events = &link->events->issuer;
    uint64_t tag = link_request_tag(request);
    if (!waits(link, request)) {
        link_request_destroy(&request);
    } else if (request->partly) { /* the other replies would come twice */
        link_request_destroy(&request);
        events->on_unsent(events->arg, link->partition, tag);
    } else if (link_record_repeats(request->kind, request->record)) {
        request->perhaps = true;
        hold(link, request, clock_mono_us());
    } else if (restarted) {
        link_request_destroy(&request);
        link->events->on_unknown(events->arg, link->partition, tag);
    } else {
        link_sent_add(&member->sent, request);
    }
}

static void recall(struct member *member, bool restarted)
{
    struct link_requests all = link_sent_take_all(&member->sent);
    struct link_request *request = NULL;
    while ((request = link_requests_pop(&all)) != NULL)
        recall_one(member, request, restarted);
}

static void lose(struct member *member)
{
    member->up = false;
    link_owner_forget(&member->link->owner, member->index);
    recall(member, false);
}

static void welcome_owner(struct members_link *link)
{
    const struct member *owner = &link->members[link->owner.now];
    log_info("gateway", "member %s decides partition=%u epoch=%llu", owner->name, link->partition,
             (unsigned long long)link->owner.epoch_max);
    if (link->owner_before != MEMBER_NONE)
        metrics_add(link->metrics, METRIC_GATEWAY_OWNER_CHANGES, 0, 1);
    link->owner_before = link->owner.now;
    for (uint8_t i = 0; i < link->count; i++) {
        if (i != link->owner.now)
            recall(&link->members[i], false);
    }
}

/* --- events of a member's link --- */

/* Takes the request that a reply belongs to, if it is the last one to it. False when the member was not asked, or when
 * another member may have decided and this one says that it was too late to. */
static bool claim(struct member *member, enum link_kind kind, uint64_t tag, bool late, bool last)
{
    struct members_link *link = member->link;
    struct link_request *request = link_sent_find(&member->sent, kind, tag);
    link->speaker = member;
    if (request == NULL) {
        metrics_add(link->metrics, METRIC_GATEWAY_REPLIES_LATE, 0, 1);
        return false;
    }
    bool tells = !late || !request->perhaps || link_record_reads(kind, request->record);
    request->partly = true;
    if (!last)
        return tells;
    link_sent_remove(&member->sent, request);
    link_request_destroy(&request);
    return tells;
}

static void on_issue_reply(void *arg, uint16_t partition, const struct frame_issue_reply *reply)
{
    struct member *member = arg;
    const struct issuer_link_events *events = &member->link->events->issuer;
    if (claim(member, LINK_ISSUES, reply->tag, reply->verdict == VERDICT_LATE, true))
        events->on_issue_reply(events->arg, partition, reply);
}

static void on_change_reply(void *arg, uint16_t partition, const struct frame_change_reply *reply)
{
    struct member *member = arg;
    const struct issuer_link_events *events = &member->link->events->issuer;
    if (claim(member, LINK_CHANGES, reply->tag, reply->verdict == VERDICT_LATE, true))
        events->on_change_reply(events->arg, partition, reply);
}

static void on_coupon_reply(void *arg, uint16_t partition, const struct frame_coupon_reply *reply)
{
    struct member *member = arg;
    const struct issuer_link_events *events = &member->link->events->issuer;
    if (claim(member, LINK_COUPONS, reply->tag, reply->verdict == VERDICT_LATE, reply->remaining == 0))
        events->on_coupon_reply(events->arg, partition, reply);
}

static void on_verification_reply(void *arg, uint16_t partition, const struct frame_verification_reply *reply)
{
    struct member *member = arg;
    const struct issuer_link_events *events = &member->link->events->issuer;
    if (claim(member, LINK_VERIFICATIONS, reply->tag, reply->verdict == VERIFICATION_LATE, true))
        events->on_verification_reply(events->arg, partition, reply);
}

/* The journal that an owner's pong tells about is the partition's; a follower's is behind it. */
static void on_pong(void *arg, uint16_t partition, const struct frame_pong *pong)
{
    struct member *member = arg;
    struct members_link *link = member->link;
    const struct issuer_link_events *events = &link->events->issuer;
    member->up = true;
    link_owner_note(&link->owner, member->index, pong->epoch, pong->decides != 0);
    if (link->owner.now != MEMBER_NONE && link->owner.now != link->owner_before)
        welcome_owner(link);
    if (link->owner.now == member->index)
        events->on_pong(events->arg, partition, pong);
}

/* Nothing was decided, so that any request may go to another member. */
static void take_back(struct member *member, enum link_kind kind, uint64_t tag)
{
    struct link_request *request = link_sent_find(&member->sent, kind, tag);
    link_owner_forget(&member->link->owner, member->index);
    if (request == NULL)
        return;
    link_sent_remove(&member->sent, request);
    hold(member->link, request, clock_mono_us());
}

static void on_not_owner(void *arg, uint16_t partition, enum link_kind kind, uint64_t tag)
{
    (void)partition;
    take_back(arg, kind, tag);
}

static void on_unsent(void *arg, uint16_t partition, uint64_t tag)
{
    (void)partition;
    for (unsigned kind = 0; kind < LINK_KINDS; kind++)
        take_back(arg, (enum link_kind)kind, tag);
}

static void on_restart(void *arg, uint16_t partition)
{
    (void)partition;
    recall(arg, true);
}

/* --- life --- */

static int open_member(struct member *member, const struct partition_link_config *config, struct error *error)
{
    char base[OPTION_STRING_MAX + MEMBERS_HOST_MAX];
    member->events = (struct issuer_link_events){
        on_issue_reply, on_change_reply, on_coupon_reply, on_verification_reply, on_pong, on_unsent,
        on_restart,     on_not_owner,    member};
    memcpy(member->name, config->members->all[member->index].name, sizeof member->name);
    if (!members_endpoint(config->members, member->index, config->base, base, sizeof base))
        return error_set(error, "cluster/members: %s has no endpoint for %s", member->name, config->base);
    member->issuer =
        issuer_link_create(base, config->partition, config->partitions, &member->events, config->metrics, error);
    return member->issuer == NULL ? -1 : 0;
}

struct members_link *members_link_create(const struct partition_link_config *config, struct error *error)
{
    struct members_link *link = calloc(1, sizeof *link + config->members->count * sizeof link->members[0]);
    CHECK(link != NULL);
    link->partition = config->partition;
    link->events = config->events;
    link->metrics = config->metrics;
    link->hold_us = config->hold_us;
    link->owner.now = link->owner_before = MEMBER_NONE;
    while (link != NULL && link->count < config->members->count) {
        struct member *member = &link->members[link->count];
        member->link = link;
        member->index = link->count++;
        if (open_member(member, config, error) != 0)
            members_link_destroy(&link);
    }
    return link;
}

void members_link_destroy(struct members_link **link)
{
    if (*link == NULL)
        return;
    for (uint8_t i = 0; i < (*link)->count; i++) {
        issuer_link_destroy(&(*link)->members[i].issuer);
        link_sent_clear(&(*link)->members[i].sent);
    }
    link_requests_clear(&(*link)->waiting);
    free(*link);
    *link = NULL;
}

/* --- state --- */

unsigned members_link_count(const struct members_link *link)
{
    return link->count;
}

struct issuer_link *members_link_issuer(const struct members_link *link, unsigned member)
{
    return link->members[member].issuer;
}

struct issuer_link *members_link_owner(const struct members_link *link)
{
    return link->owner.now == MEMBER_NONE ? NULL : link->members[link->owner.now].issuer;
}

struct issuer_link *members_link_speaker(const struct members_link *link)
{
    return link->speaker == NULL ? NULL : link->speaker->issuer;
}

bool members_link_holds(const struct members_link *link)
{
    return link->hold_us > 0;
}

uint32_t members_link_waiting(const struct members_link *link)
{
    return link->waiting.count;
}

void members_link_lose(struct members_link *link, unsigned member)
{
    log_warn("gateway", "lost the connection to member %s partition=%u", link->members[member].name, link->partition);
    lose(&link->members[member]);
}

/* --- requests --- */

void *members_link_add(struct members_link *link, enum link_kind kind, int64_t asked_us, int64_t until_us)
{
    struct link_request *request = link_request_create(kind);
    request->until_us = until_us;
    hold(link, request, asked_us);
    return request->record;
}

void members_link_ask_times(struct members_link *link)
{
    link->timed = true;
}

/* The index comes first: a full frame is sent at once, and may turn out to be unsent. */
static void send_to(struct member *member, struct link_request *request, int64_t now_us)
{
    request = link_request_trim(request);
    request->sent_us = now_us;
    link_sent_add(&member->sent, request);
    issuer_link_add_copy(member->issuer, request, now_us);
}

static void send_waiting(struct members_link *link, struct member *member, int64_t now_us)
{
    struct link_requests all = link->waiting;
    struct link_request *request = NULL;
    link->waiting = (struct link_requests){0};
    while ((request = link_requests_pop(&all)) != NULL) {
        if (!waits(link, request))
            link_request_destroy(&request);
        else if (request->until_us <= now_us)
            fail(link, request);
        else
            send_to(member, request, now_us);
    }
    if (link->timed)
        issuer_link_ask_times(member->issuer);
    link->timed = false;
}

bool members_link_flush(struct members_link *link, int64_t now_us)
{
    if (link->waiting.first == NULL)
        return false;
    if (link->owner.now == MEMBER_NONE) {
        if (is_over(link->waiting.first, now_us))
            expire_waiting(link, now_us);
        return false;
    }
    struct member *owner = &link->members[link->owner.now];
    send_waiting(link, owner, now_us);
    return issuer_link_flush(owner->issuer);
}

/* --- the tick --- */

static void tick_member(struct member *member, int64_t now_ms, int64_t now_us)
{
    struct link_request *request = NULL;
    issuer_link_tick(member->issuer, now_ms);
    if (member->up && !issuer_link_up(member->issuer, now_ms))
        lose(member);
    while ((request = member->sent.order.first) != NULL && request->until_us <= now_us) {
        link_sent_remove(&member->sent, request);
        link_request_destroy(&request);
    }
}

/* True while a pong of any member may tell what requests wait for. */
static bool is_impatient(const struct members_link *link, int64_t now_us)
{
    if (link->owner.now == MEMBER_NONE)
        return true;
    const struct link_request *oldest = link->members[link->owner.now].sent.order.first;
    return oldest != NULL && now_us - oldest->sent_us > IMPATIENCE_US;
}

void members_link_tick(struct members_link *link, int64_t now_ms, int64_t now_us)
{
    for (uint8_t i = 0; i < link->count; i++)
        tick_member(&link->members[i], now_ms, now_us);
    expire_waiting(link, now_us);
    for (uint8_t i = 0; i < link->count && is_impatient(link, now_us); i++)
        issuer_link_hurry(link->members[i].issuer, now_ms);
}
