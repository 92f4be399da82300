/*
 * The last known change of each coupon, shared by the process: a change that one gateway thread forwards or learns of
 * invalidates the cached entries of all threads at once. Coupons share a few thousand slots by hash; a collision only
 * costs an extra query. Any thread; atomics, no lock.
 */
#ifndef COUPOND_POLICY_BOARD_H
#define COUPOND_POLICY_BOARD_H

#include <stdint.h>

struct policy_board;

/* Never NULL: running out of memory ends the process. */
struct policy_board *policy_board_create(void);
void policy_board_destroy(struct policy_board **board);

/* The coupon with this hash, or possibly any coupon, has changed before `now_us` of the monotonic clock. */
void policy_board_change(struct policy_board *board, uint64_t hash, int64_t now_us);
void policy_board_change_all(struct policy_board *board, int64_t now_us);

/* A random number that identifies this process's own notifications. */
uint64_t policy_board_nonce(const struct policy_board *board);

/* Data requested at or before this time is outdated; INT64_MIN when no change is known. */
int64_t policy_board_changed_us(const struct policy_board *board, uint64_t hash);
/* The same, ignoring changes that may concern any coupon. */
int64_t policy_board_coupon_changed_us(const struct policy_board *board, uint64_t hash);

#endif
