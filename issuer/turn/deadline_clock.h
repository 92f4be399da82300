/*
 * The clock for the deadlines of requests. It belongs to one start of one partition (an incarnation), runs while the
 * process is stopped or the machine sleeps, and is independent of the time of day, so that no step of the wall clock
 * moves a deadline. Gateways learn it from replies and put a lower bound of it into each frame. If the clock shows less
 * than that bound, it has stood still (a paused virtual machine) and continues from the bound. Pure; owned by the
 * partition's thread.
 */
#ifndef COUPOND_DEADLINE_CLOCK_H
#define COUPOND_DEADLINE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/wire/frame.h"

struct deadline_clock {
    uint64_t incarnation;
    int64_t now_us;   /* of the turn */
    int64_t bound_us; /* the highest lower bound received from a gateway */
    int64_t ahead_us; /* minus the machine's clock: how long that has stood still */
};

/* A random number, not 0, for each start of an issuer. Any thread. */
uint64_t deadline_clock_new_incarnation(void);
/* `incarnation`: as above. */
void deadline_clock_init(struct deadline_clock *clock, uint64_t incarnation);

/* Takes the bound from a gateway's frame. */
void deadline_clock_update(struct deadline_clock *clock, const struct frame_header *header);
/* Sets the time of this turn's decisions; `boot_us` is clock_boot_us(). */
void deadline_clock_read(struct deadline_clock *clock, int64_t boot_us);

/* The time since the frame's clock_us, INT64_MAX when the frame is of another incarnation. A request of the frame may
 * be decided while this is less than its wait_us. */
int64_t deadline_clock_age_us(const struct deadline_clock *clock, const struct frame_header *header);

#endif
