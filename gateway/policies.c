#include "gateway/policies.h"

#include <stdlib.h>

#include "gateway/dispatch_private.h"
#include "gateway/policy_board.h"
#include "gateway/policy_cache.h"
#include "gateway/policy_page.h"
#include "shared/clock.h"
#include "shared/error.h"

enum { FETCHES = 256 };

#define FETCH_TAG 0x80000000u /* set in the lower half of a fetch's tag, and in no exchange's */

enum fetch_stage { FETCH_IDLE, FETCH_ISSUER };

/* One question for all who wait for this coupon. */
struct fetch {
    enum fetch_stage stage;
    uint32_t generation; /* of its tag */
    uint16_t partition;
    uint8_t id_length;
    char id[COUPON_ID_MAX];
    int64_t asked_us;
    uint64_t *waiters; /* tags of exchanges; one that has ended finds nobody */
    size_t waiters_count;
    size_t waiters_capacity;
};

struct policies {
    struct policy_board *board;
    struct policy_cache *cache; /* NULL: everybody asks the issuer */
    int64_t ttl_us;
    int64_t timeout_us;
    struct fetch fetches[FETCHES]; /* a coupon has one place, which it may find taken */
};

struct policies *policies_create(const struct options *options, struct policy_board *board)
{
    struct policies *policies = calloc(1, sizeof(*policies));

    CHECK(policies != NULL);
    policies->board = board;
    policies->ttl_us = options->gateway_policy_ttl_ms * 1000;
    policies->timeout_us = options->gateway_issuer_timeout_ms * 1000;
    if (policies->ttl_us > 0)
        policies->cache = policy_cache_create(POLICY_CACHE_ENTRIES, policies->ttl_us);
    return policies;
}

void policies_destroy(struct policies **policies)
{
    struct policies *self = *policies;

    if (self == NULL)
        return;
    for (size_t i = 0; i < FETCHES; i++)
        free(self->fetches[i].waiters);
    policy_cache_destroy(&self->cache);
    free(self);
    *policies = NULL;
}

/* ---- answers ---- */

static void count_read(struct gateway_loop *loop, enum metric_policy_source source, uint64_t times)
{
    metrics_add(loop->metrics, METRIC_GATEWAY_POLICY_READS, source, times);
}

static void answer_entry(const struct answer *answer, const struct policy_entry *entry, struct span if_none_match)
{
    struct gateway_loop *loop = answer->loop;
    int64_t now_us = gateway_loop_now_us(loop);
    struct policy_page page;

    if (!entry->known) {
        answer_error(answer, ERROR_COUPON_NOT_FOUND, NULL);
        return;
    }
    page = (struct policy_page){
        .body = {entry->body.data, entry->body.length},
        .etag = entry->etag,
        .age_us = now_us > entry->asked_us ? now_us - entry->asked_us : 0,
        .ttl_us = loop->policies->ttl_us,
        .until_change_us = policy_until_change_us(entry->coupon, policy_entry_issuer_us(entry, now_us)),
    };
    answer_end(answer, policy_page_write(answer->out, &loop->clock, answer->style, &page, if_none_match));
}

static struct span condition_of(const struct exchange *exchange)
{
    if (exchange->if_none_match == NULL)
        return SPAN_NONE;
    return (struct span){exchange->if_none_match, strlen(exchange->if_none_match)};
}

/* ---- fetches ---- */

static struct fetch *fetch_place(struct policies *policies, struct span id)
{
    return &policies->fetches[(policy_hash(id) >> 16) % FETCHES];
}

static uint64_t fetch_tag(const struct policies *policies, const struct fetch *fetch)
{
    return (uint64_t)fetch->generation << 32 | FETCH_TAG | (uint32_t)(fetch - policies->fetches);
}

/* The fetch of a tag; NULL when there is none (any more): `was_one` tells which. */
static struct fetch *find_fetch(struct policies *policies, uint64_t tag, bool *was_one)
{
    uint32_t index = (uint32_t)tag & ~FETCH_TAG;
    struct fetch *fetch = &policies->fetches[index % FETCHES];

    *was_one = ((uint32_t)tag & FETCH_TAG) != 0;
    if (!*was_one || index >= FETCHES || fetch->stage == FETCH_IDLE || fetch->generation != (uint32_t)(tag >> 32))
        return NULL;
    return fetch;
}

static struct span fetch_id(const struct fetch *fetch)
{
    return (struct span){fetch->id, fetch->id_length};
}

