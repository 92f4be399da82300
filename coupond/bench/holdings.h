/*
 * The issues that a worker was given and may still read, redeem, undo or revoke. An issue is taken out while a request
 * about it is in flight, so that its state before and after is known. Pure; each worker owns one.
 */
#ifndef COUPOND_BENCH_HOLDINGS_H
#define COUPOND_BENCH_HOLDINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "coupond/bench/mix.h"
#include "shared/code.h"

#define BENCH_HOLDINGS_MAX 65536u /* of each state; beyond it, an issue replaces another */

struct bench_holding {
    uint64_t user;
    uint64_t reference; /* of its redemption; 0: it is not redeemed */
    int64_t issued_us;
    uint32_t sequence;
    char code[CODE_LENGTH + 1];
};

struct bench_holding_pool {
    struct bench_holding *list;
    uint32_t count;
    uint32_t room;
};

struct bench_holdings {
    struct bench_holding_pool issued;
    struct bench_holding_pool redeemed;
};

void bench_holdings_init(struct bench_holdings *holdings);
void bench_holdings_deinit(struct bench_holdings *holdings);

/* `random` selects the place of an issue. */
void bench_holdings_put(struct bench_holdings *holdings, const struct bench_holding *holding, uint64_t random);
/*
 * Takes out an issue for this operation, which `random` selects. With `repeated`, a redemption gets an issue that is
 * redeemed already, if there is one. False when no issue is suitable.
 */
bool bench_holdings_take(struct bench_holdings *holdings, enum bench_operation operation, bool repeated,
                         uint64_t random, struct bench_holding *holding);

#endif
