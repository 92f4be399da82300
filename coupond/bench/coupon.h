/*
 * The coupon of a benchmark over HTTP: creates it, and reads its counts before and after the run. Blocking.
 */
#ifndef COUPOND_BENCH_COUPON_H
#define COUPOND_BENCH_COUPON_H

#include <stdint.h>

#include "coupond/bench/options.h"
#include "coupond/http/fetch.h"

/* Describes an unexpected response by its status, code and detail. Returns -1. */
int bench_coupon_unexpected(const char *what, const struct http_response *response, struct error *error);

/* The members of the coupon that the benchmark uses. */
struct bench_coupon {
    uint64_t quantity;     /* 0: without a bound */
    uint64_t sequence_max; /* with the present quantity: pieces that were returned to the stock are issued again */
    uint64_t issued;
    uint64_t redeemed;
    uint64_t per_user_limit;
};

/* POST /v1/coupons with options->coupon and options->create. */
int bench_coupon_create(const struct http_server *target, const struct bench_options *options, struct error *error);
/* GET /v1/coupons/{id}. */
int bench_coupon_read(const struct http_server *target, const struct bench_options *options,
                      struct bench_coupon *coupon, struct error *error);

#endif
