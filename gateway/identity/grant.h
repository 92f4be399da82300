/*
 * Judges the claims of a token whose signature is valid: is it for this server, now, and whom does it name? Pure.
 */
#ifndef COUPOND_IDENTITY_GRANT_H
#define COUPOND_IDENTITY_GRANT_H

#include "gateway/identity/claims.h"
#include "gateway/identity/principal.h"
#include "gateway/identity/reason.h"

struct grant_rules {
    struct span issuer;   /* empty: any */
    struct span audience; /* empty: any */
    int64_t leeway_s;     /* by which clocks may differ */
    struct claim_members members;
};

/* Fills `principal` and the time at which the token expires, unless it is refused: then any result but OK. */
enum metric_identity grant_judge(const struct claims *claims, const struct grant_rules *rules, int64_t now_s,
                                 struct principal *principal, int64_t *expires_at_s);

/* The bit of a role's name; 0 for other names. */
uint8_t grant_role_find(struct span name);

#endif
