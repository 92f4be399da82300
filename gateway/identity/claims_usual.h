/*
 * Reads claims in their usual form: an object of texts, integers, lists of texts, true, false and null, in printable
 * ASCII without escapes. Allocates nothing. Pure.
 */
#ifndef COUPOND_IDENTITY_CLAIMS_USUAL_H
#define COUPOND_IDENTITY_CLAIMS_USUAL_H

#include "gateway/identity/claims.h"

/* `claims` are clear. False for any other form, valid or not; they are undefined then. */
bool claims_read_usual(struct claims *claims, struct span json, const struct claim_members *members);

#endif