static void ask_issuer(struct gateway_loop *loop, struct fetch *fetch)
{
    struct frame_coupon_request *record = issuer_link_add_coupon(loop->links[fetch->partition]);

    fetch->stage = FETCH_ISSUER;
    fetch->asked_us = gateway_loop_now_us(loop);
    record->tag = fetch_tag(loop->policies, fetch);
    record->op = COUPON_GET;
    record->coupon.id_length = fetch->id_length;
    memcpy(record->coupon.id, fetch->id, fetch->id_length);
}

static void begin_fetch(struct gateway_loop *loop, struct fetch *fetch, struct span id, uint16_t partition)
{
    fetch->generation++;
    fetch->partition = partition;
    fetch->id_length = (uint8_t)id.length;
    memcpy(fetch->id, id.at, id.length);
    fetch->waiters_count = 0;
    ask_issuer(loop, fetch);
}

static void add_waiter(struct fetch *fetch, uint64_t tag)
{
    if (fetch->waiters_count == fetch->waiters_capacity) {
        fetch->waiters_capacity = fetch->waiters_capacity == 0 ? 16 : fetch->waiters_capacity * 2;
        fetch->waiters = realloc(fetch->waiters, fetch->waiters_capacity * sizeof(*fetch->waiters));
        CHECK(fetch->waiters != NULL);
    }
    fetch->waiters[fetch->waiters_count++] = tag;
}

/* Nobody waits any more; a reply that is still to come finds nothing. */
static void end_fetch(struct fetch *fetch)
{
    fetch->stage = FETCH_IDLE;
    fetch->waiters_count = 0;
}

static void fail_fetch(struct gateway_loop *loop, struct fetch *fetch, enum error_code code)
{
    for (size_t i = 0; i < fetch->waiters_count; i++) {
        struct exchange *exchange = exchange_find(&loop->exchanges, fetch->waiters[i]);
        if (exchange != NULL)
            answer_exchange_with_error(loop, exchange, code);
    }
    end_fetch(fetch);
}

/* The first of those who wait has asked; the others were told for nothing. */
static void answer_fetch(struct gateway_loop *loop, struct fetch *fetch, const struct policy_entry *entry,
                         enum metric_policy_source source)
{
    uint64_t answered = 0;

    for (size_t i = 0; i < fetch->waiters_count; i++) {
        struct exchange *exchange = exchange_find(&loop->exchanges, fetch->waiters[i]);
        struct answer answer;
        if (exchange == NULL)
            continue;
        answer = answer_begin(loop, exchange);
        answer_entry(&answer, entry, condition_of(exchange));
        answered++;
    }
    count_read(loop, source, 1);
    if (answered > 1)
        count_read(loop, METRIC_POLICY_LOCAL, answered - 1);
    end_fetch(fetch);
}

/* ---- reads ---- */

static void wait_for_fetch(struct connection *connection, const struct http_request *request,
                           const struct api_call *call, struct fetch *fetch)
{
    struct exchange *exchange = dispatch_begin_exchange(connection, request, call->route, 1ull << fetch->partition);

    if (exchange == NULL)
        return;
    exchange->kind = EXCHANGE_COUPON;
    exchange->op = COUPON_GET;
    if (request->if_none_match.at != NULL)
        exchange->if_none_match = strndup(request->if_none_match.at, request->if_none_match.length);
    add_waiter(fetch, exchange_tag(exchange));
}

/* True when who asks now may be told what this fetch brings. */
static bool may_join(const struct fetch *fetch, struct span id, int64_t changed_us)
{
    return fetch->stage != FETCH_IDLE && span_equals(fetch_id(fetch), id) && fetch->asked_us > changed_us;
}

/* False when the coupon's place is taken. */
static bool join_or_begin(struct connection *connection, const struct http_request *request,
                          const struct api_call *call, int64_t changed_us)
{
    struct gateway_loop *loop = connection->loop;
    struct fetch *fetch = fetch_place(loop->policies, call->coupon_id);
    uint16_t partition = coupon_partition(call->coupon_id.at, call->coupon_id.length, loop->partitions);

    if (fetch->stage != FETCH_IDLE && !may_join(fetch, call->coupon_id, changed_us))
        return false;
    if (fetch->stage == FETCH_IDLE && !dispatch_partition_up(loop, partition)) {
        dispatch_answer_code(connection, request, call->route, ERROR_ISSUER_UNAVAILABLE);
        return true;
    }
    if (fetch->stage == FETCH_IDLE)
        begin_fetch(loop, fetch, call->coupon_id, partition);
    wait_for_fetch(connection, request, call, fetch);
    return true;
}

