/* What the groups have in common: a folder of their own, a journal in it, names of users. */
#ifndef COUPOND_MICRO_SCRATCH_H
#define COUPOND_MICRO_SCRATCH_H

#include "measure.h"
#include "shared/coupon.h"
#include "shared/journal/journal.h"

#define MICRO_COUPON "C0001"
#define MICRO_USER   11 /* bytes of a user's id */

#define SCRATCH_PATH_MAX 256

/* A new folder in the settings' directory; ends the process when there can be none. */
void scratch_folder(const struct micro *micro, char out[SCRATCH_PATH_MAX]);
/* Removes it with what is in it. */
void scratch_remove(const char *folder);

/* An empty journal in `folder`, made ready to be written. Its worker is called by hand. */
struct journal *scratch_journal(const char *folder, int64_t sync_interval_ms);

/* A coupon that is open to everybody. */
struct coupon scratch_coupon(void);

/* "u" and ten digits. */
static inline void scratch_user(char out[MICRO_USER], uint32_t number)
{
    out[0] = 'u';
    for (int i = MICRO_USER - 1; i > 0; i--, number /= 10)
        out[i] = (char)('0' + number % 10);
}

/* The next of a sequence that looks random (SplitMix64). */
uint64_t scratch_random(uint64_t *state);

#endif
