#include "gateway/dispatch/private.h"
#include "gateway/policy/page.h"
#include "gateway/policy/policies_private.h"
#include "gateway/policy/value.h"
#include "shared/clock.h"

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

/* What an issuer's clock can say. */
static bool is_time(int64_t us)
{
    return us >= 0 && us <= ISSUER_TIME_US_MAX;
}

static void note_time(struct policies *policies, uint16_t partition, int64_t issuer_us)
{
    if (!is_time(issuer_us))
        return;
    policies->latest_ahead_us = issuer_us - clock_boot_us();
    policies->issuer_ahead_us[partition] = policies->latest_ahead_us;
}

int64_t policies_issuer_now_us(const struct policies *policies, uint16_t partition)
{
    int64_t ahead_us = policies->issuer_ahead_us[partition];

    return ahead_us == 0 ? 0 : clock_boot_us() + ahead_us;
}

int64_t policies_time_us(const struct policies *policies)
{
    return policies->latest_ahead_us == 0 ? clock_wall_us() : clock_boot_us() + policies->latest_ahead_us;
}

/* True when the reply bears this coupon, which is read then. */
static bool bears(const struct frame_coupon_reply *reply, struct span id, struct coupon *coupon)
{
    return reply->verdict == VERDICT_FOUND && is_time(reply->now_us) && frame_coupon_whole(&reply->coupon) &&
           frame_coupon_read(&reply->coupon, coupon) && span_equals((struct span){coupon->id, strlen(coupon->id)}, id);
}

/* For the other gateways: stores it, and tells them of a change. */
static void share(struct gateway_loop *loop, const struct coupon *coupon, int64_t issuer_us, bool changed)
{
    struct policy_redis *redis = loop->policies->redis;

    if (redis == NULL)
        return;
    policy_redis_store(redis, coupon, issuer_us);
    if (changed)
        policy_redis_tell(redis, (struct span){coupon->id, strlen(coupon->id)});
}

static void fetch_makes_no_sense(struct gateway_loop *loop, struct policy_fetch *fetch)
{
    metrics_add(loop->metrics, METRIC_GATEWAY_FRAMES_DROPPED, METRIC_DROP_MALFORMED, 1);
    policies_fail_fetch(loop, fetch, ERROR_OUTCOME_UNKNOWN);
}

static void take_fetch_reply(struct gateway_loop *loop, struct policy_fetch *fetch,
                             const struct frame_coupon_reply *reply)
{
    struct coupon coupon;
    const struct policy_entry *entry = NULL;

    if (reply->verdict == VERDICT_LATE) {
        policies_fail_fetch(loop, fetch, ERROR_ISSUER_UNAVAILABLE);
        return;
    }
    if (bears(reply, policy_fetch_id(fetch), &coupon)) {
        entry = keep(loop, policy_fetch_id(fetch), &coupon, fetch->asked_us, reply->now_us);
        share(loop, &coupon, reply->now_us, false);
    } else if (reply->verdict == VERDICT_COUPON_NOT_FOUND) {
        entry = keep(loop, policy_fetch_id(fetch), NULL, fetch->asked_us, reply->now_us);
    }
    if (entry == NULL)
        fetch_makes_no_sense(loop, fetch);
    else
        policies_answer_fetch(loop, fetch, entry, METRIC_POLICY_ISSUER);
}

static void outdate(struct gateway_loop *loop, struct span id)
{
    policy_board_change(loop->policies->board, policy_hash(id), clock_mono_us());
    metrics_add(loop->metrics, METRIC_GATEWAY_POLICY_CHANGES, 0, 1);
}

void policies_changed(struct gateway_loop *loop, struct span id)
{
    outdate(loop, id);
    if (loop->policies->redis != NULL)
        policy_redis_tell(loop->policies->redis, id);
}

static void take_change(struct gateway_loop *loop, const struct frame_coupon_reply *reply)
{
    struct coupon coupon;

    if (!frame_coupon_whole(&reply->coupon) || !frame_coupon_read(&reply->coupon, &coupon))
        return;
    outdate(loop, (struct span){coupon.id, strlen(coupon.id)});
    share(loop, &coupon, reply->now_us, true);
}

bool policies_take_reply(struct gateway_loop *loop, uint16_t partition, const struct frame_coupon_reply *reply)
{
    struct policy_fetch *fetch = policy_fetch_find(&loop->policies->fetches, reply->tag);

    note_time(loop->policies, partition, reply->now_us);
    if (reply->verdict == VERDICT_COUPON_CREATED || reply->verdict == VERDICT_COUPON_CHANGED)
        take_change(loop, reply);
    if (fetch != NULL && fetch->stage == FETCH_ISSUER && fetch->partition == partition)
        take_fetch_reply(loop, fetch, reply);
    else if (policy_fetch_is_tag(reply->tag))
        metrics_add(loop->metrics, METRIC_GATEWAY_REPLIES_LATE, 0, 1);
    return policy_fetch_is_tag(reply->tag);
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
    policies_count_read(loop, METRIC_POLICY_ISSUER, 1);
    page.coupon_id = id;
    page.version = coupon.journal_seq;
    page.etag = policy_page_render(&loop->scratch, &coupon, reply->now_us);
    page.body = (struct span){loop->scratch.data, loop->scratch.length};
    page.until_change_us = policy_until_change_us(&coupon, reply->now_us);
    answer = answer_begin(loop, exchange);
    if (policy_page_passes(exchange->if_match, &page))
        answer_end(&answer,
                   policy_page_write(answer.out, &loop->clock, answer.style, &page, policies_condition_of(exchange)));
    else
        answer_error(&answer, ERROR_STALE_VERSION, NULL);
    buffer_clear(&loop->scratch, 0);
    return true;
}

