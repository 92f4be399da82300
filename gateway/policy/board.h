/*
 * When which coupons were last changed, as far as this process knows: what one gateway thread carries or hears of
 * outdates what all threads keep, at once. A few thousand slots for all coupons: two that share one only cost each
 * other a question more. Any thread; atomics, no lock.
 */
#ifndef COUPOND_POLICY_BOARD_H
#define COUPOND_POLICY_BOARD_H

#include <stdint.h>

struct policy_board;

/* NULL never: ends the process when there is no memory. */
struct policy_board *policy_board_create(void);
void policy_board_destroy(struct policy_board **board);

/* The coupon with this hash has changed before `now_us` of the monotone clock, or any may have. */
void policy_board_change(struct policy_board *board, uint64_t hash, int64_t now_us);
void policy_board_change_all(struct policy_board *board, int64_t now_us);

/* A number of this process, by which it knows its own news. */
uint64_t policy_board_nonce(const struct policy_board *board);

/* What was asked for at this time or before is outdated; INT64_MIN when nothing is known. */
int64_t policy_board_changed_us(const struct policy_board *board, uint64_t hash);
/* The same without what may have happened to all. */
int64_t policy_board_coupon_changed_us(const struct policy_board *board, uint64_t hash);

#endif
