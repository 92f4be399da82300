#include "gateway/policy/redis.h"

#include <stdio.h>
#include <stdlib.h>

#include "gateway/policy/value.h"
#include "gateway/redis/link.h"
#include "gateway/redis/server.h"
#include "shared/clock.h"
#include "shared/error.h"
#include "shared/telemetry/log.h"

enum {
    WAITING_MAX = 256,         /* commands that wait for their reply */
    REPLY_US = 25000,          /* maximum time for a reply */
    GREETING_US = 1000000,     /* maximum time until a new connection works */
    PING_US = 1000000,         /* between two pings */
    SILENCE_US = 3000000,      /* on the subscribing connection */
    RETRY_MIN_US = 100 * 1000, /* first delay before reconnecting; doubles with each failure */
    RETRY_MAX_US = 5000 * 1000,
    NONCE_LENGTH = 16,
    KEY_MAX = 16 + COUPON_ID_MAX,
};

#define KEY_PREFIX "coupond:policy:"
#define CHANNEL    "coupond:policies"

/*
 * Sets KEYS[1] to ARGV[1] with an expiry of ARGV[2] ms, unless the present value is newer. Overwrites a present value
 * that is not in our format or would stay longer than ours ever do.
 */
static const char store_script[] =
    "local old = redis.pcall('GET', KEYS[1]) "
    "if type(old) == 'string' and #old > 48 and string.sub(old, 1, 8) == string.sub(ARGV[1], 1, 8) "
    "and string.sub(old, 1, 48) > string.sub(ARGV[1], 1, 48) then "
    "local left = redis.call('PTTL', KEYS[1]) "
    "if left >= 0 and left <= 60000 then return 0 end end "
    "redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2]) return 1";

_Static_assert(POLICY_VALUE_ORDER_LENGTH == 48, "the script's 48");

enum command { COMMAND_GREETING, COMMAND_PING, COMMAND_ASK, COMMAND_STORE, COMMAND_PUBLISH };

struct waiting {
    enum command command;
    uint64_t tag; /* COMMAND_ASK: the fetch's tag; COMMAND_GREETING: the step */
    int64_t sent_us;
};

/* A connection with its retry state. */
struct line {
    struct redis_link link;
    struct policy_redis *redis;
    const char *name;
    bool works;            /* the greeting was answered correctly */
    bool overdue;          /* at the last tick; a reply counts as late only at a second tick, since the loop itself may
                        * have been late */
    int64_t began_us;      /* when connecting began */
    int64_t last_reply_us; /* the last reply */
    int64_t pinged_us;     /* the last ping */
    int64_t retry_us;      /* when to reconnect */
    int64_t pause_us;      /* delay after the next failure */
    bool fault_logged;     /* the failure was logged; reset when it works again */
    unsigned greeted;      /* replies to AUTH and SELECT on the subscribing connection */
    char refusal[REDIS_REFUSAL_MAX]; /* for the log message */
};

struct policy_redis {
    const struct options *options;
    const struct policy_redis_events *events;
    struct metrics *metrics;
    struct redis_server server;
    char nonce[NONCE_LENGTH + 1];
    bool subscribes;
    bool ended;
    struct line asking;
    struct line subscription;
    /* commands of `asking`, in the order of their replies */
    struct waiting waiting[WAITING_MAX];
    unsigned waiting_first;
    unsigned waiting_count;
};

static struct span text_span(const char *text)
{
    return (struct span){text, strlen(text)};
}

static void count_error(struct policy_redis *redis, enum metric_redis_error kind)
{
    metrics_add(redis->metrics, METRIC_GATEWAY_REDIS_ERRORS, kind, 1);
}

static void set_gauge(struct policy_redis *redis)
{
    metrics_set(redis->metrics, METRIC_GATEWAY_REDIS_CONNECTED, 0, redis->asking.works + redis->subscription.works);
}

/* --- commands --- */

/* False when it cannot be sent because too many commands are waiting. */
static bool send_command(struct policy_redis *redis, enum command command, uint64_t tag, int count,
                         const struct span *words)
{
    struct waiting *waiting = &redis->waiting[(redis->waiting_first + redis->waiting_count) % WAITING_MAX];
    if (redis->waiting_count == WAITING_MAX || !redis_link_command(&redis->asking.link, count, words)) {
        count_error(redis, METRIC_REDIS_FULL);
        return false;
    }
    *waiting = (struct waiting){command, tag, clock_mono_us()};
    redis->waiting_count++;
    return true;
}

static struct span format_key(char key[KEY_MAX], struct span id)
{
    const size_t prefix = sizeof KEY_PREFIX - 1;
    memcpy(key, KEY_PREFIX, prefix);
    memcpy(key + prefix, id.at, id.length);
    return (struct span){key, prefix + id.length};
}

