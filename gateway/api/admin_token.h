/*
 * The bearer token that creating and changing coupons needs. Kept and compared as a keyed hash, in constant time, so
 * that neither its bytes nor its length can be measured. Pure.
 */
#ifndef COUPOND_ADMIN_TOKEN_H
#define COUPOND_ADMIN_TOKEN_H

#include <stdbool.h>

#include "gateway/http/span.h"

struct admin_token {
    bool required;
    unsigned char key[32];
    unsigned char hash[32];
};

enum admin_verdict {
    ADMIN_ALLOWED,
    ADMIN_MISSING, /* no bearer token in the request */
    ADMIN_WRONG,
};

/* An empty token means that none is needed. */
void admin_token_init(struct admin_token *admin, const char *token);
/* Judges the value of an Authorization header; `at` NULL when there is none. */
enum admin_verdict admin_token_check(const struct admin_token *admin, struct span authorization);

#endif
