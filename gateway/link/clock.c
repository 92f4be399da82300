#include "gateway/link/clock.h"

#include "shared/error.h"

int64_t link_clock_passes_us(int64_t us)
{
    return us / 5 * 4;
}

int64_t link_clock_least_us(const struct link_clock *clock, int64_t now_us)
{
    /* All of one loop turn uses one time, which may be slightly before the frame's arrival. */
    int64_t since_us = now_us - clock->received_us;
    int64_t least_us = clock->clock_us + (since_us > 0 ? link_clock_passes_us(since_us) : since_us);

    return least_us > 0 ? least_us : 0;
}

bool link_clock_update(struct link_clock *clock, uint64_t incarnation, int64_t clock_us, int64_t now_us)
{
    bool other = incarnation != clock->incarnation;
    bool restarted = other && clock->incarnation != 0;
    CHECK(incarnation != 0);
    if (other && incarnation == clock->former)
        return false;
    if (!other && clock_us <= link_clock_least_us(clock, now_us))
        return false;
    if (other)
        clock->former = clock->incarnation;
    clock->incarnation = incarnation;
    clock->clock_us = clock_us;
    clock->received_us = now_us;
    return restarted;
}