bool policy_redis_ask(struct policy_redis *redis, struct span id, uint64_t tag)
{
    char key[KEY_MAX];
    const struct span words[] = {SPAN_LITERAL("GET"), format_key(key, id)};
    return redis->asking.works && send_command(redis, COMMAND_ASK, tag, 2, words);
}

void policy_redis_store(struct policy_redis *redis, const struct coupon *coupon, int64_t issuer_us)
{
    char key[KEY_MAX];
    char value[POLICY_VALUE_MAX];
    char expiry[24];
    struct span words[6] = {SPAN_LITERAL("EVAL"), SPAN_LITERAL(store_script), SPAN_LITERAL("1")};
    if (!redis->asking.works)
        return;
    snprintf(expiry, sizeof expiry, "%lld", (long long)redis->options->gateway_policy_ttl_ms);
    words[3] = format_key(key, text_span(coupon->id));
    words[4] = (struct span){value, policy_value_write(value, coupon, issuer_us)};
    words[5] = text_span(expiry);
    send_command(redis, COMMAND_STORE, 0, 6, words);
}

void policy_redis_announce(struct policy_redis *redis, struct span id)
{
    char text[NONCE_LENGTH + 1 + COUPON_ID_MAX];
    struct span words[3] = {SPAN_LITERAL("PUBLISH"), SPAN_LITERAL(CHANNEL)};
    if (!redis->asking.works)
        return;
    memcpy(text, redis->nonce, NONCE_LENGTH);
    text[NONCE_LENGTH] = ' ';
    memcpy(text + NONCE_LENGTH + 1, id.at, id.length);
    words[2] = (struct span){text, NONCE_LENGTH + 1 + id.length};
    send_command(redis, COMMAND_PUBLISH, 0, 3, words);
}

void policy_redis_flush(struct policy_redis *redis)
{
    redis_link_flush(&redis->asking.link);
}

/* --- up and down --- */

static void line_works(struct line *line)
{
    line->works = true;
    line->pause_us = RETRY_MIN_US;
    line->fault_logged = false;
    line->pinged_us = clock_mono_us();
    log_info("gateway", "connected to Redis for %s url=%s", line->name, line->redis->server.shown);
    set_gauge(line->redis);
}

/* Ends all pending queries without a result, before new ones can be sent. */
static void fail_waiting(struct policy_redis *redis)
{
    while (redis->waiting_count > 0) {
        struct waiting waiting = redis->waiting[redis->waiting_first];
        redis->waiting_first = (redis->waiting_first + 1) % WAITING_MAX;
        redis->waiting_count--;
        if (waiting.command == COMMAND_ASK)
            redis->events->on_result(redis->events->arg, waiting.tag, SPAN_NONE);
    }
}

static void line_failed(struct line *line, enum metric_redis_error why)
{
    static const char *const names[] = {
#define X(id, name) name,
        METRIC_REDIS_ERROR_TABLE(X)
#undef X
    };
    struct policy_redis *redis = line->redis;
    line->works = line->overdue = false;
    line->retry_us = clock_mono_us() + line->pause_us;
    line->pause_us = line->pause_us * 2 < RETRY_MAX_US ? line->pause_us * 2 : RETRY_MAX_US;
    count_error(redis, why);
    set_gauge(redis);
    if (!line->fault_logged)
        log_warn("gateway", "cannot use Redis for %s; reading coupons from the issuer: %s%s%s url=%s", line->name,
                 names[why], line->refusal[0] != '\0' ? ", " : "", line->refusal, redis->server.shown);
    line->refusal[0] = '\0';
    line->fault_logged = true;
    if (line == &redis->asking)
        fail_waiting(redis);
}

static void give_up(struct line *line, enum metric_redis_error why)
{
    redis_link_close(&line->link);
    line_failed(line, why);
}

static void on_down(void *arg, enum metric_redis_error why)
{
    struct line *line = arg;
    if (line->link.trouble != NULL)
        snprintf(line->refusal, sizeof line->refusal, "%s", line->link.trouble);
    line_failed(line, why);
}

/* --- the connection that asks --- */

static void greet_asking(void *arg)
{
    struct line *line = arg;
    const struct redis_greeting *greeting = &line->redis->server.greeting;
    const struct span ping[] = {SPAN_LITERAL("PING")};
    for (unsigned i = 0; i < greeting->count; i++)
        send_command(line->redis, COMMAND_GREETING, greeting->commands[i].step, greeting->commands[i].count,
                     greeting->commands[i].words);
    send_command(line->redis, COMMAND_PING, 0, 1, ping);
    redis_link_flush(&line->link);
}

