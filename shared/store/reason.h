/*
 * How the reason of a dead letter names users, so that they can be found and hidden when they are erased. Pure.
 */
#ifndef COUPOND_STORE_REASON_H
#define COUPOND_STORE_REASON_H

#include <stddef.h>

#include "shared/coupon.h"

/* A user in a reason, for printf: length and id. No id contains a space or a comma. */
#define STORE_REASON_USER     "to user %.*s,"
#define STORE_REASON_USER_MAX (USER_ID_MAX + 16)

/* Writes the text by which a reason names the user; returns its length. */
size_t store_reason_user(const char *user_id, size_t length, char out[STORE_REASON_USER_MAX]);

/* The user of the stored issue that a reason names after the letter's own issue; borrowed, with its length. NULL when
 * there is none. */
const char *store_reason_other_user(const char *reason, size_t *length);

#endif
