/*
 * The bearer token that is required to create and change coupons and to list issues. Stored and compared as a keyed
 * hash, in constant time, so that timing reveals neither its bytes nor its length. Pure.
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

/* An empty token turns the check off. */
void admin_token_init(struct admin_token *admin, const char *token);
/* Checks the value of an Authorization header; `at` is NULL when the header is missing. */
enum admin_verdict admin_token_check(const struct admin_token *admin, struct span authorization);

#endif
