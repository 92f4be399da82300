/* A checker of tokens whose key set has the keys of signed_tokens.h, at a fixed time. */
#ifndef COUPOND_TEST_TOKEN_FIXTURE_H
#define COUPOND_TEST_TOKEN_FIXTURE_H

#include "gateway/identity/token.h"
#include "tests/unit/gateway/identity/signed_tokens.h"

#define NOW INT64_C(1800000000)
#define EXP "\"exp\":1800000600"
#define HS  signing_keys[KEY_HS256]

extern struct key_set *keys;
extern struct token_checker *checker;
extern struct grant_rules rules;
/* What the last check has filled. */
extern struct principal principal;
extern int64_t expires_at_s;

int token_fixture_set_up(void **state);
int token_fixture_tear_down(void **state);

/* The name of the result. */
const char *check_bytes(struct span token);
const char *check(const char *token);
/* Of the usual HS256 token with these claims. */
const char *check_claims(const char *payload);
/* The id of the principal. */
void assert_id(const char *id);

#endif