/* So that the next of those who come too early find a young entry; nobody waits for it. */
static void refresh(struct gateway_loop *loop, const struct exchange *exchange)
{
    struct policies *policies = loop->policies;
    struct span id = {exchange->coupon_id, exchange->coupon_id_length};
    struct policy_fetch *fetch = policy_fetch_place(&policies->fetches, id);
    uint16_t partition = coupon_partition(id.at, id.length, loop->partitions);
    int64_t changed_us = policy_board_changed_us(policies->board, policy_hash(id));

    if (fetch->stage != FETCH_IDLE || !dispatch_partition_up(loop, partition))
        return;
    if (!policy_cache_is_recent(policies->cache, id, gateway_loop_now_us(loop), changed_us)) {
        policy_fetch_begin(fetch, id, partition);
        policies_ask_issuer(loop, fetch);
    }
}

void policies_on_issue_reply(struct gateway_loop *loop, uint16_t partition, const struct exchange *exchange,
                             const struct frame_issue_reply *reply)
{
    note_time(loop->policies, partition, reply->now_us);
    if (loop->policies->cache == NULL || exchange->kind != EXCHANGE_ISSUE)
        return;
    if (reply->verdict == VERDICT_NOT_STARTED)
        refresh(loop, exchange);
    else if (reply->verdict == VERDICT_COUPON_NOT_FOUND)
        keep(loop, (struct span){exchange->coupon_id, exchange->coupon_id_length}, NULL, exchange->begun_us,
             reply->now_us);
}

/* ---- what Redis tells ---- */

/* The entry that these bytes make, or NULL when they are wrong, too old, or from before a change. */
static const struct policy_entry *keep_told(struct gateway_loop *loop, const struct policy_fetch *fetch,
                                            struct span bytes)
{
    struct policies *policies = loop->policies;
    struct policy_told told = {.id = policy_fetch_id(fetch)};
    struct coupon coupon;
    int64_t age_us = 0;

    if (policy_value_read(bytes, told.id, &coupon, &told.issuer_us))
        age_us = policies_issuer_now_us(policies, fetch->partition) - told.issuer_us;
    else
        age_us = -REDIS_AHEAD_US - 1;
    if (age_us < -REDIS_AHEAD_US) {
        metrics_add(loop->metrics, METRIC_GATEWAY_REDIS_ERRORS, METRIC_REDIS_GARBAGE, 1);
        return NULL;
    }
    age_us = age_us < 0 ? 0 : age_us;
    told.coupon = &coupon;
    told.asked_us = told.told_us = clock_mono_us() - age_us;
    if (age_us >= policies->ttl_us || told.asked_us <= policy_board_changed_us(policies->board, policy_hash(told.id)))
        return NULL;
    return policy_cache_put(policies->cache, &told, gateway_loop_now_us(loop));
}

void policies_on_redis_told(void *arg, uint64_t tag, struct span bytes)
{
    struct gateway_loop *loop = arg;
    struct policy_fetch *fetch = policy_fetch_find(&loop->policies->fetches, tag);
    const struct policy_entry *entry = NULL;

    if (fetch == NULL || fetch->stage != FETCH_REDIS)
        return;
    if (bytes.at != NULL)
        entry = keep_told(loop, fetch, bytes);
    if (entry != NULL)
        policies_answer_fetch(loop, fetch, entry, METRIC_POLICY_REDIS);
    else if (dispatch_partition_up(loop, fetch->partition))
        policies_ask_issuer(loop, fetch);
    else
        policies_fail_fetch(loop, fetch, ERROR_ISSUER_UNAVAILABLE);
}

void policies_on_redis_news(void *arg, struct span id)
{
    outdate(arg, id);
}

void policies_on_redis_gap(void *arg)
{
    struct gateway_loop *loop = arg;

    policy_board_change_all(loop->policies->board, clock_mono_us());
}

/* ---- no reply ---- */

void policies_on_unsent(struct gateway_loop *loop, uint64_t tag)
{
    struct policy_fetch *fetch = policy_fetch_find(&loop->policies->fetches, tag);

    if (fetch != NULL)
        policies_fail_fetch(loop, fetch, ERROR_ISSUER_UNAVAILABLE);
}

void policies_partition_lost(struct gateway_loop *loop, uint16_t partition)
{
    for (size_t i = 0; i < POLICY_FETCHES; i++) {
        struct policy_fetch *fetch = &loop->policies->fetches.places[i];
        if (fetch->stage == FETCH_ISSUER && fetch->partition == partition)
            policies_fail_fetch(loop, fetch, ERROR_ISSUER_UNAVAILABLE);
    }
}

void policies_flush(struct gateway_loop *loop)
{
    if (loop->policies->redis != NULL)
        policy_redis_flush(loop->policies->redis);
}

void policies_tick(struct gateway_loop *loop)
{
    int64_t latest_us = gateway_loop_now_us(loop) - loop->policies->timeout_us;

    if (loop->policies->redis != NULL)
        policy_redis_tick(loop->policies->redis);
    for (size_t i = 0; i < POLICY_FETCHES; i++) {
        struct policy_fetch *fetch = &loop->policies->fetches.places[i];
        if (fetch->stage == FETCH_ISSUER && fetch->asked_us <= latest_us)
            policies_fail_fetch(loop, fetch, ERROR_OUTCOME_UNKNOWN);
    }
}
