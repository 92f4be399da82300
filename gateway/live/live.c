#include "gateway/live/live.h"

#include <stdlib.h>
#include <string.h>

#include "gateway/connection/watcher.h"
#include "gateway/live/laps.h"
#include "gateway/live/pace.h"
#include "gateway/policy/watching.h"
#include "gateway/service/answer.h"
#include "shared/error.h"
#include "shared/process/memory.h"

enum {
    BUCKETS = 256,
    RETRY_MIN_MS = 1000, /* a client connects again after 1 to 5 s */
    RETRY_SPREAD_MS = 4000,
    LOST_HEARTBEATS = 3, /* a peer that acknowledges nothing for so long is gone */
    LOST_MIN_MS = 30000,
};
#define AWAY_US INT64_C(2000000) /* beyond two intervals: nothing new for longer is reported */

#define FIELDS                                                                                                         \
    "Content-Type: text/event-stream\r\n"                                                                              \
    "X-Accel-Buffering: no\r\n" /* nginx must not wait for more */

struct live {
    struct service *service;
    struct live_laps laps;
    struct live_watched *first; /* all watched coupons */
    struct live_watched *buckets[BUCKETS];
    unsigned coupons;
    unsigned watchers;
    uint32_t retries; /* sent so far */
    bool ending;
};

/* --- watched coupons --- */

static struct live_watched **bucket_of(struct live *live, struct span id)
{
    return &live->buckets[policy_hash(id) % BUCKETS];
}

static struct span id_of(const struct live_watched *watched)
{
    return (struct span){watched->view.id, strlen(watched->view.id)};
}

static struct live_watched *find(struct live *live, struct span id)
{
    struct live_watched *watched = *bucket_of(live, id);
    while (watched != NULL && !span_equals(id_of(watched), id))
        watched = watched->chained;
    return watched;
}

static struct live_report report_of(const struct policy_entry *entry)
{
    return (struct live_report){entry->coupon, entry->asked_us, entry->reported_us, entry->issuer_us};
}

static void count_coupons(struct live *live)
{
    metrics_set(live->service->metrics, METRIC_GATEWAY_WATCHED_COUPONS, 0, live->coupons);
}

/* NULL when there are too many. */
static struct live_watched *add(struct live *live, const struct policy_entry *entry)
{
    const struct live_report report = report_of(entry);
    if (live->coupons == LIVE_COUPONS_MAX)
        return NULL;
    struct live_watched *watched = live_watched_create(&report, service_now_us(live->service));
    struct live_watched **bucket = bucket_of(live, id_of(watched));
    watched->chained = *bucket;
    *bucket = watched;
    watched->next = live->first;
    if (live->first != NULL)
        live->first->previous = watched;
    live->first = watched;
    live->coupons++;
    count_coupons(live);
    return watched;
}

static void drop(struct live *live, struct live_watched *watched)
{
    struct live_watched **at = bucket_of(live, id_of(watched));
    while (*at != watched)
        at = &(*at)->chained;
    *at = watched->chained;
    if (watched->previous != NULL)
        watched->previous->next = watched->next;
    else
        live->first = watched->next;
    if (watched->next != NULL)
        watched->next->previous = watched->previous;
    live->coupons--;
    count_coupons(live);
    live_watched_destroy(&watched);
}

/* --- watchers --- */

static void count_watchers(struct live *live, int change)
{
    live->watchers += (unsigned)change;
    metrics_set(live->service->metrics, METRIC_GATEWAY_WATCHERS, 0, live->watchers);
}

/* The event of connection_watchers. */
static void on_left(void *arg, struct connection *connection)
{
    struct live *live = arg;
    live_watched_remove(connection->watched, connection->watcher_index);
    count_watchers(live, -1);
}

/* Multiples of the golden ratio are spread evenly, whenever watchers come. */
static unsigned next_retry_ms(struct live *live)
{
    return RETRY_MIN_MS + (unsigned)((uint64_t)(uint32_t)(++live->retries * 2654435769u) * RETRY_SPREAD_MS >> 32);
}

static void write_first(struct live *live, const struct answer *answer, const struct live_watched *watched)
{
    char text[2 * LIVE_EVENT_MAX];
    size_t length = live_event_retry(text, next_retry_ms(live));
    length += live_watched_event(watched, service_now_us(live->service), text + length);
    reply_write_part(answer->out, answer->style, text, length);
}

static void become_watcher(struct live *live, struct exchange *exchange, struct live_watched *watched)
{
    struct connection *connection = exchange->connection;
    unsigned lost_ms = LOST_HEARTBEATS * (unsigned)live->service->options->gateway_heartbeat_ms;
    lost_ms = lost_ms > LOST_MIN_MS ? lost_ms : LOST_MIN_MS;
    uint32_t index = live_watched_add(watched, connection, !exchange->http_1_0);
    connections_keep(live->service->connections, sizeof(struct live_watcher));
    connection_watcher_begin(connection, watched, index, lost_ms);
    count_watchers(live, 1);
}

