#include "gateway/live/pace.h"

static int64_t most(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

int64_t live_pace_interval_us(unsigned watchers, unsigned coupons)
{
    int64_t for_writes_us = (int64_t)watchers * 1000000 / LIVE_WRITES_PER_S;
    int64_t for_questions_us = (int64_t)coupons * 1000000 / LIVE_QUESTIONS_PER_S;
    return most(LIVE_INTERVAL_US, most(for_writes_us, for_questions_us));
}
