/*
 * What a rehearsal measures. Visible values.
 */
#ifndef COUPOND_REHEARSE_MEASURE_H
#define COUPOND_REHEARSE_MEASURE_H

#include <stdbool.h>
#include <stdint.h>

#include "coupond/bench/histogram.h"
#include "coupond/bench/outcome.h"
#include "shared/limits.h"

#define REHEARSE_MEMBERS_MAX 8u
#define REHEARSE_ADDRESS_MAX 128u

/* A process whose metrics can be read. */
struct rehearse_member {
    char address[REHEARSE_ADDRESS_MAX];
    const char *role; /* "issuer", "gateway", "dev"; a constant */
    uint64_t memory_before;
    uint64_t memory_after;
    uint64_t memory_limit; /* 0: unknown */
};

struct rehearse_measure {
    char coupon_id[COUPON_ID_MAX + 1];
    char copy_id[COUPON_ID_MAX + 1];
    uint64_t quantity; /* 0: without a bound */
    uint64_t users;
    uint64_t requests;
    uint64_t connections;
    uint64_t timeout_ms;
    uint64_t early;             /* users who asked too early, */
    uint64_t early_not_started; /* and were told so */
    double seconds;             /* from the opening to the last answer */
    uint64_t answered;
    uint64_t outcomes[BENCH_OUTCOME_COUNT];
    struct bench_histogram latency; /* from the intended send time to the answer */
    struct bench_histogram delay;   /* of it, the wait for a free connection */
    int64_t sold_out_us;            /* from the opening to the answer that gave the last piece; -1: some are left */
    uint64_t faults;                /* promises that the answers break */
    bool synced;                    /* the next two are known */
    uint64_t sync_p50_us;
    uint64_t sync_p99_us;
    unsigned members_count;
    struct rehearse_member members[REHEARSE_MEMBERS_MAX];
};

#endif
