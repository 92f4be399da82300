/*
 * Which coupons of a partition have gauges of their own (quantity, issued) in its metrics: a bounded number, those that
 * were asked for lately. Who has a place keeps it while it is asked for, so that what a graph shows does not change
 * with every request; who was not asked for during COUPON_GAUGES_IDLE_US gives way to another. Pure; owned by the
 * partition's thread.
 */
#ifndef COUPOND_COUPON_GAUGES_H
#define COUPOND_COUPON_GAUGES_H

#include "issuer/ledger/ledger.h"
#include "shared/telemetry/metrics.h"

#define COUPON_GAUGES_IDLE_US 10000000

struct coupon_gauges;

/* Both borrowed for the gauges' life. The first places go to the first coupons of the ledger, until others are asked
 * for. */
struct coupon_gauges *coupon_gauges_create(const struct ledger *ledger, struct metrics *metrics);
void coupon_gauges_destroy(struct coupon_gauges **gauges);

/* The coupon was asked for, created or changed; `now_us` never goes back. Tells its figures if it has a place. */
void coupon_gauges_note(struct coupon_gauges *gauges, struct ledger_coupon *coupon, int64_t now_us);

#endif
