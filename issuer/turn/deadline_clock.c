#include "issuer/turn/deadline_clock.h"

#include <sodium.h>

#include "shared/error.h"

#define BOUND_US_MAX (FRAME_CLOCK_US_MAX / 2) /* no clock gets this far by itself; later values are ignored */

uint64_t deadline_clock_new_incarnation(void)
{
    uint64_t number = 0;
    while (number == 0)
        randombytes_buf(&number, sizeof number);
    return number;
}

void deadline_clock_init(struct deadline_clock *clock, uint64_t incarnation)
{
    CHECK(incarnation != 0);
    *clock = (struct deadline_clock){.incarnation = incarnation};
}

void deadline_clock_update(struct deadline_clock *clock, const struct frame_header *header)
{
    if (header->incarnation == clock->incarnation && header->clock_us > clock->bound_us &&
        header->clock_us <= BOUND_US_MAX)
        clock->bound_us = header->clock_us;
}

void deadline_clock_read(struct deadline_clock *clock, int64_t boot_us)
{
    int64_t now_us = boot_us + clock->ahead_us;
    if (clock->bound_us > now_us) {
        clock->ahead_us += clock->bound_us - now_us;
        now_us = clock->bound_us;
    }
    clock->now_us = now_us;
}

int64_t deadline_clock_age_us(const struct deadline_clock *clock, const struct frame_header *header)
{
    return header->incarnation == clock->incarnation ? clock->now_us - header->clock_us : INT64_MAX;
}
