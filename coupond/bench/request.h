/*
 * The text of a benchmark's requests. Pure.
 */
#ifndef COUPOND_BENCH_REQUEST_H
#define COUPOND_BENCH_REQUEST_H

#include <stddef.h>
#include <stdint.h>

#include "coupond/bench/holdings.h"
#include "coupond/bench/options.h"

#define BENCH_REQUEST_MAX (TOKEN_BYTES_MAX + 2048u)

struct bench_request {
    enum bench_operation operation;
    uint64_t reference;           /* of a REDEEM; never 0 */
    struct bench_holding holding; /* what it is about; of an ISSUE only the user */
};

/* Formats a request for the server `authority` and returns its length. */
size_t bench_request_write(const struct bench_request *request, const struct bench_options *options,
                           const char *authority, char out[BENCH_REQUEST_MAX]);

#endif
