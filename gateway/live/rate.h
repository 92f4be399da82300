/*
 * How many issues a second a coupon has, from successive readings of its counter. Pure: times are arguments.
 */
#ifndef COUPOND_LIVE_RATE_H
#define COUPOND_LIVE_RATE_H

#include <stdint.h>

#define LIVE_RATE_SAMPLES 16
#define LIVE_RATE_WINDOW_US                                                                                            \
    INT64_C(1500000) /* the rate is an average over at least this long, once known for so long */

/* All zeros before the first reading. */
struct live_rate {
    struct live_rate_sample {
        int64_t us; /* the issuer's clock */
        uint32_t issued;
    } samples[LIVE_RATE_SAMPLES]; /* a ring */
    unsigned count;               /* added in all */
};

/* Readings come in the order of their times. One with a time or a counter below the last one's begins anew: the clock
 * went back, or the issuer lost issues. Readings closer together than a tenth of the window are left out. */
void live_rate_add(struct live_rate *rate, int64_t us, uint32_t issued);

/* Issues per ten seconds, rounded: the rate with one decimal. 0 before there are two readings. */
uint64_t live_rate_tenths(const struct live_rate *rate);

#endif
