/*
 * A coupon's value in Redis. It starts with its sort order as text, so that a script in Redis can tell which of two
 * values is older; a fixed layout follows. Pure. Anyone may have written a value: it is untrusted until
 * policy_value_read() accepts it.
 *
 *     coupond2 JJJJJJJJJJJJJJJJJJJJ TTTTTTTTTTTTTTTTTTTT   format; journal sequence and issuer's time in 20 digits
 *                                                          each, without the blanks
 *     struct frame_coupon, cut after its last text         little-endian
 */
#ifndef COUPOND_POLICY_VALUE_H
#define COUPOND_POLICY_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/http/span.h"
#include "shared/coupon.h"
#include "shared/wire/frame.h"

#define POLICY_VALUE_ORDER_LENGTH 48 /* bytes of the part that orders two values, as text */

#define POLICY_VALUE_MAX (POLICY_VALUE_ORDER_LENGTH + sizeof(struct frame_coupon))

/* Formats a coupon that the issuer reported at `issuer_us` of its clock. Returns the length. */
size_t policy_value_write(char out[POLICY_VALUE_MAX], const struct coupon *coupon, int64_t issuer_us);

/* False when these bytes are not a value of the coupon `id`. */
bool policy_value_read(struct span bytes, struct span id, struct coupon *coupon, int64_t *issuer_us);

#endif
