/*
 * Selects the coupons of a partition that have gauges of their own (quantity, issued) in its metrics: a bounded number
 * of recently requested ones. A coupon keeps its place while it is requested, so that graphs do not change with every
 * request; a coupon without requests for COUPON_GAUGES_IDLE_US loses it to another. Pure; owned by the partition's
 * thread.
 */
#ifndef COUPOND_COUPON_GAUGES_H
#define COUPOND_COUPON_GAUGES_H

#include "issuer/ledger/ledger.h"
#include "shared/telemetry/metrics.h"

#define COUPON_GAUGES_IDLE_US 10000000

struct coupon_gauges;

/* Both are borrowed. The first places go to the first coupons of the ledger, until others are requested. */
struct coupon_gauges *coupon_gauges_create(const struct ledger *ledger, struct metrics *metrics);
void coupon_gauges_destroy(struct coupon_gauges **gauges);

/* Notes that the coupon was requested, created or changed; `now_us` never decreases. Updates its gauges if it has a
 * place. */
void coupon_gauges_note(struct coupon_gauges *gauges, struct ledger_coupon *coupon, int64_t now_us);

#endif
