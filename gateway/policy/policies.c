#include "gateway/policy/policies.h"

#include "shared/clock.h"

bool policies_is_time(int64_t us)
{
    return us >= 0 && us <= ISSUER_TIME_US_MAX;
}

void policies_note_time(struct policies *policies, uint16_t partition, int64_t issuer_us)
{
    if (!policies_is_time(issuer_us))
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

void policies_count_read(struct service *service, enum metric_policy_source source, uint64_t times)
{
    metrics_add(service->metrics, METRIC_GATEWAY_POLICY_READS, source, times);
}
