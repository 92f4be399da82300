/*
 * Binds a call to what is its principal's own, for roles that may do no more. What a request says of itself is compared
 * here; who owns a coupon is compared by who decides about it or reads it. Pure.
 */
#ifndef COUPOND_API_OWNERSHIP_H
#define COUPOND_API_OWNERSHIP_H

#include <stdbool.h>

#include "gateway/api/call.h"
#include "gateway/api/permissions.h"

/* False when the call concerns somebody else. Otherwise a coupon that it creates has the principal as its owner, a list
 * has only the principal's coupons, and `owned` says whether others must compare the coupon's owner. */
bool ownership_bind(struct api_call *call, const struct permission *permission);

/* True when the id is the principal's. */
bool ownership_is_self(const struct api_call *call, struct span id);

#endif
