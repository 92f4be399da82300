#include "gateway/policy/board.h"

#include <sodium.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "shared/error.h"

enum { SLOTS = 8192 };

/* Released by the thread that records a change before it answers its client, acquired by a thread that checks whether
 * an entry is valid. */
struct policy_board {
    uint64_t nonce;
    _Atomic int64_t all_us;
    _Atomic int64_t slots[SLOTS];
};

struct policy_board *policy_board_create(void)
{
    struct policy_board *board = malloc(sizeof *board);
    CHECK(board != NULL && sodium_init() >= 0);
    randombytes_buf(&board->nonce, sizeof board->nonce);
    atomic_init(&board->all_us, INT64_MIN);
    for (size_t i = 0; i < SLOTS; i++)
        atomic_init(&board->slots[i], INT64_MIN);
    return board;
}

void policy_board_destroy(struct policy_board **board)
{
    free(*board);
    *board = NULL;
}

/* Times only increase, whichever thread is faster. */
static void raise(_Atomic int64_t *at, int64_t now_us)
{
    int64_t before = atomic_load_explicit(at, memory_order_relaxed);
    while (before < now_us &&
           !atomic_compare_exchange_weak_explicit(at, &before, now_us, memory_order_release, memory_order_relaxed))
        ;
}

void policy_board_change(struct policy_board *board, uint64_t hash, int64_t now_us)
{
    raise(&board->slots[hash % SLOTS], now_us);
}

void policy_board_change_all(struct policy_board *board, int64_t now_us)
{
    raise(&board->all_us, now_us);
}

uint64_t policy_board_nonce(const struct policy_board *board)
{
    return board->nonce;
}

int64_t policy_board_coupon_changed_us(const struct policy_board *board, uint64_t hash)
{
    return atomic_load_explicit(&board->slots[hash % SLOTS], memory_order_acquire);
}

int64_t policy_board_changed_us(const struct policy_board *board, uint64_t hash)
{
    int64_t one_us = policy_board_coupon_changed_us(board, hash);
    int64_t all_us = atomic_load_explicit(&board->all_us, memory_order_acquire);
    return one_us > all_us ? one_us : all_us;
}
