/*
 * Where a member listens. Pure.
 */
#ifndef COUPOND_MEMBER_ENDPOINT_H
#define COUPOND_MEMBER_ENDPOINT_H

#include "shared/options/options.h"

/* `base`, one of issuer/requests, issuer/events and issuer/acks, with the port of this member, in `room`; `base` itself
 * when the issuer has no members. The options are complete. */
const char *member_endpoint(const struct options *options, const char *base, char room[OPTION_STRING_MAX]);

#endif
