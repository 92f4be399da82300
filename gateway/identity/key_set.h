/*
 * A JWK set (RFC 7517): keys by kid. Does not change after it was read, so that threads share it. Pure.
 */
#ifndef COUPOND_IDENTITY_KEY_SET_H
#define COUPOND_IDENTITY_KEY_SET_H

#include <stdbool.h>

#include "gateway/identity/key.h"

#define KEY_SET_BYTES_MAX 262144
#define KEY_SET_KEYS_MAX  64 /* usable or not */

enum key_set_origin {
    KEY_SET_FILE,
    KEY_SET_URL, /* what is published must have no symmetric keys */
};

struct key_set;

/* NULL and `error` when the text is no JWK set, a key that could verify tokens is malformed or weak, two keys have one
 * kid, or none can verify tokens. Keys for other purposes are skipped (RFC 7517 §5). */
struct key_set *key_set_parse(struct span text, enum key_set_origin origin, struct error *error);
void key_set_destroy(struct key_set **set);

unsigned key_set_count(const struct key_set *set);
const struct key *key_set_at(const struct key_set *set, unsigned index);
#define KEY_SET_NONE    (-1)
#define KEY_SET_SEVERAL (-2)

/* The index of the key with this kid, or KEY_SET_NONE. */
int key_set_find(const struct key_set *set, struct span id);
/* The index of the only key of this algorithm, KEY_SET_NONE or KEY_SET_SEVERAL. */
int key_set_find_only(const struct key_set *set, enum key_algorithm algorithm);

#endif
