/*
 * What an answer says about the issue that a request was about, and whether it contradicts earlier answers. Pure.
 */
#ifndef COUPOND_BENCH_ANSWER_H
#define COUPOND_BENCH_ANSWER_H

#include <stdbool.h>
#include <stddef.h>

#include "coupond/bench/outcome.h"
#include "coupond/bench/request.h"
#include "coupond/bench/witness.h"

struct bench_answer {
    enum bench_outcome outcome;
    uint32_t sequence;         /* of the issue in the answer to an ISSUE; 0: none */
    enum bench_promise broken; /* BENCH_PROMISE_COUNT: none */
    bool held; /* the worker may use `holding` further; false: nothing to use, or its state is unknown */
    struct bench_holding holding; /* the issue as it is now */
};

/* Reads a response about an issue of `coupon`. A body that does not fit the status gives BENCH_OTHER. */
struct bench_answer bench_answer_read(const struct bench_request *request, const char *coupon, int status,
                                      const char *body, size_t length);
/* The answer to a request that got none, or that failed. */
struct bench_answer bench_answer_missing(const struct bench_request *request, enum bench_outcome outcome);

#endif