bool policies_read(struct connection *connection, const struct http_request *request, const struct api_call *call)
{
    struct gateway_loop *loop = connection->loop;
    struct policies *policies = loop->policies;
    const struct policy_entry *entry = NULL;
    struct answer answer;
    int64_t changed_us = 0;

    if (policies->cache == NULL || request->no_cache)
        return false;
    changed_us = policy_board_changed_us(policies->board, policy_hash(call->coupon_id));
    entry = policy_cache_find(policies->cache, call->coupon_id, gateway_loop_now_us(loop), changed_us);
    if (entry == NULL)
        return join_or_begin(connection, request, call, changed_us);
    count_read(loop, METRIC_POLICY_LOCAL, 1);
    answer = dispatch_begin_local(connection, request, call->route);
    answer_entry(&answer, entry, request->if_none_match);
    return true;
}

/* ---- refusals ---- */

/*
 * Only what the issuer told this very thread refuses anybody; what came through Redis never does. A lookup is always
 * the issuer's.
 */
bool policies_refuse(struct connection *connection, const struct http_request *request, const struct api_call *call)
{
    struct gateway_loop *loop = connection->loop;
    struct policies *policies = loop->policies;
    struct problem_extras extras = {0};
    struct answer answer;
    int64_t changed_us = 0;
    enum error_code code = ERROR_CODE_COUNT;

    if (policies->cache == NULL || call->issue_op == ISSUE_LOOKUP)
        return false;
    changed_us = policy_board_changed_us(policies->board, policy_hash(call->coupon_id));
    code = policy_cache_refusal(policies->cache, call->coupon_id, gateway_loop_now_us(loop), changed_us,
                                &extras.retry_after_s);
    if (code == ERROR_CODE_COUNT)
        return false;
    metrics_add(loop->metrics, METRIC_GATEWAY_POLICY_REFUSALS, 0, 1);
    answer = dispatch_begin_local(connection, request, call->route);
    answer_error(&answer, code, &extras);
    return true;
}

/* ---- what the issuer tells ---- */

static const struct policy_entry *keep(struct gateway_loop *loop, struct span id, const struct coupon *coupon,
                                       int64_t asked_us, int64_t issuer_us)
{
    struct policy_told told = {
        .id = id,
        .coupon = coupon,
        .from_issuer = true,
        .asked_us = asked_us,
        .told_us = clock_mono_us(),
        .issuer_us = issuer_us,
    };

    return policy_cache_put(loop->policies->cache, &told, gateway_loop_now_us(loop));
}

/* True when the reply bears this coupon, which is read then. */
static bool bears(const struct frame_coupon_reply *reply, struct span id, struct coupon *coupon)
{
    return reply->verdict == VERDICT_FOUND && frame_coupon_whole(&reply->coupon) &&
           frame_coupon_read(&reply->coupon, coupon) && span_equals((struct span){coupon->id, strlen(coupon->id)}, id);
}

static void fetch_makes_no_sense(struct gateway_loop *loop, struct fetch *fetch)
{
    metrics_add(loop->metrics, METRIC_GATEWAY_FRAMES_DROPPED, 0, 1);
    fail_fetch(loop, fetch, ERROR_OUTCOME_UNKNOWN);
}

static void take_fetch_reply(struct gateway_loop *loop, struct fetch *fetch, const struct frame_coupon_reply *reply)
{
    struct coupon coupon;
    const struct policy_entry *entry = NULL;

    if (bears(reply, fetch_id(fetch), &coupon))
        entry = keep(loop, fetch_id(fetch), &coupon, fetch->asked_us, reply->now_us);
    else if (reply->verdict == VERDICT_COUPON_NOT_FOUND)
        entry = keep(loop, fetch_id(fetch), NULL, fetch->asked_us, reply->now_us);
    if (entry == NULL)
        fetch_makes_no_sense(loop, fetch);
    else
        answer_fetch(loop, fetch, entry, METRIC_POLICY_ISSUER);
}

void policies_changed(struct gateway_loop *loop, struct span id)
{
    policy_board_change(loop->policies->board, policy_hash(id), clock_mono_us());
    metrics_add(loop->metrics, METRIC_GATEWAY_POLICY_CHANGES, 0, 1);
}

static void take_change(struct gateway_loop *loop, const struct frame_coupon_reply *reply)
{
    struct coupon coupon;

    if (!frame_coupon_whole(&reply->coupon) || !frame_coupon_read(&reply->coupon, &coupon))
        return;
    policies_changed(loop, (struct span){coupon.id, strlen(coupon.id)});
}

