/*
 * Parses the JSON bodies that create and change coupons. On failure a function returns false and lists each faulty
 * member in `errors`. Pure.
 */
#ifndef COUPOND_API_COUPON_JSON_H
#define COUPOND_API_COUPON_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include "gateway/reply/api_errors.h"
#include "shared/coupon.h"

/* {id?, title, description?, quantity, per_user_limit?, starts_at?, ends_at?, redeem_until? | redeem_within_s?,
 * benefit?, metadata?, owner?, segments?, paused?}; a missing id stays empty. */
bool coupon_json_read_create(struct span body, struct coupon *coupon, struct api_errors *errors);

/* At least one of the same members without id, and archived; `fields` receives the enum coupon_field bits. */
bool coupon_json_read_change(struct span body, struct coupon *coupon, uint16_t *fields, struct api_errors *errors);

#endif
