/*
 * How fast a gateway thread serves its watchers: small steps with a bounded number of writes each, so that requests on
 * the same thread are not delayed, and intervals that grow with the number of watchers, so that the steps suffice.
 * Pure.
 */
#ifndef COUPOND_LIVE_PACE_H
#define COUPOND_LIVE_PACE_H

#include <stdint.h>

#define LIVE_INTERVAL_US     INT64_C(250000) /* between two events of a coupon, at least */
#define LIVE_STEP_MS         2               /* between two steps */
#define LIVE_STEP_WRITES     16              /* of a step */
#define LIVE_STEP_LOOKS      256 /* watchers that a step looks at; most need nothing when a few are behind */
#define LIVE_WRITES_PER_S    (LIVE_STEP_WRITES * 1000 / LIVE_STEP_MS)
#define LIVE_QUESTIONS_PER_S 1000 /* of all watched coupons */

/* The time between two questions about a coupon, and between two events to its watchers, when the thread has so many
 * watchers and watched coupons in all. */
int64_t live_pace_interval_us(unsigned watchers, unsigned coupons);

#endif
