/*
 * Checks tokens: JWT in the compact form (RFC 7519, RFC 7515), as RFC 8725 advises. Heads that were read are kept,
 * since nearly all tokens of an issuer have the same. Owned by one thread; the key set is shared.
 */
#ifndef COUPOND_IDENTITY_TOKEN_H
#define COUPOND_IDENTITY_TOKEN_H

#include "gateway/identity/grant.h"
#include "gateway/identity/key_set.h"
#include "gateway/identity/verifier.h"
#include "shared/limits.h"

#define TOKEN_HEAD_BYTES_MAX 256 /* of a head that is kept, in base64url */
#define TOKEN_HEADS          4

struct token_head {
    size_t length; /* 0: the place is free */
    char text[TOKEN_HEAD_BYTES_MAX];
    int key; /* its index */
};

/* All zeros: no token was checked yet. Must be ended before it is used with another key set. */
struct token_checker {
    struct verifier verifiers[KEY_SET_KEYS_MAX];
    struct token_head heads[TOKEN_HEADS];
    unsigned next_head; /* to be replaced */
};

/* Fills `principal` and the time at which the token expires, unless it is refused: then any result but OK. `keys`
 * may be NULL, which means no key. */
enum metric_identity token_check(struct token_checker *checker, const struct key_set *keys,
                                 const struct grant_rules *rules, struct span token, int64_t now_s,
                                 struct principal *principal, int64_t *expires_at_s);
void token_checker_deinit(struct token_checker *checker);

#endif
