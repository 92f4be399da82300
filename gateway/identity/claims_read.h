/*
 * Reads claims. The usual form is read without jansson, which takes most of the time of an HS256 token; any other form
 * goes through jansson, with the same result. Pure.
 */
#ifndef COUPOND_CLAIMS_READ_H
#define COUPOND_CLAIMS_READ_H

#include "gateway/identity/claims_any.h"

/* The caller ends successful reading with claims_deinit(), before `json` goes away. */
enum claims_fault claims_read(struct claims *claims, struct span json, const struct claim_members *members);

#endif
