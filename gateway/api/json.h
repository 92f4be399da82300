/*
 * Parses the API's JSON bodies. On failure a function returns false and lists each faulty member in `errors`. Pure.
 */
#ifndef COUPOND_API_JSON_H
#define COUPOND_API_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include "gateway/reply/api_errors.h"
#include "shared/coupon.h"

/*
 * {"user_id": "…"}, or an integer, whose digits become the id. The usual form is parsed without jansson, and `user_id`
 * borrows from the body; any other form goes through jansson, and the id is copied to `copy`, which has room for
 * USER_ID_MAX bytes. Does not check the id's characters.
 */
bool api_json_read_issue(struct span body, struct span *user_id, char *copy, struct api_errors *errors);

#define USER_ID_RULE "must be a string of 1 to 64 of A-Z a-z 0-9 - _ . : @, or an integer of 0 to 9223372036854775807"

/* The optional body of a PUT of this user's issue: {} or {"user_id": …} with the same id. */
bool api_json_read_ensure(struct span body, struct span user_id, struct api_errors *errors);

/* {id?, title, quantity, per_user_limit?, starts_at?, ends_at?}; a missing id stays empty. */
bool api_json_read_create(struct span body, struct coupon *coupon, struct api_errors *errors);

/* {title?, quantity?, starts_at?, ends_at?, paused?}, at least one of them; `fields` receives the enum coupon_field
 * bits. */
bool api_json_read_change(struct span body, struct coupon *coupon, uint8_t *fields, struct api_errors *errors);

#endif
