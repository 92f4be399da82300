/*
 * Generates ids for coupons that are created without one.
 */
#ifndef COUPOND_COUPON_ID_RANDOM_H
#define COUPOND_COUPON_ID_RANDOM_H

#include "shared/limits.h"

/* 16 random letters and digits without look-alikes: 80 bits, so collisions do not occur in practice. */
void coupon_id_random(char out[COUPON_ID_MAX + 1]);

#endif
