/*
 * A coupon's policy as the JSON object in coupon_history, with the members of the HTTP API. Pure.
 */
#ifndef COUPOND_STORE_POLICY_JSON_H
#define COUPOND_STORE_POLICY_JSON_H

#include "shared/store/rows.h"
#include "shared/store/sql_text.h"

/* Replaces the content of `out`, which is not terminated. */
void store_policy_json(struct sql_text *out, const struct store_coupon *coupon);

#endif
