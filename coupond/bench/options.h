/*
 * The command line of `coupond bench`. Pure: arguments in, values or one clear sentence out.
 */
#ifndef COUPOND_BENCH_OPTIONS_H
#define COUPOND_BENCH_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "coupond/bench/plan.h"
#include "coupond/http/url.h"
#include "shared/error.h"
#include "shared/limits.h"

#define BENCH_CONNECTIONS_MAX 20000u
#define BENCH_THREADS_MAX     64u

struct bench_options {
    struct http_url url;
    char coupon[COUPON_ID_MAX + 1]; /* empty: make up one (only with create) */
    char token[256];                /* admin bearer token for create; empty: none */
    uint64_t create;                /* quantity of a coupon to create first; 0: use one that is there */
    uint64_t duration_s;            /* with plan.requests given: what they take, rounded up */
    uint64_t connections;
    uint64_t threads;
    uint64_t timeout_ms;
    uint64_t progress_s; /* between lines of progress */
    uint64_t slow_ms;    /* answers that take longer are looked into; 0: none are */
    struct bench_plan plan;
    bool json;
    bool help;
};

/* Reads argv[1..]; COUPOND_GATEWAY_ADMIN_TOKEN stands for --token. `run_id` makes user ids of different runs differ. -1
 * and `error` on anything that is not understood. */
int bench_options_read(struct bench_options *options, int argc, char **argv, const char *run_id, struct error *error);

#endif
