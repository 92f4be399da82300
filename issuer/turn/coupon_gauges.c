#include "issuer/turn/coupon_gauges.h"

#include <stdlib.h>
#include <string.h>

#include "shared/error.h"

struct place {
    struct ledger_coupon *coupon;
    int64_t noted_us; /* 0: never */
};

struct coupon_gauges {
    const struct ledger *ledger;
    struct metrics *metrics;
    struct place places[METRIC_COUPONS_MAX];
    unsigned count;
    int64_t full_until_us; /* no place becomes free before */
};

/* --- life --- */

static void set_counts(const struct coupon_gauges *gauges)
{
    size_t coupons = ledger_coupons(gauges->ledger);
    metrics_set(gauges->metrics, METRIC_ISSUER_COUPONS, 0, (int64_t)coupons);
    metrics_set(gauges->metrics, METRIC_ISSUER_COUPONS_UNLISTED, 0, (int64_t)(coupons - gauges->count));
}

static void set_coupon(const struct coupon_gauges *gauges, unsigned place)
{
    const struct ledger_coupon *coupon = gauges->places[place].coupon;
    struct metrics_stock stock = {coupon->quantity, coupon->issued, coupon->returned, coupon->redeemed};
    metrics_set_coupon(gauges->metrics, place, coupon->id, &stock);
}

static void give_place(struct coupon_gauges *gauges, unsigned place, struct ledger_coupon *coupon, int64_t now_us)
{
    gauges->places[place] = (struct place){coupon, now_us};
    coupon->gauge = place + 1;
    set_coupon(gauges, place);
}

struct coupon_gauges *coupon_gauges_create(const struct ledger *ledger, struct metrics *metrics)
{
    struct coupon_gauges *gauges = calloc(1, sizeof *gauges);
    CHECK(gauges != NULL);
    gauges->ledger = ledger;
    gauges->metrics = metrics;
    const struct ledger_coupon *first[METRIC_COUPONS_MAX];
    gauges->count = (unsigned)ledger_list(ledger, "", METRIC_COUPONS_MAX, first);
    for (unsigned i = 0; i < gauges->count; i++)
        give_place(gauges, i, ledger_entry(ledger, first[i]->id, strlen(first[i]->id)), 0);
    set_counts(gauges);
    return gauges;
}

void coupon_gauges_destroy(struct coupon_gauges **gauges)
{
    if (*gauges == NULL)
        return;
    for (unsigned i = 0; i < (*gauges)->count; i++)
        (*gauges)->places[i].coupon->gauge = 0;
    free(*gauges);
    *gauges = NULL;
}

/* --- places --- */

static unsigned longest_idle(const struct coupon_gauges *gauges)
{
    unsigned longest = 0;
    for (unsigned i = 1; i < gauges->count; i++) {
        if (gauges->places[i].noted_us < gauges->places[longest].noted_us)
            longest = i;
    }
    return longest;
}

static void find_place(struct coupon_gauges *gauges, struct ledger_coupon *coupon, int64_t now_us)
{
    if (gauges->count < METRIC_COUPONS_MAX) {
        give_place(gauges, gauges->count++, coupon, now_us);
        return;
    }
    unsigned place = longest_idle(gauges);
    gauges->full_until_us = gauges->places[place].noted_us + COUPON_GAUGES_IDLE_US;
    if (now_us < gauges->full_until_us)
        return;
    gauges->places[place].coupon->gauge = 0;
    give_place(gauges, place, coupon, now_us);
}

void coupon_gauges_note(struct coupon_gauges *gauges, struct ledger_coupon *coupon, int64_t now_us)
{
    if (coupon->gauge != 0) {
        CHECK(gauges->places[coupon->gauge - 1].coupon == coupon);
        gauges->places[coupon->gauge - 1].noted_us = now_us;
        set_coupon(gauges, coupon->gauge - 1);
        return;
    }
    if (now_us >= gauges->full_until_us)
        find_place(gauges, coupon, now_us);
    set_counts(gauges); /* the coupon may be new */
}
