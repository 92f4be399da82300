/*
 * The command line of `coupond bench`. Pure: turns arguments into values or one error.
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
    char coupon[COUPON_ID_MAX + 1];  /* empty: generate one (only with create) */
    char token[TOKEN_BYTES_MAX + 2]; /* bearer token for create and all operations but issues; empty: none */
    bool token_for_all;              /* issues, too, as somebody who may ask for anyone */
    uint64_t create;                 /* quantity of a coupon to create first; 0: use an existing one */
    uint64_t duration_s;             /* with plan.requests given: their duration, rounded up */
    uint64_t connections;
    uint64_t threads;
    uint64_t timeout_ms;
    uint64_t progress_s; /* interval of the progress lines */
    uint64_t slow_ms;    /* slower answers are reported; 0: none */
    struct bench_plan plan;
    bool json;
    bool help;
};

/* Parses argv[1..]; COUPOND_GATEWAY_ADMIN_TOKEN replaces --token. `run_id` makes the user ids of different runs differ.
 * -1 and `error` on invalid arguments. */
int bench_options_read(struct bench_options *options, int argc, char **argv, const char *run_id, struct error *error);

#endif