static void take_result(struct policy_redis *redis, const struct waiting *waiting, const struct redis_value *value)
{
    struct span bytes = value->kind == REDIS_TEXT ? redis_text(value) : SPAN_NONE;
    if (value->kind != REDIS_TEXT && value->kind != REDIS_NIL && value->kind != REDIS_ERROR)
        count_error(redis, METRIC_REDIS_GARBAGE);
    redis->events->on_result(redis->events->arg, waiting->tag, bytes);
}

/* A refused greeting ends the connection; any other refused command only fails itself. */
static void take_error(struct line *line, const struct waiting *waiting, const struct redis_value *value)
{
    if (waiting->command != COMMAND_GREETING && waiting->command != COMMAND_PING) {
        count_error(line->redis, METRIC_REDIS_REFUSED);
        return;
    }
    redis_greeting_explain(waiting->command == COMMAND_PING ? REDIS_GREETING_END
                                                            : (enum redis_greeting_step)waiting->tag,
                           value, line->refusal);
    give_up(line, METRIC_REDIS_REFUSED);
}

static void on_asking_reply(void *arg, const struct redis_reply *reply)
{
    struct line *line = arg;
    struct policy_redis *redis = line->redis;
    struct waiting waiting;
    if (redis->waiting_count == 0) { /* no command is waiting for this reply */
        give_up(line, METRIC_REDIS_GARBAGE);
        return;
    }
    waiting = redis->waiting[redis->waiting_first];
    redis->waiting_first = (redis->waiting_first + 1) % WAITING_MAX;
    redis->waiting_count--;
    line->overdue = false;
    if (waiting.command == COMMAND_ASK)
        take_result(redis, &waiting, &reply->top);
    if (reply->top.kind == REDIS_ERROR)
        take_error(line, &waiting, &reply->top);
    else if (waiting.command == COMMAND_PING && !line->works &&
             span_equals(redis_text(&reply->top), SPAN_LITERAL("PONG")))
        line_works(line);
    else if (waiting.command == COMMAND_PING && !line->works)
        give_up(line, METRIC_REDIS_GARBAGE);
}

/* --- the connection that subscribes --- */

static void greet_subscription(void *arg)
{
    struct line *line = arg;
    const struct redis_greeting *greeting = &line->redis->server.greeting;
    const struct span subscribe[] = {SPAN_LITERAL("SUBSCRIBE"), SPAN_LITERAL(CHANNEL)};
    for (unsigned i = 0; i < greeting->count; i++)
        redis_link_command(&line->link, greeting->commands[i].count, greeting->commands[i].words);
    redis_link_command(&line->link, 2, subscribe);
    redis_link_flush(&line->link);
    line->greeted = 0;
}

static void take_refusal(struct line *line, const struct redis_value *value)
{
    const struct redis_greeting *greeting = &line->redis->server.greeting;
    redis_greeting_explain(line->greeted < greeting->count ? greeting->commands[line->greeted].step
                                                           : REDIS_GREETING_END,
                           value, line->refusal);
    give_up(line, METRIC_REDIS_REFUSED);
}

/* NONCE ID: messages that this process sent are ignored. */
static void take_news(struct policy_redis *redis, struct span text)
{
    struct span id = {text.at + NONCE_LENGTH + 1, text.length - NONCE_LENGTH - 1};
    if (text.length <= NONCE_LENGTH + 1 || !coupon_id_valid(id.at, id.length))
        count_error(redis, METRIC_REDIS_GARBAGE);
    else if (memcmp(text.at, redis->nonce, NONCE_LENGTH) != 0)
        redis->events->on_news(redis->events->arg, id);
}

static bool part_is(const struct redis_reply *reply, unsigned part, const char *text)
{
    const struct redis_value *value = &reply->parts[part];
    return reply->top.kind == REDIS_ARRAY && part < reply->parts_count && value->kind == REDIS_TEXT && !value->cut &&
           span_equals(redis_text(value), text_span(text));
}

static void on_subscription_reply(void *arg, const struct redis_reply *reply)
{
    struct line *line = arg;
    struct policy_redis *redis = line->redis;
    line->last_reply_us = clock_mono_us();
    line->overdue = false;
    if (reply->top.kind == REDIS_ERROR) {
        take_refusal(line, &reply->top);
    } else if (part_is(reply, 0, "subscribe")) {
        if (!line->works)
            line_works(line);
        redis->events->on_news_gap(redis->events->arg);
    } else if (part_is(reply, 0, "message") && part_is(reply, 1, CHANNEL) && reply->parts_count == 3 &&
               reply->parts[2].kind == REDIS_TEXT) {
        take_news(redis, redis_text(&reply->parts[2]));
    } else if (reply->top.kind == REDIS_STATUS) {
        line->greeted++;
    } else if (!part_is(reply, 0, "pong")) {
        give_up(line, METRIC_REDIS_GARBAGE);
    }
}

