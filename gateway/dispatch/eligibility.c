#include "gateway/dispatch/eligibility.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/dispatch/traces.h"
#include "gateway/dispatch/verdicts.h"
#include "gateway/policy/fetch.h"
#include "gateway/policy/segments.h"
#include "gateway/service/answer.h"
#include "shared/error.h"

#define TRIES_MAX 8           /* then the coupon changes faster than a user can be compared with it */
#define TAG_BIT   0x40000000u /* tells tags of these fetches from those of policy/fetching.c */

/* What an exchange needs for another try. */
struct kept {
    unsigned tries;
    uint64_t request_key;
    struct frame_issue_reply refusal; /* the latest */
    uint16_t segments_length;
    char segments[PRINCIPAL_SEGMENTS_BYTES_MAX];
};

struct eligibility {
    struct segments_cache *known;
    struct policy_fetches fetches;
    struct kept kept[]; /* by the index of the exchange; pages that are never used take no memory */
};

struct eligibility *eligibility_create(const struct service *service)
{
    if (!service->rules.identity)
        return NULL;
    struct eligibility *self = calloc(1, sizeof *self + service->exchanges.capacity * sizeof self->kept[0]);
    uint64_t seed;
    CHECK(self != NULL && sodium_init() >= 0);
    randombytes_buf(&seed, sizeof seed);
    self->known = segments_cache_create(seed);
    return self;
}

void eligibility_destroy(struct eligibility **eligibility)
{
    struct eligibility *self = *eligibility;
    if (self == NULL)
        return;
    policy_fetches_deinit(&self->fetches);
    segments_cache_destroy(&self->known);
    free(self);
    *eligibility = NULL;
}

static struct span coupon_of(const struct exchange *exchange)
{
    return (struct span){exchange->coupon_id, exchange->coupon_id_length};
}

static struct span names_of(const struct kept *kept)
{
    return (struct span){kept->segments, kept->segments_length};
}

/* The hash of the segments that are known, if the user is in one of them. */
static uint32_t claim(const struct policy_segments *known, const struct kept *kept)
{
    bool in = known != NULL && known->hash != 0 && policy_segments_match(known, names_of(kept));
    return in ? known->hash : SEGMENTS_UNCHECKED;
}

uint32_t eligibility_claim(struct service *service, const struct exchange *exchange, const struct api_call *call)
{
    const struct principal *principal = &call->principal;
    struct eligibility *self = service->eligibility;
    if (self == NULL || call->issue_op == ISSUE_LOOKUP || (principal->roles & (ROLE_SERVICE | ROLE_ADMIN)) != 0)
        return SEGMENTS_EXEMPT;
    struct kept *kept = &self->kept[exchange->index];
    kept->tries = 0;
    kept->request_key = call->request_key;
    kept->segments_length = principal->segments_length;
    memcpy(kept->segments, principal->segments, principal->segments_length);
    if (principal->segments_length == 0)
        return SEGMENTS_UNCHECKED;
    return claim(segments_cache_find(self->known, coupon_of(exchange)), kept);
}

/* --- another try --- */

static void send_again(struct service *service, uint16_t partition, const struct exchange *exchange,
                       const struct kept *kept, uint32_t segments)
{
    int64_t until_us = exchange->begun_us + options_request_timeout_ms(service->options) * 1000;
    struct frame_issue_request *record =
        partition_link_add_issue(service->links[partition], service_now_us(service), until_us);
    record->tag = exchange_tag(exchange);
    record->op = exchange->op;
    record->nth = exchange->nth;
    record->segments = segments;
    record->request_key = kept->request_key;
    record->coupon_id_length = exchange->coupon_id_length;
    record->user_id_length = exchange->user_id_length;
    memcpy(record->coupon_id, exchange->coupon_id, exchange->coupon_id_length);
    memcpy(record->user_id, exchange->user_id, exchange->user_id_length);
    traces_send(service, partition, exchange);
}

static void answer_refusal(struct service *service, uint16_t partition, struct exchange *exchange,
                           const struct frame_issue_reply *refusal)
{
    struct answer answer = answer_begin(service, exchange);
    int status = verdict_answer_issue(answer.out, &service->clock, answer.style, exchange, refusal);
    if (status != 0)
        answer_end(&answer, status);
    else
        answer_nonsense(&answer, partition, refusal->verdict);
}

/* Asks again with what is known now, unless that leaves no doubt. */
static void judge(struct service *service, uint16_t partition, struct exchange *exchange,
                  const struct policy_segments *known)
{
    struct kept *kept = &service->eligibility->kept[exchange->index];
    uint32_t segments = claim(known, kept);
    if (known->hash != 0 && segments == SEGMENTS_UNCHECKED)
        answer_refusal(service, partition, exchange, &kept->refusal);
    else if (++kept->tries > TRIES_MAX)
        answer_exchange_with_error(service, exchange, ERROR_OVERLOADED);
    else
        send_again(service, partition, exchange, kept, segments);
}

