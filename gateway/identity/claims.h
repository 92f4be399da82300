/*
 * The claims of a token, before anything is judged: values of the few members that count. Pure values.
 */
#ifndef COUPOND_IDENTITY_CLAIMS_H
#define COUPOND_IDENTITY_CLAIMS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "gateway/http/span.h"

enum claim_name {
    CLAIM_EXPIRES,
    CLAIM_NOT_BEFORE,
    CLAIM_ISSUED_AT,
    CLAIM_ISSUER,
    CLAIM_AUDIENCE,
    CLAIM_USER,
    CLAIM_ROLES,
    CLAIM_SEGMENTS,
    CLAIM_NAMES
};

enum claim_kind {
    CLAIM_ABSENT,
    CLAIM_TEXT,
    CLAIM_INTEGER,
    CLAIM_LIST,  /* of texts only */
    CLAIM_OTHER, /* anything else, null included, and lists of too many texts */
};

struct claim {
    enum claim_kind kind;
    unsigned first; /* CLAIM_LIST: the index of its first text */
    unsigned count;
    int64_t integer;
    struct span text;
};

#define CLAIM_LIST_TEXTS_MAX 1024 /* of all lists together: more than a token has room for (token.c) */

struct claims {
    struct claim values[CLAIM_NAMES];
    unsigned texts_count;
    struct span texts[CLAIM_LIST_TEXTS_MAX];
    json_t *root; /* owns the texts; NULL: they lie in the JSON itself */
};

/* The members that hold the claims; several claims may share one. */
struct claim_members {
    struct span names[CLAIM_NAMES]; /* each followed by a NUL */
};

/* The registered names (RFC 7519 §4.1), and the configurable ones, which end with a NUL and are borrowed. */
static inline struct claim_members claim_members_of(const char *user, const char *roles, const char *segments)
{
    return (struct claim_members){{
        [CLAIM_EXPIRES] = SPAN_LITERAL("exp"),
        [CLAIM_NOT_BEFORE] = SPAN_LITERAL("nbf"),
        [CLAIM_ISSUED_AT] = SPAN_LITERAL("iat"),
        [CLAIM_ISSUER] = SPAN_LITERAL("iss"),
        [CLAIM_AUDIENCE] = SPAN_LITERAL("aud"),
        [CLAIM_USER] = {user, strlen(user)},
        [CLAIM_ROLES] = {roles, strlen(roles)},
        [CLAIM_SEGMENTS] = {segments, strlen(segments)},
    }};
}

/* No claim yet. */
static inline void claims_clear(struct claims *claims)
{
    for (unsigned i = 0; i < CLAIM_NAMES; i++)
        claims->values[i] = (struct claim){.kind = CLAIM_ABSENT};
    claims->texts_count = 0;
    claims->root = NULL;
}

#endif