/* --- the tick --- */

static void connect_again(struct line *line, int64_t now_us)
{
    if (line->link.state != REDIS_LINK_DOWN || now_us < line->retry_us)
        return;
    line->began_us = line->last_reply_us = now_us;
    redis_link_connect(&line->link);
}

/* Gives up on a connection whose reply is late at two ticks in a row. */
static void judge(struct line *line, bool late)
{
    if (!late || !line->overdue) {
        line->overdue = late;
        return;
    }
    if (line->link.state == REDIS_LINK_HANDSHAKING)
        snprintf(line->refusal, sizeof line->refusal,
                 "the TLS handshake did not finish; does the server support TLS on this port?");
    give_up(line, METRIC_REDIS_TIMEOUT);
}

static bool is_under_way(const struct line *line)
{
    return line->link.state != REDIS_LINK_DOWN && line->link.state != REDIS_LINK_CLOSING;
}

static void tick_asking(struct policy_redis *redis, int64_t now_us)
{
    const struct span ping[] = {SPAN_LITERAL("PING")};
    struct line *line = &redis->asking;
    connect_again(line, now_us);
    if (!line->works) {
        judge(line, is_under_way(line) && now_us - line->began_us > GREETING_US);
        return;
    }
    judge(line, redis->waiting_count > 0 && now_us - redis->waiting[redis->waiting_first].sent_us > REPLY_US);
    if (line->works && redis->waiting_count == 0 && now_us - line->pinged_us > PING_US) {
        send_command(redis, COMMAND_PING, 0, 1, ping);
        line->pinged_us = now_us;
    }
    redis_link_flush(&line->link);
}

static void tick_subscription(struct policy_redis *redis, int64_t now_us)
{
    const struct span ping[] = {SPAN_LITERAL("PING")};
    struct line *line = &redis->subscription;
    connect_again(line, now_us);
    judge(line, is_under_way(line) && now_us - line->last_reply_us > (line->works ? SILENCE_US : GREETING_US));
    if (line->works && now_us - line->pinged_us > PING_US) {
        redis_link_command(&line->link, 1, ping);
        line->pinged_us = now_us;
    }
    redis_link_flush(&line->link);
}

void policy_redis_tick(struct policy_redis *redis)
{
    int64_t now_us = clock_mono_us();
    if (redis->ended)
        return;
    tick_asking(redis, now_us);
    if (redis->subscribes)
        tick_subscription(redis, now_us);
}

/* --- life --- */

static void line_init(struct line *line, struct policy_redis *redis, const char *name, uv_loop_t *uv,
                      const struct redis_link_events *events)
{
    *line = (struct line){.redis = redis, .name = name, .pause_us = RETRY_MIN_US};
    redis_link_init(&line->link, uv, &redis->server.url, redis->server.tls, events, line);
}

struct policy_redis *policy_redis_create(const struct options *options, bool subscribes, uint64_t nonce,
                                         const struct policy_redis_events *events, struct metrics *metrics,
                                         uv_loop_t *uv)
{
    static const struct redis_link_events asking = {greet_asking, on_asking_reply, on_down};
    static const struct redis_link_events subscription = {greet_subscription, on_subscription_reply, on_down};
    struct policy_redis *redis = calloc(1, sizeof *redis);
    CHECK(redis != NULL);
    redis->options = options;
    redis->events = events;
    redis->metrics = metrics;
    redis->subscribes = subscribes;
    redis_server_init(&redis->server, options);
    snprintf(redis->nonce, sizeof redis->nonce, "%016llx", (unsigned long long)nonce);
    line_init(&redis->asking, redis, "asking", uv, &asking);
    line_init(&redis->subscription, redis, "news", uv, &subscription);
    return redis;
}

void policy_redis_end(struct policy_redis *redis)
{
    redis->ended = true;
    redis->asking.works = redis->subscription.works = false;
    redis_link_close(&redis->asking.link);
    redis_link_close(&redis->subscription.link);
    set_gauge(redis);
}

void policy_redis_destroy(struct policy_redis **redis)
{
    if (*redis == NULL)
        return;
    redis_link_deinit(&(*redis)->asking.link);
    redis_link_deinit(&(*redis)->subscription.link);
    redis_server_deinit(&(*redis)->server);
    free(*redis);
    *redis = NULL;
}
