/*
 * The sample coupons of `coupond dev`: asked of the running issuer over its own socket, as a gateway would.
 */
#ifndef COUPOND_SAMPLES_H
#define COUPOND_SAMPLES_H

#include <stdbool.h>

#include "shared/error.h"
#include "shared/options/options.h"

/* Creates the samples when the issuer has no coupon at all. *created says whether it did. Waits for each answer at most
 * ten seconds. -1 and `error` when the issuer refuses or does not answer. Main thread. */
int samples_create(const struct options *options, bool *created, struct error *error);

#endif
