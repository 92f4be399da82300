/*
 * The client's address behind trusted proxies, from X-Forwarded-For or Forwarded (RFC 7239). Pure; hostile input.
 *
 * A proxy appends the address of its client, so the fields are read from the right: each hop that is itself trusted
 * vouches for the one before it, and the first that is not is the client. What lies further left was written by the
 * client and is never looked at.
 */
#ifndef COUPOND_FORWARDED_H
#define COUPOND_FORWARDED_H

#include "gateway/http/span.h"
#include "shared/net_address.h"

#define FORWARDED_LINES_MAX 16 /* field lines that are read, from the last */
#define FORWARDED_HOPS_MAX  16 /* trusted hops that are followed */

enum forwarded_field {
    FORWARDED_X_FORWARDED_FOR,
    FORWARDED_FORWARDED,
};

/* `peer` is the connection's own address, `head` the request line and fields of a valid request. A hop without a
 * readable address (malformed, unknown, hidden) ends the walk: the result is the trusted hop that reported it. */
struct net_address forwarded_client(const struct net_ranges *trusted, enum forwarded_field field,
                                    struct net_address peer, struct span head);

#endif
