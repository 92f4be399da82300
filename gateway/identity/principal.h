/*
 * Who a request comes from, once its credentials are verified. Pure values.
 */
#ifndef COUPOND_PRINCIPAL_H
#define COUPOND_PRINCIPAL_H

#include <stdint.h>
#include <string.h>

#include "shared/limits.h"

/* A principal may have several. */
enum role {
    ROLE_USER = 1 << 0,    /* acts for itself: asks for coupons, looks at and redeems what it has */
    ROLE_SELLER = 1 << 1,  /* creates coupons, and manages those that it owns */
    ROLE_SERVICE = 1 << 2, /* issues, redeems and revokes for anyone */
    ROLE_VIEWER = 1 << 3,  /* reads everything */
    ROLE_ADMIN = 1 << 4,   /* everything */
};

#define PRINCIPAL_SEGMENTS_BYTES_MAX 512
#define PRINCIPAL_ADMIN_ID           "key:admin" /* of gateway/admin_token */

/* Bytes behind the lengths are undefined. */
struct principal {
    uint8_t roles;            /* enum role bits; 0: anonymous */
    uint8_t id_length;        /* 0: anonymous */
    uint16_t segments_length; /* bytes of `segments` in use */
    char id[ACTOR_MAX];       /* a valid user id: a token's subject, or "key:NAME" for an API key; also the actor */
    /* the names of the segments that the principal is in, each preceded by its length in one byte */
    char segments[PRINCIPAL_SEGMENTS_BYTES_MAX];
};

/* No credentials. */
static inline void principal_clear(struct principal *principal)
{
    principal->roles = 0;
    principal->id_length = 0;
    principal->segments_length = 0;
}

/* `id` is valid. */
static inline void principal_set(struct principal *principal, const char *id, size_t length, uint8_t roles)
{
    principal->roles = roles;
    principal->id_length = (uint8_t)length;
    principal->segments_length = 0;
    memcpy(principal->id, id, length);
}

#endif
