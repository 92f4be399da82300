/*
 * The wait before a transaction is retried: starts at a minimum and doubles up to a maximum, with jitter, so that
 * writers do not return to a struggling server all at once. Pure: no clock, no sleep, no random source.
 */
#ifndef COUPOND_PERSISTER_RETRY_H
#define COUPOND_PERSISTER_RETRY_H

#include <stdint.h>

struct retry {
    int64_t min_ms;
    int64_t max_ms;  /* a maximum below the minimum counts as the minimum */
    int64_t base_ms; /* of the next wait; 0: no failure yet */
};

void retry_init(struct retry *retry, int64_t min_ms, int64_t max_ms);
/* Call after success: the next fault starts at the minimum again. */
void retry_reset(struct retry *retry);
/*
 * The wait after a temporary fault: between half of the base and the base, by `random`, which is uniform over uint32_t.
 */
int64_t retry_next_ms(struct retry *retry, uint32_t random);
/* The wait after a lasting fault: the maximum at once. */
int64_t retry_longest_ms(struct retry *retry);

#endif
