/*
 * The JSON body that asks for a rehearsal: {"coupon_id", "users"?, "connections"?, "quantity"?}. Pure.
 */
#ifndef COUPOND_REHEARSAL_JSON_H
#define COUPOND_REHEARSAL_JSON_H

#include "gateway/http/span.h"
#include "gateway/rehearsal/rehearsal.h"
#include "gateway/reply/api_errors.h"

#define REHEARSAL_USERS_DEFAULT 10000

/* On failure returns false and lists each faulty member in `errors`. */
bool rehearsal_json_read(struct span body, struct rehearsal_request *request, struct api_errors *errors);

#endif
