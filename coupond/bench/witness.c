#include "coupond/bench/witness.h"

#include <stdlib.h>
#include <string.h>

#include "shared/error.h"

static const struct {
    const char *name;
    const char *text;
} promises[BENCH_PROMISE_COUNT] = {
#define X(id, name, text) [BENCH_PROMISE_##id] = {name, text},
    BENCH_PROMISE_TABLE(X)
#undef X
};

const char *bench_promise_name(enum bench_promise promise)
{
    CHECK(promise < BENCH_PROMISE_COUNT);
    return promises[promise].name;
}

const char *bench_promise_text(enum bench_promise promise)
{
    CHECK(promise < BENCH_PROMISE_COUNT);
    return promises[promise].text;
}

bool bench_witness_init(struct bench_witness *witness, uint64_t users, uint32_t sequence_max, uint32_t per_user_limit)
{
    memset(witness, 0, sizeof *witness);
    witness->users = users;
    witness->sequence_max = sequence_max;
    witness->per_user_limit = per_user_limit;
    witness->sequence = calloc(users, sizeof *witness->sequence);
    witness->issued = calloc(users, sizeof *witness->issued);
    witness->taken = calloc((size_t)sequence_max / 64 + 1, sizeof *witness->taken);
    if (witness->sequence != NULL && witness->issued != NULL && witness->taken != NULL)
        return true;
    bench_witness_deinit(witness);
    return false;
}

void bench_witness_deinit(struct bench_witness *witness)
{
    free(witness->sequence);
    free(witness->issued);
    free(witness->taken);
    memset(witness, 0, sizeof *witness);
}

bool bench_witness_holds(struct bench_witness *witness, uint64_t user)
{
    CHECK(user < witness->users);
    /* Pairs with the release in remember(): another thread may have processed the answer. */
    return atomic_load_explicit(&witness->sequence[user], memory_order_acquire) != 0;
}

static void count_fault(_Atomic uint64_t *fault)
{
    atomic_fetch_add_explicit(fault, 1, memory_order_relaxed);
}

static void take_sequence(struct bench_witness *witness, uint32_t sequence)
{
    if (sequence > witness->sequence_max) {
        count_fault(&witness->beyond);
        return;
    }
    uint64_t bit = UINT64_C(1) << (sequence % 64);
    if ((atomic_fetch_or_explicit(&witness->taken[sequence / 64], bit, memory_order_relaxed) & bit) != 0)
        count_fault(&witness->repeated);
}

/* True when no issue of the user was known before. */
static bool remember(struct bench_witness *witness, uint64_t user, uint32_t sequence)
{
    uint32_t known = 0;
    if (atomic_compare_exchange_strong_explicit(&witness->sequence[user], &known, sequence, memory_order_acq_rel,
                                                memory_order_acquire))
        return true;
    if (witness->per_user_limit == 1 && known != sequence)
        count_fault(&witness->differing);
    return false;
}

void bench_witness_answer(struct bench_witness *witness, uint64_t user, bool held, enum bench_outcome outcome,
                          uint32_t sequence)
{
    CHECK(user < witness->users);
    if (outcome == BENCH_SOLD_OUT && held)
        count_fault(&witness->denied);
    if (outcome != BENCH_ISSUED && outcome != BENCH_ALREADY_ISSUED)
        return;
    if (outcome == BENCH_ISSUED &&
        atomic_fetch_add_explicit(&witness->issued[user], 1, memory_order_relaxed) >= witness->per_user_limit)
        count_fault(&witness->excessive);
    bool first = remember(witness, user, sequence);
    /* When a user may hold several, only a 201 shows a sequence for the first time. */
    if (witness->per_user_limit == 1 ? first : outcome == BENCH_ISSUED)
        take_sequence(witness, sequence);
}

void bench_witness_break(struct bench_witness *witness, enum bench_promise promise)
{
    CHECK(promise < BENCH_PROMISE_COUNT);
    count_fault(&witness->broken[promise]);
}

/* The difference between the coupon's count and the count that the answers allow. */
static uint64_t miscounted(const struct bench_count *count, bool *others)
{
    uint64_t least = count->before + count->issued;
    uint64_t most = least + count->unknown;
    *others = !count->alone && count->after > most;
    if (count->after < least)
        return least - count->after;
    if (count->after > count->sequence_max)
        return count->after - count->sequence_max;
    return count->alone && count->after > most ? count->after - most : 0;
}

/* The difference between the coupon's redeemed count and the count that the answers allow. */
static uint64_t misredeemed(const struct bench_redemptions *count)
{
    uint64_t given = count->before + count->redeemed;
    uint64_t undone = count->after + count->undone;
    if (undone + count->undone_unknown < given)
        return given - undone - count->undone_unknown;
    return undone > given + count->redeemed_unknown ? undone - given - count->redeemed_unknown : 0;
}

/* Other clients may redeem and undo as well, so the count is checked only when there are none. */
static void judge_redemptions(const struct bench_witness *witness, const struct bench_count *count,
                              struct bench_judgement *judgement)
{
    for (enum bench_promise i = BENCH_PROMISE_REDEEMED_ONCE; i < BENCH_PROMISE_COUNT; i++)
        judgement->faults[i] = atomic_load(&witness->broken[i]);
    bool counted = !count->unread && count->alone;
    judgement->unchecked[BENCH_PROMISE_REDEEMED_COUNTED] = !counted;
    if (counted)
        judgement->faults[BENCH_PROMISE_REDEEMED_COUNTED] = misredeemed(&count->redemptions);
}

struct bench_judgement bench_witness_judge(const struct bench_witness *witness, const struct bench_count *count)
{
    struct bench_judgement judgement = {.kept = true};
    judgement.faults[BENCH_PROMISE_DISTINCT] = atomic_load(&witness->repeated);
    /* A quantity that was raised during the run allows sequences that the witness does not expect. */
    if (count->sequence_max <= witness->sequence_max)
        judgement.faults[BENCH_PROMISE_IN_RANGE] = atomic_load(&witness->beyond);
    judgement.faults[BENCH_PROMISE_ONE_ISSUE] = atomic_load(&witness->differing) + atomic_load(&witness->excessive);
    judgement.faults[BENCH_PROMISE_NEVER_DENIED] = atomic_load(&witness->denied);
    judgement.unchecked[BENCH_PROMISE_COUNTED] = count->unread;
    if (!count->unread)
        judgement.faults[BENCH_PROMISE_COUNTED] = miscounted(count, &judgement.others);
    if (count->mixed)
        judge_redemptions(witness, count, &judgement);
    for (unsigned i = 0; i < BENCH_PROMISE_COUNT; i++)
        judgement.kept = judgement.kept && judgement.faults[i] == 0;
    return judgement;
}
