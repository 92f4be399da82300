/*
 * The clock that the deadlines of requests are told by. It belongs to one start of one partition (an incarnation), goes
 * on while the process is stopped or the machine sleeps, and has nothing to do with the time of day, so that no step of
 * that moves a deadline. Gateways learn it from replies, and say in each frame what it shows at the least. Should it
 * show less, it has stood still (a virtual machine was paused): it goes on from what the gateways know. Pure; owned by
 * the partition's thread.
 */
#ifndef COUPOND_DEADLINE_CLOCK_H
#define COUPOND_DEADLINE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/wire/frame.h"

struct deadline_clock {
    uint64_t incarnation;
    int64_t now_us;   /* of the turn */
    int64_t heard_us; /* the latest that a gateway said */
    int64_t ahead_us; /* of the machine's clock: for how long that has stood still */
};

/* `incarnation`: random, not 0. */
void deadline_clock_init(struct deadline_clock *clock, uint64_t incarnation);

/* A gateway's frame was taken. */
void deadline_clock_hear(struct deadline_clock *clock, const struct frame_header *header);
/* Sets the time that this turn decides at; `boot_us` is clock_boot_us(). */
void deadline_clock_read(struct deadline_clock *clock, int64_t boot_us);

/* How long ago the frame's clock_us was, INT64_MAX when it is of another incarnation: a request of the frame may be
 * decided when that is less than its wait_us. */
int64_t deadline_clock_age_us(const struct deadline_clock *clock, const struct frame_header *header);

#endif
