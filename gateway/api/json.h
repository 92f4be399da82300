/*
 * Parses the API's JSON bodies. On failure a function returns false and lists each faulty member in `errors`. Pure.
 */
#ifndef COUPOND_API_JSON_H
#define COUPOND_API_JSON_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "gateway/reply/api_errors.h"
#include "shared/coupon.h"
#include "shared/wire/frame.h"

/*
 * {"user_id": "…"}, or an integer, whose digits become the id. The usual form is parsed without jansson, and `user_id`
 * borrows from the body; any other form goes through jansson, and the id is copied to `copy`, which has room for
 * USER_ID_MAX bytes. Does not check the id's characters. A body without it, or none, leaves `user_id` as it is if that
 * names a user.
 */
bool api_json_read_issue(struct span body, struct span *user_id, char *copy, struct api_errors *errors);

#define USER_ID_RULE "must be a string of 1 to 64 of A-Z a-z 0-9 - _ . : @, or an integer of 0 to 9223372036854775807"

/* The optional body of a PUT of this user's issue: {} or {"user_id": …} with the same id. */
bool api_json_read_ensure(struct span body, struct span user_id, struct api_errors *errors);

#define REFERENCE_RULE "must be 1 to 64 visible ASCII characters"
#define SEQUENCE_RULE  "must be an integer from 1 to 4294967295"

/* {"reference": "…", "sequence"?: …}: the body of a redemption. The reference is copied to `copy`. */
bool api_json_read_redemption(struct span body, struct span *reference, char copy[REFERENCE_MAX], uint32_t *sequence,
                              struct api_errors *errors);

#define REASON_RULE "must be a UTF-8 string of up to 200 bytes without control characters"

/* What a revocation is asked for. */
struct api_revocation {
    char reason[REASON_MAX];
    size_t reason_length;
    uint8_t flags; /* enum change_flag */
};

/* {"reason"?, "restock"?, "again"?}: the body of a revocation of all issues; it may be empty. */
bool api_json_read_revocation(struct span body, struct api_revocation *revocation, struct api_errors *errors);

/* Parses the body as an object, which the caller releases with json_decref(); NULL when it is not one. */
json_t *api_json_load(struct span body, struct api_errors *errors);

#endif
