/*
 * The outcome of a request from the client's view. Pure. Reports print the rows in this order and use their names in
 * --json.
 */
#ifndef COUPOND_BENCH_OUTCOME_H
#define COUPOND_BENCH_OUTCOME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* X(id, name, unknown): with `unknown`, the request may have been carried out without the client's knowledge. DONE: a
 * request other than for an issue succeeded. */
#define BENCH_OUTCOME_TABLE(X)                                                                                         \
    X(ISSUED, "issued", false)                                                                                         \
    X(DONE, "done", false)                                                                                             \
    X(ALREADY_ISSUED, "already_issued", false)                                                                         \
    X(SOLD_OUT, "sold_out", false)                                                                                     \
    X(NOT_STARTED, "not_started", false)                                                                               \
    X(PAUSED, "paused", false)                                                                                         \
    X(ENDED, "ended", false)                                                                                           \
    X(ALREADY_REDEEMED, "already_redeemed", false)                                                                     \
    X(REFERENCE_MISMATCH, "reference_mismatch", false)                                                                 \
    X(REVOKED, "revoked", false)                                                                                       \
    X(ISSUE_EXPIRED, "issue_expired", false)                                                                           \
    X(NOT_ISSUED, "not_issued", false)                                                                                 \
    X(COUPON_NOT_FOUND, "coupon_not_found", false)                                                                     \
    X(NOT_FOUND, "not_found", false)                                                                                   \
    X(UNAUTHORIZED, "unauthorized", false)                                                                             \
    X(INVALID_REQUEST, "invalid_request", false)                                                                       \
    X(OVERLOADED, "overloaded", false)                                                                                 \
    X(ISSUER_UNAVAILABLE, "issuer_unavailable", false)                                                                 \
    X(STORE_UNAVAILABLE, "store_unavailable", false)                                                                   \
    X(OUTCOME_UNKNOWN, "outcome_unknown", true)                                                                        \
    X(OTHER, "other_answer", true)                                                                                     \
    X(TIMED_OUT, "timed_out", true)                                                                                    \
    X(CONNECTION_ERROR, "connection_error", true)                                                                      \
    X(UNSENT, "unsent", false)

enum bench_outcome {
#define X(id, name, unknown) BENCH_##id,
    BENCH_OUTCOME_TABLE(X)
#undef X
        BENCH_OUTCOME_COUNT
};

const char *bench_outcome_name(enum bench_outcome outcome);
bool bench_outcome_unknown(enum bench_outcome outcome);

/* The outcome that a problem's code names; BENCH_OTHER for NULL and codes that the benchmark does not expect. */
enum bench_outcome bench_outcome_of_code(const char *code);

#endif
