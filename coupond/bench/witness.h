/*
 * The witness: records every user's answers and checks, as far as a client can see, whether the promises were kept. No
 * I/O; all threads of a benchmark write to one witness concurrently (C11 atomics), and one thread checks after they are
 * joined. Memory: 6 bytes per user and one bit per sequence, allocated by the system when touched.
 */
#ifndef COUPOND_BENCH_WITNESS_H
#define COUPOND_BENCH_WITNESS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "coupond/bench/outcome.h"

/* X(id, name, text). Those from REDEEMED_ONCE on are about --mix. */
#define BENCH_PROMISE_TABLE(X)                                                                                         \
    X(DISTINCT, "sequences_distinct", "no sequence was given twice")                                                   \
    X(IN_RANGE, "sequences_in_range", "no sequence is beyond the stock and its returns")                               \
    X(ONE_ISSUE, "issues_within_limit", "no user got more than the limit, or two sequences for one issue")             \
    X(NEVER_DENIED, "holders_never_sold_out", "no holder got sold_out")                                                \
    X(COUNTED, "issued_count_agrees", "the coupon's issued count agrees with the answers")                             \
    X(REDEEMED_ONCE, "redeemed_once", "no issue was redeemed twice")                                                   \
    X(NOT_REFUSED, "changes_not_refused", "no redemption, undo or revocation was refused without a reason")            \
    X(STATE_SHOWN, "states_shown", "lookups and codes show each issue in the state of the latest answer")              \
    X(LISTED, "issues_listed", "no list lacks an issue from before its as_of")                                         \
    X(REDEEMED_COUNTED, "redeemed_count_agrees", "the coupon's redeemed count agrees with the answers")

enum bench_promise {
#define X(id, name, text) BENCH_PROMISE_##id,
    BENCH_PROMISE_TABLE(X)
#undef X
        BENCH_PROMISE_COUNT
};

struct bench_witness {
    uint64_t users;
    uint32_t sequence_max; /* higher ones are counted in `beyond` */
    uint32_t per_user_limit;
    _Atomic uint32_t *sequence; /* of each user, 0 while unknown */
    _Atomic uint16_t *issued;   /* 201s per user */
    _Atomic uint64_t *taken;    /* one bit per sequence */
    /* violations */
    _Atomic uint64_t repeated;                    /* sequences given to two users, or twice */
    _Atomic uint64_t beyond;                      /* sequences above sequence_max */
    _Atomic uint64_t differing;                   /* users with two sequences where the limit is 1 */
    _Atomic uint64_t excessive;                   /* users with more 201s than the limit */
    _Atomic uint64_t denied;                      /* sold_out for a user who held the coupon before the request */
    _Atomic uint64_t broken[BENCH_PROMISE_COUNT]; /* of bench_witness_break() */
};

/* `users` is bench_plan_users_seen(). False when there is no memory. */
bool bench_witness_init(struct bench_witness *witness, uint64_t users, uint32_t sequence_max, uint32_t per_user_limit);
void bench_witness_deinit(struct bench_witness *witness);

/* On any thread: true when an answer has shown that the user holds the coupon. Call it when a request is sent. */
bool bench_witness_holds(struct bench_witness *witness, uint64_t user);
/* On any thread: records an answer. `held` is the result of bench_witness_holds() when its request was sent. */
void bench_witness_answer(struct bench_witness *witness, uint64_t user, bool held, enum bench_outcome outcome,
                          uint32_t sequence);

const char *bench_promise_name(enum bench_promise promise);
const char *bench_promise_text(enum bench_promise promise);

/* On any thread: records an answer that breaks a promise by itself. */
void bench_witness_break(struct bench_witness *witness, enum bench_promise promise);

/* The coupon's redeemed count before and after the run, and the answers to redemptions and undoes. */
struct bench_redemptions {
    uint64_t before;
    uint64_t after;
    uint64_t redeemed;
    uint64_t redeemed_unknown;
    uint64_t undone;
    uint64_t undone_unknown;
};

/* The results of GET /v1/coupons/{id} before and after the run, and the outcomes of the requests. */
struct bench_count {
    uint64_t before;
    bool unread; /* the coupon could not be read after the run: `after` is invalid */
    uint64_t after;
    uint64_t sequence_max; /* the larger of before and after */
    uint64_t issued;       /* 201s read */
    uint64_t unknown;      /* requests that may have been issued without a 201 */
    bool alone;            /* no other client requests this coupon: more issues are a violation */
    bool mixed;            /* with --mix */
    struct bench_redemptions redemptions;
};

struct bench_judgement {
    bool kept;                            /* no checked promise is broken */
    bool unchecked[BENCH_PROMISE_COUNT];  /* because of `unread`, or because others may redeem as well */
    uint64_t faults[BENCH_PROMISE_COUNT]; /* 0: kept, or not checked */
    bool others;                          /* more was issued than this run requested, and it was not alone */
};

struct bench_judgement bench_witness_judge(const struct bench_witness *witness, const struct bench_count *count);

#endif
