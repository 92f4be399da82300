#include "gateway/dispatch/status.h"

#include "gateway/policy/policies.h"
#include "gateway/reading/readers.h"
#include "gateway/reply/status_json.h"
#include "gateway/service/answer.h"
#include "shared/clock.h"

static const char *const outcome_names[] = {
#define X(id, name) name,
    METRIC_OUTCOME_TABLE(X)
#undef X
};
static const char *const unavailable_names[] = {
#define X(id, name) name,
    METRIC_UNAVAILABLE_TABLE(X)
#undef X
};
#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

_Static_assert(COUNT_OF(outcome_names) + COUNT_OF(unavailable_names) <= STATUS_OUTCOMES_MAX, "room for all");
_Static_assert(METRICS_BUCKETS_MAX <= STATUS_BUCKETS_MAX, "room for all");

static void take_partitions(struct service *service, const struct reading_page *page, struct status *status)
{
    status->partitions_count = service->partitions;
    for (uint16_t p = 0; p < service->partitions; p++)
        status->partitions[p] = (struct status_partition){
            .up = service_partition_up(service, p),
            .heard = service->pongs[p].heard,
            .journal_seq = service->pongs[p].journal_seq,
            .stored = page != NULL,
            .stored_seq = page != NULL ? page->stored_seqs[p] : 0,
        };
}

static void take_outcomes(struct status *status)
{
    for (unsigned i = 0; i < COUNT_OF(outcome_names); i++)
        status->outcomes[status->outcomes_count++] =
            (struct status_count){outcome_names[i], metrics_sum("gateway", METRIC_GATEWAY_OUTCOMES, i)};
    for (unsigned i = 0; i < COUNT_OF(unavailable_names); i++)
        status->outcomes[status->outcomes_count++] =
            (struct status_count){unavailable_names[i], metrics_sum("gateway", METRIC_GATEWAY_UNAVAILABLE, i)};
}

static void take_latency(struct status *status)
{
    unsigned bounds_count = 0;
    const uint32_t *bounds = metrics_bounds(METRIC_GATEWAY_REQUEST_TIME, &bounds_count);
    for (unsigned i = 0; i <= bounds_count; i++)
        status->buckets[status->buckets_count++] = (struct status_bucket){
            i < bounds_count ? bounds[i] : 0, metrics_sum("gateway", METRIC_GATEWAY_REQUEST_TIME, i)};
    status->sum_us = metrics_sum("gateway", METRIC_GATEWAY_REQUEST_TIME, bounds_count + 1);
}

static void take_process(struct service *service, struct status *status)
{
    status->uptime_s = (uint64_t)(clock_boot_us() - service->readiness->begun_us) / 1000000;
    status->connections = metrics_sum("gateway", METRIC_GATEWAY_CONNECTIONS, 0);
    status->in_flight = metrics_sum("gateway", METRIC_GATEWAY_IN_FLIGHT, 0);
    status->watchers = metrics_sum("gateway", METRIC_GATEWAY_WATCHERS, 0);
    take_outcomes(status);
    take_latency(status);
}

static void answer(struct service *service, struct exchange *exchange, const struct reading_page *page)
{
    char why[READINESS_WORDS_MAX];
    struct status status = {
        .version = COUPOND_VERSION,
        .now_us = policies_time_us(service->policies),
        .identity = service->rules.identity != NULL,
        .dev = service->readiness->beside,
        .ready = readiness_read(service->readiness, why),
        .detail = why,
        .available = page != NULL,
        .as_of_us = page != NULL ? page->as_of_us : TIME_NONE,
    };
    take_partitions(service, page, &status);
    take_process(service, &status);
    status_json_append(&service->scratch, &status);
    const struct reply reply = {
        .status = 200, .type = REPLY_JSON, .body = service->scratch.data, .body_length = service->scratch.length};
    struct answer begun = answer_begin(service, exchange);
    reply_write(begun.out, &service->clock, begun.style, &reply);
    buffer_clear(&service->scratch, 0);
    answer_end(&begun, reply.status);
}

void status_ask(struct service *service, struct exchange *exchange)
{
    const struct reading_question question = {.scope = READING_PROGRESS, .limit = 1};
    if (service->readers != NULL) {
        exchange->reading = reading_request_create(service->reading_port, &question, exchange);
        if (readers_submit(service->readers, exchange->reading, service_now_us(service)))
            return;
    }
    answer(service, exchange, NULL);
}

void status_on_read(struct service *service, struct exchange *exchange, const struct reading_page *page)
{
    answer(service, exchange, page);
}
