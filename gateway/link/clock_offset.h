/*
 * Where the issuer's times lie on this thread's clock. A turn was between the sending of a request and the arrival of
 * its reply; each such pair bounds the difference of the two clocks from both sides, and the tightest bounds of the
 * last seconds are the best. For traces only: the middle of the bounds is an estimate, which no deadline may depend on
 * (link/clock.h). Pure; used by one thread.
 */
#ifndef COUPOND_LINK_CLOCK_OFFSET_H
#define COUPOND_LINK_CLOCK_OFFSET_H

#include <stdint.h>

#define CLOCK_OFFSET_KEPT_US INT64_C(1000000) /* bounds are kept at least that long, and less than twice that */

/* All zeros: nothing is known. */
struct link_clock_offset {
    struct clock_offset_bounds {
        int64_t since_us; /* this thread's clock at the first pair; 0: there is none */
        int64_t least_us; /* this thread's clock minus the issuer's */
        int64_t most_us;
    } recent, former;
};

/* A turn on the issuer's clock, and the messages around it on this thread's. */
struct link_turn {
    int64_t sent_us;
    int64_t began_us;
    int64_t decided_us;
    int64_t synced_us;
    int64_t received_us;
    uint64_t journal_seq; /* of its last record; not a time */
};

/* Moves the turn's times to this thread's clock: in their order, between sent_us and received_us, which are not moved
 * unless they are in the wrong order themselves. */
void link_clock_offset_place(struct link_clock_offset *offset, struct link_turn *turn);

#endif
