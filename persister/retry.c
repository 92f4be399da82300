#include "persister/retry.h"

void retry_init(struct retry *retry, int64_t min_ms, int64_t max_ms)
{
    *retry = (struct retry){.min_ms = min_ms, .max_ms = max_ms < min_ms ? min_ms : max_ms};
}

void retry_reset(struct retry *retry)
{
    retry->base_ms = 0;
}

int64_t retry_next_ms(struct retry *retry, uint32_t random)
{
    if (retry->base_ms == 0)
        retry->base_ms = retry->min_ms;
    int64_t base_ms = retry->base_ms;
    retry->base_ms = base_ms > retry->max_ms / 2 ? retry->max_ms : base_ms * 2;
    int64_t half_ms = base_ms / 2;
    return base_ms - (int64_t)(((uint64_t)half_ms * random) >> 32);
}

int64_t retry_longest_ms(struct retry *retry)
{
    retry->base_ms = retry->max_ms;
    return retry->max_ms;
}
