/*
 * The Idempotency-Key of a POST. Pure.
 */
#ifndef COUPOND_IDEMPOTENCY_KEY_H
#define COUPOND_IDEMPOTENCY_KEY_H

#include <stdbool.h>
#include <stdint.h>

#include "gateway/http/span.h"

#define IDEMPOTENCY_KEY_MAX  255
#define IDEMPOTENCY_KEY_RULE "must be given once, with 1 to 255 ASCII characters from space to ~"

/* Sets *hash to 64 bits of the key's hash, never 0: they tell apart the eight keys that a coupon remembers of a user.
 * False for an invalid key: other bytes of a field's value may change on the way. */
bool idempotency_key_read(struct span key, uint64_t *hash);

#endif
