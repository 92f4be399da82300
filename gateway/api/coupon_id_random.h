/*
 * Ids for coupons that come without one.
 */
#ifndef COUPOND_COUPON_ID_RANDOM_H
#define COUPOND_COUPON_ID_RANDOM_H

#include "shared/limits.h"

/* 16 random letters and digits that are not taken for each other, 80 bits: nobody meets the same twice. */
void coupon_id_random(char out[COUPON_ID_MAX + 1]);

#endif
