#include "coupond/bench/holdings.h"

#include <stdlib.h>
#include <string.h>

#include "shared/error.h"

void bench_holdings_init(struct bench_holdings *holdings)
{
    memset(holdings, 0, sizeof *holdings);
}

void bench_holdings_deinit(struct bench_holdings *holdings)
{
    free(holdings->issued.list);
    free(holdings->redeemed.list);
    bench_holdings_init(holdings);
}

static void grow(struct bench_holding_pool *pool)
{
    pool->room = pool->room == 0 ? 256 : pool->room * 2;
    pool->list = realloc(pool->list, pool->room * sizeof *pool->list);
    CHECK(pool->list != NULL);
}

void bench_holdings_put(struct bench_holdings *holdings, const struct bench_holding *holding, uint64_t random)
{
    struct bench_holding_pool *pool = holding->reference != 0 ? &holdings->redeemed : &holdings->issued;
    if (pool->count == BENCH_HOLDINGS_MAX) {
        pool->list[random % pool->count] = *holding;
        return;
    }
    if (pool->count == pool->room)
        grow(pool);
    pool->list[pool->count++] = *holding;
}

static struct bench_holding_pool *pool_for(struct bench_holdings *holdings, enum bench_operation operation,
                                           bool repeated, uint64_t random)
{
    uint64_t count = (uint64_t)holdings->issued.count + holdings->redeemed.count;
    switch (operation) {
    case BENCH_OPERATION_UNDO:
        return &holdings->redeemed;
    case BENCH_OPERATION_REVOKE:
        return &holdings->issued;
    case BENCH_OPERATION_REDEEM:
        return repeated && holdings->redeemed.count > 0 ? &holdings->redeemed : &holdings->issued;
    default:
        return count > 0 && random % count >= holdings->issued.count ? &holdings->redeemed : &holdings->issued;
    }
}

bool bench_holdings_take(struct bench_holdings *holdings, enum bench_operation operation, bool repeated,
                         uint64_t random, struct bench_holding *holding)
{
    CHECK(operation != BENCH_OPERATION_ISSUE);
    struct bench_holding_pool *pool = pool_for(holdings, operation, repeated, random);
    if (pool->count == 0)
        return false;
    uint64_t at = (random >> 32) % pool->count;
    *holding = pool->list[at];
    pool->list[at] = pool->list[--pool->count];
    return true;
}
