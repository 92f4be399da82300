/* Shared by the groups: a temporary folder, a journal in it, names of users. */
#ifndef COUPOND_MICRO_SCRATCH_H
#define COUPOND_MICRO_SCRATCH_H

#include "measure.h"
#include "shared/coupon.h"
#include "shared/journal/journal.h"

#define MICRO_COUPON "C0001"
#define MICRO_USER   11 /* bytes of a user's id */

#define SCRATCH_PATH_MAX 256

/* Creates a folder in the settings' directory; ends the process on failure. */
void scratch_folder(const struct micro *micro, char out[SCRATCH_PATH_MAX]);
/* Removes the folder and its contents. */
void scratch_remove(const char *folder);

/* Opens an empty journal in `folder` for writing. Its worker is called by hand. */
struct journal *scratch_journal(const char *folder, int64_t sync_interval_ms);

/* A coupon that every user can get. */
struct coupon scratch_coupon(void);

/* "u" and ten digits. */
static inline void scratch_user(char out[MICRO_USER], uint32_t number)
{
    out[0] = 'u';
    for (int i = MICRO_USER - 1; i > 0; i--, number /= 10)
        out[i] = (char)('0' + number % 10);
}

/* The next number of a pseudorandom sequence (SplitMix64). */
uint64_t scratch_random(uint64_t *state);

#endif
