/*
 * The coupon requests of a turn: creating, changing, reading, listing. Pure, but for the journal's batch. Owned by the
 * partition's thread.
 */
#ifndef COUPOND_TURN_COUPONS_H
#define COUPOND_TURN_COUPONS_H

#include <stddef.h>
#include <stdint.h>

#include "issuer/turn/context.h"
#include "shared/wire/frame.h"

/* The most bytes of replies to the request. */
size_t turn_coupon_bytes_max(const struct frame_coupon_request *request);
/* Decides the request, unless it is late, and writes its replies to `out`, which has room for them. Returns their bytes
 * and their number. */
size_t turn_coupon_answer(struct turn_context *context, const struct frame_coupon_request *request, bool late,
                          unsigned char *out, uint32_t *count);

#endif
