/*
 * Reads claims by jansson, in any form. Pure.
 */
#ifndef COUPOND_CLAIMS_ANY_H
#define COUPOND_CLAIMS_ANY_H

#include "gateway/identity/claims.h"

enum claims_fault {
    CLAIMS_READ,
    CLAIMS_MALFORMED, /* no JSON object */
    CLAIMS_DUPLICATE, /* a member twice, at any depth */
};

/* The caller ends successful reading with claims_deinit(). */
enum claims_fault claims_read_any(struct claims *claims, struct span json, const struct claim_members *members);
void claims_deinit(struct claims *claims);

#endif
