#include "gateway/live/rate.h"

#include <stddef.h>

#define STEP_US (LIVE_RATE_WINDOW_US / 10)

_Static_assert((LIVE_RATE_SAMPLES - 2) * STEP_US > LIVE_RATE_WINDOW_US, "the samples reach back a window");

static struct live_rate_sample *sample(const struct live_rate *rate, unsigned number)
{
    return (struct live_rate_sample *)&rate->samples[number % LIVE_RATE_SAMPLES];
}

void live_rate_add(struct live_rate *rate, int64_t us, uint32_t issued)
{
    const struct live_rate_sample *last = rate->count > 0 ? sample(rate, rate->count - 1) : NULL;
    if (last != NULL && (us < last->us || issued < last->issued))
        rate->count = 0;
    else if (last != NULL && us - last->us < STEP_US)
        return;
    *sample(rate, rate->count++) = (struct live_rate_sample){us, issued};
}

/* The latest sample that is a window older than the last one; the oldest if none is. */
static const struct live_rate_sample *base(const struct live_rate *rate)
{
    unsigned last = rate->count - 1;
    unsigned oldest = rate->count > LIVE_RATE_SAMPLES ? rate->count - LIVE_RATE_SAMPLES : 0;
    unsigned number = last;
    while (number > oldest && sample(rate, last)->us - sample(rate, number)->us < LIVE_RATE_WINDOW_US)
        number--;
    return sample(rate, number);
}

uint64_t live_rate_tenths(const struct live_rate *rate)
{
    if (rate->count < 2)
        return 0;
    const struct live_rate_sample *last = sample(rate, rate->count - 1);
    const struct live_rate_sample *first = base(rate);
    uint64_t issued = last->issued - first->issued;
    uint64_t us = (uint64_t)(last->us - first->us);
    if (us == 0)
        return 0;
    return (issued * 10000000 + us / 2) / us;
}