/* --- fetches --- */

static void ask_coupon(struct service *service, struct policy_fetch *fetch)
{
    struct frame_coupon_request *record =
        partition_link_add_coupon(service->links[fetch->partition], service_now_us(service), service_until_us(service));
    fetch->stage = FETCH_ISSUER;
    fetch->asked_us = service_now_us(service);
    record->tag = policy_fetch_tag(&service->eligibility->fetches, fetch) | TAG_BIT;
    record->op = COUPON_GET;
    record->coupon.id_length = fetch->id_length;
    memcpy(record->coupon.id, fetch->id, fetch->id_length);
}

static struct policy_fetch *find_fetch(struct service *service, uint64_t tag)
{
    if (service->eligibility == NULL || (tag & TAG_BIT) == 0)
        return NULL;
    return policy_fetch_find(&service->eligibility->fetches, tag & ~(uint64_t)TAG_BIT);
}

/* Its reply is lost: those who wait for it have been answered. */
static bool is_over(struct service *service, const struct policy_fetch *fetch)
{
    return fetch->asked_us <= service_now_us(service) - options_request_timeout_ms(service->options) * 1000;
}

/* False when another coupon is being fetched in its place. */
static bool wait_for_fetch(struct service *service, uint16_t partition, const struct exchange *exchange)
{
    struct span id = coupon_of(exchange);
    struct policy_fetch *fetch = policy_fetch_place(&service->eligibility->fetches, id);
    if (fetch->stage != FETCH_IDLE && is_over(service, fetch))
        policy_fetch_end(fetch);
    if (fetch->stage != FETCH_IDLE && !span_equals(policy_fetch_id(fetch), id))
        return false;
    if (fetch->stage == FETCH_IDLE) {
        policy_fetch_begin(fetch, id, partition);
        ask_coupon(service, fetch);
    }
    policy_fetch_wait(fetch, exchange_tag(exchange));
    return true;
}

bool eligibility_ask_again(struct service *service, uint16_t partition, struct exchange *exchange,
                           const struct frame_issue_reply *reply)
{
    struct eligibility *self = service->eligibility;
    if (self == NULL || reply->verdict != VERDICT_NOT_ELIGIBLE || reply->segments == 0)
        return false;
    struct kept *kept = &self->kept[exchange->index];
    kept->refusal = *reply;
    if (kept->segments_length == 0)
        return false;
    const struct policy_segments *known = segments_cache_find(self->known, coupon_of(exchange));
    if (known != NULL && known->hash == reply->segments)
        judge(service, partition, exchange, known);
    else if (!wait_for_fetch(service, partition, exchange))
        answer_exchange_with_error(service, exchange, ERROR_OVERLOADED);
    return true;
}

static void fail_waiters(struct service *service, struct policy_fetch *fetch, enum error_code code)
{
    for (size_t i = 0; i < fetch->waiters_count; i++) {
        struct exchange *exchange = exchange_find(&service->exchanges, fetch->waiters[i]);
        if (exchange != NULL)
            answer_exchange_with_error(service, exchange, code);
    }
    policy_fetch_end(fetch);
}

static bool bears(const struct frame_coupon_reply *reply, struct span id, struct coupon *coupon)
{
    return reply->verdict == VERDICT_FOUND && frame_coupon_whole(&reply->coupon) &&
           frame_coupon_read(&reply->coupon, coupon) && span_equals((struct span){coupon->id, strlen(coupon->id)}, id);
}

bool eligibility_take_reply(struct service *service, uint16_t partition, const struct frame_coupon_reply *reply)
{
    struct policy_fetch *fetch = find_fetch(service, reply->tag);
    struct coupon coupon;
    if (fetch == NULL || fetch->partition != partition)
        return false;
    if (reply->verdict == VERDICT_LATE || !bears(reply, policy_fetch_id(fetch), &coupon)) {
        fail_waiters(service, fetch, ERROR_ISSUER_UNAVAILABLE);
        return true;
    }
    const struct policy_segments *known = segments_cache_put(service->eligibility->known, &coupon);
    for (size_t i = 0; i < fetch->waiters_count; i++) {
        struct exchange *exchange = exchange_find(&service->exchanges, fetch->waiters[i]);
        if (exchange != NULL)
            judge(service, partition, exchange, known);
    }
    policy_fetch_end(fetch);
    return true;
}

bool eligibility_waits(struct service *service, uint64_t tag)
{
    return find_fetch(service, tag) != NULL;
}

void eligibility_on_unsent(struct service *service, uint64_t tag)
{
    struct policy_fetch *fetch = find_fetch(service, tag);
    if (fetch != NULL)
        fail_waiters(service, fetch, ERROR_ISSUER_UNAVAILABLE);
}
