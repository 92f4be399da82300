/*
 * How long to wait before a transaction is tried again: from a minimum, doubling up to a maximum, with jitter, so that
 * many writers do not come back to a struggling server at once. Pure: no clock, no sleep, no source of chance.
 */
#ifndef COUPOND_PERSISTER_RETRY_H
#define COUPOND_PERSISTER_RETRY_H

#include <stdint.h>

struct retry {
    int64_t min_ms;
    int64_t max_ms;  /* a maximum below the minimum counts as the minimum */
    int64_t base_ms; /* of the next wait; 0: nothing failed yet */
};

void retry_init(struct retry *retry, int64_t min_ms, int64_t max_ms);
/* It worked: the next fault begins at the minimum again. */
void retry_reset(struct retry *retry);
/* The wait after a passing fault: between half of the base and the base, by `random`, which is uniform over uint32_t.
 */
int64_t retry_next_ms(struct retry *retry, uint32_t random);
/* The wait after a fault that will not pass by itself: the maximum, at once. */
int64_t retry_longest_ms(struct retry *retry);

#endif
