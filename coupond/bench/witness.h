/*
 * The witness: remembers what every user was told and judges, as far as a client can see, whether the promises were
 * kept. No I/O inside; all threads of a bench write to one witness at once (C11 atomics), one judges after they are
 * joined. Memory: 6 bytes a user and one bit a coupon of the quantity, taken from the system as it is touched.
 */
#ifndef COUPOND_BENCH_WITNESS_H
#define COUPOND_BENCH_WITNESS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "coupond/bench/outcome.h"

struct bench_witness {
    uint64_t users;
    uint32_t quantity; /* sequences above it are counted in `beyond` */
    uint32_t per_user_limit;
    _Atomic uint32_t *sequence; /* of each user, 0 while unknown */
    _Atomic uint16_t *issued;   /* 201s that each user read */
    _Atomic uint64_t *taken;    /* a bit for each sequence */
    /* what was seen that must not be */
    _Atomic uint64_t repeated;  /* sequences told to two users, or twice */
    _Atomic uint64_t beyond;    /* sequences above the quantity */
    _Atomic uint64_t differing; /* a user was told two sequences where the limit is 1 */
    _Atomic uint64_t excessive; /* a user read more 201s than the limit */
    _Atomic uint64_t denied;    /* sold_out to a user who held the coupon before asking */
};

/* `users` as bench_plan_users_seen(). False when there is no memory. */
bool bench_witness_init(struct bench_witness *witness, uint64_t users, uint32_t quantity, uint32_t per_user_limit);
void bench_witness_deinit(struct bench_witness *witness);

/* On any thread: whether a 201 or the like was read for this user. Asked when a request leaves. */
bool bench_witness_holds(struct bench_witness *witness, uint64_t user);
/* On any thread: what an answer said. `held` is what bench_witness_holds() gave when its request left. */
void bench_witness_answer(struct bench_witness *witness, uint64_t user, bool held, enum bench_outcome outcome,
                          uint32_t sequence);

#define BENCH_PROMISE_TABLE(X)                                                                                         \
    X(DISTINCT, "sequences_distinct", "no sequence was told twice")                                                    \
    X(IN_RANGE, "sequences_in_range", "every sequence lies within 1 and the quantity")                                 \
    X(ONE_ISSUE, "issues_within_limit", "no user was issued more than the limit, or told two sequences for one issue") \
    X(NEVER_DENIED, "holders_never_sold_out", "no holder was told sold_out")                                           \
    X(COUNTED, "issued_count_agrees", "the coupon's issued count agrees with what was read")

enum bench_promise {
#define X(id, name, text) BENCH_PROMISE_##id,
    BENCH_PROMISE_TABLE(X)
#undef X
        BENCH_PROMISE_COUNT
};

const char *bench_promise_name(enum bench_promise promise);
const char *bench_promise_text(enum bench_promise promise);

/* What GET /v1/coupons/{id} said before and after the run, and what the requests came to. */
struct bench_count {
    uint64_t before;
    bool unread; /* the coupon could not be read after the run: `after` says nothing */
    uint64_t after;
    uint64_t quantity; /* the larger of before and after */
    uint64_t issued;   /* 201s read */
    uint64_t unknown;  /* requests that may have been issued without a 201 being read */
    bool alone;        /* nobody else asks for this coupon: more issues than that are a fault */
};

struct bench_judgement {
    bool kept; /* nothing that was checked is broken */
    bool unchecked[BENCH_PROMISE_COUNT];
    uint64_t faults[BENCH_PROMISE_COUNT]; /* 0: kept, or not checked */
    bool others;                          /* more was issued than this bench asked for, and it was not alone */
};

struct bench_judgement bench_witness_judge(const struct bench_witness *witness, const struct bench_count *count);

#endif
