/*
 * JSON bodies of the API. What is wrong is told member by member in `errors`; false then. Pure.
 */
#ifndef COUPOND_API_JSON_H
#define COUPOND_API_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include "gateway/reply/api_errors.h"
#include "shared/coupon.h"

/*
 * {"user_id": "…"}, or an integer, whose digits are the id. The usual body is read without a tree and `user_id` borrows
 * it; anything else goes through jansson and is copied to `copy`, which has room for USER_ID_MAX bytes. The alphabet is
 * not checked here.
 */
bool api_json_read_issue(struct span body, struct span *user_id, char *copy, struct api_errors *errors);

#define USER_ID_RULE "must be a string of 1 to 64 of A-Z a-z 0-9 - _ . : @, or an integer of 0 to 9223372036854775807"

/* The body of a PUT of this user's issue, which may be left out: {} or {"user_id": …} with the same id. */
bool api_json_read_ensure(struct span body, struct span user_id, struct api_errors *errors);

/* {id?, title, quantity, per_user_limit?, starts_at?, ends_at?}; a missing id stays empty. */
bool api_json_read_create(struct span body, struct coupon *coupon, struct api_errors *errors);

/* {title?, quantity?, starts_at?, ends_at?, paused?}, at least one; `fields` gets the enum coupon_field bits. */
bool api_json_read_change(struct span body, struct coupon *coupon, uint8_t *fields, struct api_errors *errors);

#endif
