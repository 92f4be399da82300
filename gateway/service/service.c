#include "gateway/service/service.h"

#include <uv.h>

#include "gateway/api/cors.h"
#include "shared/clock.h"

void service_init(struct service *service, const struct options *options, struct metrics *metrics,
                  struct connections *connections, struct readiness *readiness, struct identity *identity)
{
    service->options = options;
    service->metrics = metrics;
    service->connections = connections;
    service->readiness = readiness;
    admin_token_init(&service->rules.admin, options->gateway_admin_token);
    service->rules.identity = identity_thread_create(identity, metrics);
    service->rules.metrics = options->gateway_public_metrics;
    service->rules.cors = service->cors = cors_create(options->gateway_cors_origins);
    reply_clock_set(&service->clock, clock_wall_us());
    exchanges_init(&service->exchanges, (uint32_t)options->gateway_in_flight_max);
}

void service_deinit(struct service *service)
{
    exchanges_deinit(&service->exchanges);
    buffer_deinit(&service->scratch);
    cors_destroy(&service->cors);
    identity_thread_destroy(&service->rules.identity);
}

int64_t service_now_us(struct service *service)
{
    if (service->turn_us == 0)
        service->turn_us = clock_mono_us();
    return service->turn_us;
}

void service_end_turn(struct service *service)
{
    service->turn_us = 0;
}

int64_t service_until_us(struct service *service)
{
    return service_now_us(service) + options_request_timeout_ms(service->options) * 1000;
}

bool service_partition_up(const struct service *service, uint16_t partition)
{
    return partition_link_up(service->links[partition], (int64_t)uv_now(service->connections->uv));
}

bool service_may_ask(const struct service *service, uint16_t partition)
{
    return partition_link_takes(service->links[partition], (int64_t)uv_now(service->connections->uv));
}

const char *service_origin_fields(const struct service *service, const struct http_request *request)
{
    return service->cors == NULL ? NULL : cors_fields(service->cors, request->origin);
}

uint64_t service_all_partitions(const struct service *service)
{
    return service->partitions == 64 ? UINT64_MAX : (1ull << service->partitions) - 1;
}

bool service_may_ask_all(const struct service *service)
{
    for (uint16_t p = 0; p < service->partitions; p++) {
        if (!service_may_ask(service, p))
            return false;
    }
    return true;
}
