/*
 * The sample coupons of `coupond dev`: created through the running issuer's socket, as a gateway does.
 */
#ifndef COUPOND_SAMPLES_H
#define COUPOND_SAMPLES_H

#include <stdbool.h>

#include "shared/error.h"
#include "shared/options/options.h"

/* Creates the samples when the issuer has no coupons; *created receives whether it did. Waits up to ten seconds for
 * each answer. -1 and `error` when the issuer refuses or does not answer. Main thread. */
int samples_create(const struct options *options, bool *created, struct error *error);

#endif
