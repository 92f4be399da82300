/*
 * A private key that signs tokens: created, read from a JWK, and written as one. Pure, except for random numbers.
 */
#ifndef COUPOND_TOKEN_SIGNING_KEY_H
#define COUPOND_TOKEN_SIGNING_KEY_H

#include <jansson.h>
#include <stdbool.h>

#include "gateway/identity/key.h"

#define SIGNATURE_BYTES_MAX (KEY_RSA_MAX / 8)

struct signing_key;

/* A new key of KEY_RSA_MIN bits, or of 32 bytes. `id` is its kid, 1 to KEY_ID_MAX bytes. */
struct signing_key *signing_key_create(enum key_algorithm algorithm, const char *id);
/* NULL and `error` when the JWK has no private part, or is of no algorithm that tokens use. */
struct signing_key *signing_key_read(const json_t *jwk, struct error *error);
void signing_key_destroy(struct signing_key **key);

enum key_algorithm signing_key_algorithm(const struct signing_key *key);
const char *signing_key_id(const struct signing_key *key);
/* The JWK, which the caller releases with json_decref(). The public part of an HS256 key is NULL. */
json_t *signing_key_write(const struct signing_key *key, bool with_private);
/* Returns the length of the signature. */
size_t signing_key_sign(const struct signing_key *key, struct span message,
                        unsigned char signature[SIGNATURE_BYTES_MAX]);

#endif
