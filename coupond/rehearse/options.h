/*
 * The command line of `coupond rehearse`. Turns arguments into values or one error.
 */
#ifndef COUPOND_REHEARSE_OPTIONS_H
#define COUPOND_REHEARSE_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "coupond/bench/options.h"
#include "coupond/rehearse/measure.h"
#include "shared/error.h"

struct rehearse_options {
    struct bench_options bench; /* of the crowd; its coupon is the copy */
    char coupon[COUPON_ID_MAX + 1];
    uint64_t users;
    uint64_t quantity; /* 0: as the coupon */
    unsigned members_count;
    char members[REHEARSE_MEMBERS_MAX][REHEARSE_ADDRESS_MAX]; /* HOST:PORT with /metrics */
    bool json;
    bool help;
};

/* Parses argv[1..]; reads the token from --token-file, "-" for standard input, or from COUPOND_GATEWAY_ADMIN_TOKEN. -1
 * and `error` on invalid arguments. */
int rehearse_options_read(struct rehearse_options *options, int argc, char **argv, struct error *error);

#endif