/* Who has closed its side already, or comes while streams end, gets one event. */
static void begin(struct live *live, struct exchange *exchange, struct live_watched *watched)
{
    struct service *service = live->service;
    struct connection *connection = exchange->connection;
    connection_enter(connection, CONNECTION_LAST); /* nothing can follow an answer without an end */
    struct answer answer = answer_begin(service, exchange);
    reply_begin_stream(answer.out, &service->clock, answer.style, FIELDS);
    if (!exchange->head_only)
        write_first(live, &answer, watched);
    if (exchange->head_only || connection->peer_ended || live->ending)
        reply_end_stream(answer.out, answer.style);
    else
        become_watcher(live, exchange, watched);
    answer_end(&answer, 200);
}

static bool has_room(const struct live *live)
{
    const struct service *service = live->service;
    return live->watchers < (uint64_t)service->options->gateway_watchers_max && !*memory_scarce() &&
           !connections_unread_limit_reached(service->connections);
}

/* The event of policies. */
static void on_watched(struct service *service, struct exchange *exchange, const struct policy_entry *entry)
{
    struct live *live = service->live;
    struct live_watched *watched = find(live, (struct span){exchange->coupon_id, exchange->coupon_id_length});
    if (watched == NULL && has_room(live))
        watched = add(live, entry);
    if (watched == NULL || !has_room(live))
        answer_exchange_with_error(service, exchange, ERROR_OVERLOADED);
    else
        begin(live, exchange, watched);
}

void live_watch(struct service *service, struct exchange *exchange)
{
    struct live *live = service->live;
    struct live_watched *watched = find(live, (struct span){exchange->coupon_id, exchange->coupon_id_length});
    if (!has_room(live)) {
        answer_exchange_with_error(service, exchange, ERROR_OVERLOADED);
    } else if (watched != NULL) {
        begin(live, exchange, watched);
    } else {
        exchange->connection->streams = true;
        policies_find_watched(service, exchange);
    }
}

/* --- the tick --- */

/* A coupon that no longer exists has lost its issuer's journal. */
static void take_report(struct live *live, struct live_watched *watched, int64_t now_us)
{
    const struct policy_entry *entry = policies_newer(live->service, id_of(watched), watched->asked_us);
    if (entry == NULL)
        return;
    if (!entry->known) {
        if (watched->lap != LIVE_LAP_END)
            live_laps_begin(&live->laps, watched, LIVE_LAP_END, now_us);
        return;
    }
    const struct live_report report = report_of(entry);
    live_watched_report(watched, &report, now_us);
}

static void ask(struct live *live, struct live_watched *watched, int64_t now_us, int64_t interval_us)
{
    if (now_us < watched->ask_at_us || now_us - watched->asked_us < interval_us)
        return;
    if (policies_ask(live->service, id_of(watched), interval_us))
        watched->ask_at_us = now_us + interval_us;
}

static void begin_lap(struct live *live, struct live_watched *watched, int64_t now_us, int64_t interval_us)
{
    int64_t since_us = now_us - watched->lap_at_us;
    int64_t heartbeat_us = live->service->options->gateway_heartbeat_ms * 1000;
    bool news = watched->generation != watched->lap_generation || watched->skipped > 0;
    if (watched->lap != LIVE_LAP_NONE || since_us < interval_us)
        return;
    if (news)
        live_laps_begin(&live->laps, watched, LIVE_LAP_EVENT, now_us);
    else if (since_us >= heartbeat_us)
        live_laps_begin(&live->laps, watched, LIVE_LAP_HEARTBEAT, now_us);
}

void live_tick(struct live *live)
{
    int64_t now_us = service_now_us(live->service);
    int64_t interval_us = live_pace_interval_us(live->watchers, live->coupons);
    struct live_watched *next = NULL;
    for (struct live_watched *watched = live->first; watched != NULL; watched = next) {
        next = watched->next;
        if (watched->count == 0 && watched->lap == LIVE_LAP_NONE) {
            drop(live, watched);
            continue;
        }
        take_report(live, watched, now_us);
        live_watched_notice(watched, now_us, AWAY_US + 2 * interval_us);
        ask(live, watched, now_us, interval_us);
        begin_lap(live, watched, now_us, interval_us);
    }
}

/* --- life --- */

void live_end(struct live *live)
{
    if (live->ending)
        return;
    live->ending = true;
    for (struct live_watched *watched = live->first; watched != NULL; watched = watched->next)
        live_laps_begin(&live->laps, watched, LIVE_LAP_END, service_now_us(live->service));
}

struct live *live_create(struct service *service)
{
    struct live *live = calloc(1, sizeof *live);
    CHECK(live != NULL);
    live->service = service;
    live_laps_init(&live->laps, service->connections->uv, service->metrics);
    service->connections->watchers = (struct connection_watchers){on_left, live};
    service->policies->on_watched = on_watched;
    return live;
}

void live_destroy(struct live **live)
{
    struct live *self = *live;
    if (self == NULL)
        return;
    while (self->first != NULL) {
        self->first->lap = LIVE_LAP_NONE;
        drop(self, self->first);
    }
    free(self);
    *live = NULL;
}
