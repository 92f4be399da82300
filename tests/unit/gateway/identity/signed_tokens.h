/* Tokens and JWK sets for tests: any header and payload, signed with keys that the test creates. */
#ifndef COUPOND_TEST_SIGNED_TOKENS_H
#define COUPOND_TEST_SIGNED_TOKENS_H

#include "coupond/token/signing_key.h"
#include "gateway/identity/key_set.h"

/* A key per algorithm, whose kid is the algorithm's name. */
extern struct signing_key *signing_keys[KEY_ALGORITHM_COUNT];

/* A fixture's set-up and tear-down: creates and destroys them. */
int signed_tokens_set_up(void **state);
int signed_tokens_tear_down(void **state);

/* A JWK set of these keys, as text in a static buffer. The list ends with NULL. */
const char *jwk_set_of(const struct signing_key *const *keys, bool with_private);
/* The set of all four keys, which the caller destroys. */
struct key_set *key_set_of_all(void);

/* "head.payload.signature" in a static buffer, from JSON, which may contain any bytes. */
const char *token_of(const struct signing_key *key, const char *head, const char *payload);
const char *token_of_bytes(const struct signing_key *key, struct span head, struct span payload);
/* The token with this header: alg and kid of the key, typ JWT. */
const char *usual_token(const struct signing_key *key, const char *payload);

#endif
