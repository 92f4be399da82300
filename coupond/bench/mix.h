/*
 * The operations of a benchmark and their shares, from --mix. Pure.
 */
#ifndef COUPOND_BENCH_MIX_H
#define COUPOND_BENCH_MIX_H

#include <stdbool.h>
#include <stdint.h>

/* X(id, name): what requests do; all except ISSUE are about an issue that the same worker was given in this run. */
#define BENCH_OPERATION_TABLE(X)                                                                                       \
    X(ISSUE, "issue")   /* request the coupon */                                                                       \
    X(WALLET, "wallet") /* list the user's issues */                                                                   \
    X(LOOKUP, "lookup") /* read the user's issue */                                                                    \
    X(CODE, "code")     /* read the issue by its code */                                                               \
    X(REDEEM, "redeem")                                                                                                \
    X(UNDO, "undo") /* of a redemption */                                                                              \
    X(REVOKE, "revoke")

enum bench_operation {
#define X(id, name) BENCH_OPERATION_##id,
    BENCH_OPERATION_TABLE(X)
#undef X
        BENCH_OPERATION_COUNT
};

struct bench_mix {
    uint32_t percent[BENCH_OPERATION_COUNT]; /* sums up to 100 */
};

const char *bench_operation_name(enum bench_operation operation);

/* Only issues. */
void bench_mix_init(struct bench_mix *mix);
/* Parses "issue=70,redeem=20,undo=10". NULL, or what is wrong; `mix` is then invalid. */
const char *bench_mix_parse(struct bench_mix *mix, const char *text);
/* False when there are only issues. */
bool bench_mix_is_mixed(const struct bench_mix *mix);
/* The operation at `point`, from 0 to 99. */
enum bench_operation bench_mix_at(const struct bench_mix *mix, uint32_t point);

#endif