bool policies_take_reply(struct gateway_loop *loop, uint16_t partition, const struct frame_coupon_reply *reply)
{
    bool was_one = false;
    struct fetch *fetch = find_fetch(loop->policies, reply->tag, &was_one);

    if (reply->verdict == VERDICT_COUPON_CREATED || reply->verdict == VERDICT_COUPON_CHANGED)
        take_change(loop, reply);
    if (fetch != NULL && fetch->partition == partition)
        take_fetch_reply(loop, fetch, reply);
    else if (was_one)
        metrics_add(loop->metrics, METRIC_GATEWAY_REPLIES_LATE, 0, 1);
    return was_one;
}

/* What one has asked for by himself is kept for the others, too. */
bool policies_answer(struct gateway_loop *loop, struct exchange *exchange, const struct frame_coupon_reply *reply)
{
    struct span id = {exchange->coupon_id, exchange->coupon_id_length};
    struct policy_page page = {.ttl_us = loop->policies->ttl_us};
    struct answer answer;
    struct coupon coupon;

    if (exchange->kind != EXCHANGE_COUPON || exchange->op != COUPON_GET || !bears(reply, id, &coupon))
        return false;
    if (loop->policies->cache != NULL)
        keep(loop, id, &coupon, exchange->begun_us, reply->now_us);
    count_read(loop, METRIC_POLICY_ISSUER, 1);
    page.etag = policy_page_render(&loop->scratch, &coupon, reply->now_us);
    page.body = (struct span){loop->scratch.data, loop->scratch.length};
    page.until_change_us = policy_until_change_us(&coupon, reply->now_us);
    answer = answer_begin(loop, exchange);
    answer_end(&answer, policy_page_write(answer.out, &loop->clock, answer.style, &page, condition_of(exchange)));
    buffer_clear(&loop->scratch, 0);
    return true;
}

/* So that the next of those who come too early find a young entry; nobody waits for it. */
static void refresh(struct gateway_loop *loop, const struct exchange *exchange)
{
    struct policies *policies = loop->policies;
    struct span id = {exchange->coupon_id, exchange->coupon_id_length};
    struct fetch *fetch = fetch_place(policies, id);
    uint16_t partition = coupon_partition(id.at, id.length, loop->partitions);
    int64_t changed_us = policy_board_changed_us(policies->board, policy_hash(id));

    if (fetch->stage != FETCH_IDLE || !dispatch_partition_up(loop, partition))
        return;
    if (!policy_cache_is_recent(policies->cache, id, gateway_loop_now_us(loop), changed_us))
        begin_fetch(loop, fetch, id, partition);
}

void policies_on_issue_reply(struct gateway_loop *loop, const struct exchange *exchange,
                             const struct frame_issue_reply *reply)
{
    if (loop->policies->cache == NULL || exchange->kind != EXCHANGE_ISSUE)
        return;
    if (reply->verdict == VERDICT_NOT_STARTED)
        refresh(loop, exchange);
    else if (reply->verdict == VERDICT_COUPON_NOT_FOUND)
        keep(loop, (struct span){exchange->coupon_id, exchange->coupon_id_length}, NULL, exchange->begun_us,
             reply->now_us);
}

/* ---- no reply ---- */

void policies_on_unsent(struct gateway_loop *loop, uint64_t tag)
{
    bool was_one = false;
    struct fetch *fetch = find_fetch(loop->policies, tag, &was_one);

    if (fetch != NULL)
        fail_fetch(loop, fetch, ERROR_ISSUER_UNAVAILABLE);
}

void policies_partition_lost(struct gateway_loop *loop, uint16_t partition)
{
    for (size_t i = 0; i < FETCHES; i++) {
        struct fetch *fetch = &loop->policies->fetches[i];
        if (fetch->stage == FETCH_ISSUER && fetch->partition == partition)
            fail_fetch(loop, fetch, ERROR_OUTCOME_UNKNOWN);
    }
}

void policies_tick(struct gateway_loop *loop)
{
    int64_t latest_us = gateway_loop_now_us(loop) - loop->policies->timeout_us;

    for (size_t i = 0; i < FETCHES; i++) {
        struct fetch *fetch = &loop->policies->fetches[i];
        if (fetch->stage == FETCH_ISSUER && fetch->asked_us <= latest_us)
            fail_fetch(loop, fetch, ERROR_OUTCOME_UNKNOWN);
    }
}
