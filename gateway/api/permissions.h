/*
 * Who may do what: one row per route, with the roles that may call it and for whose things. Consumed by api_read(),
 * `coupond permissions`, the contract and docs/identity.md. Pure.
 */
#ifndef COUPOND_API_PERMISSIONS_H
#define COUPOND_API_PERMISSIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "gateway/identity/principal.h"
#include "shared/telemetry/metrics_table.h"

/* What makes something a principal's own. */
enum permission_owner {
    OWNER_NONE,   /* nothing: no role is bound to what is its own */
    OWNER_USER,   /* the user_id of the request is the principal's id */
    OWNER_COUPON, /* the coupon's owner is the principal's id; who decides about the coupon compares it */
};

/* Who may call a route while identity is off. */
enum permission_off {
    OFF_ANYONE,
    OFF_KEY, /* needs gateway/admin_token, if one is set */
};

#define ROLE_ANY (ROLE_USER | ROLE_SELLER | ROLE_SERVICE | ROLE_VIEWER | ROLE_ADMIN)
#define READERS  (ROLE_VIEWER | ROLE_ADMIN)
#define SERVERS  (ROLE_SERVICE | ROLE_ADMIN)
#define NOBODY   0

/*
 * PERMISSION(route, off, owner, own, any): `any` are the roles that may call the route whatever it concerns, `own`
 * those that may if it is their own. EVERYONE(route, off) needs no identity. A route without a row does not compile.
 */
#define PERMISSION_TABLE(PERMISSION, EVERYONE)                                                                         \
    PERMISSION(ISSUE_POST, OFF_ANYONE, OWNER_USER, ROLE_USER, SERVERS)                                                 \
    PERMISSION(ISSUE_PUT, OFF_ANYONE, OWNER_USER, ROLE_USER, SERVERS)                                                  \
    PERMISSION(ISSUE_GET, OFF_ANYONE, OWNER_USER, ROLE_USER, SERVERS | READERS)                                        \
    PERMISSION(ISSUE_DELETE, OFF_KEY, OWNER_COUPON, ROLE_SELLER, SERVERS)                                              \
    PERMISSION(REDEMPTION_PUT, OFF_ANYONE, OWNER_USER, ROLE_USER, SERVERS)                                             \
    PERMISSION(REDEMPTION_DELETE, OFF_ANYONE, OWNER_NONE, NOBODY, SERVERS)                                             \
    PERMISSION(REVOCATIONS_POST, OFF_KEY, OWNER_COUPON, ROLE_SELLER, SERVERS)                                          \
    PERMISSION(REVOCATIONS_GET, OFF_KEY, OWNER_COUPON, ROLE_SELLER, SERVERS | READERS)                                 \
    PERMISSION(CODE_GET, OFF_ANYONE, OWNER_NONE, NOBODY, SERVERS | READERS)                                            \
    PERMISSION(CODE_REDEMPTION_PUT, OFF_ANYONE, OWNER_NONE, NOBODY, SERVERS)                                           \
    PERMISSION(USER_DELETE, OFF_KEY, OWNER_NONE, NOBODY, ROLE_ADMIN)                                                   \
    PERMISSION(USER_ISSUES, OFF_KEY, OWNER_USER, ROLE_USER, SERVERS | READERS)                                         \
    EVERYONE(COUPON_GET, OFF_ANYONE)                                                                                   \
    EVERYONE(COUPON_LIVE, OFF_ANYONE)                                                                                  \
    PERMISSION(COUPON_CHANGE, OFF_KEY, OWNER_COUPON, ROLE_SELLER, ROLE_ADMIN)                                          \
    PERMISSION(COUPON_HISTORY, OFF_KEY, OWNER_COUPON, ROLE_SELLER, READERS)                                            \
    PERMISSION(COUPON_ISSUES, OFF_KEY, OWNER_COUPON, ROLE_SELLER, READERS)                                             \
    PERMISSION(COUPONS_LIST, OFF_ANYONE, OWNER_COUPON, ROLE_SELLER, SERVERS | READERS)                                 \
    PERMISSION(COUPONS_CREATE, OFF_KEY, OWNER_COUPON, ROLE_SELLER, ROLE_ADMIN)                                         \
    PERMISSION(STATUS, OFF_KEY, OWNER_NONE, NOBODY, READERS)                                                           \
    PERMISSION(DEAD_LETTERS_LIST, OFF_KEY, OWNER_NONE, NOBODY, READERS)                                                \
    PERMISSION(DEAD_LETTER_RETRY, OFF_KEY, OWNER_NONE, NOBODY, ROLE_ADMIN)                                             \
    PERMISSION(VERIFICATION_POST, OFF_KEY, OWNER_NONE, NOBODY, ROLE_ADMIN)                                             \
    PERMISSION(VERIFICATION_GET, OFF_KEY, OWNER_NONE, NOBODY, READERS)                                                 \
    PERMISSION(ME, OFF_ANYONE, OWNER_NONE, NOBODY, ROLE_ANY)                                                           \
    PERMISSION(REHEARSALS_POST, OFF_KEY, OWNER_NONE, NOBODY, ROLE_ADMIN)                                               \
    PERMISSION(REHEARSAL_GET, OFF_KEY, OWNER_NONE, NOBODY, READERS)                                                    \
    EVERYONE(LIVEZ, OFF_ANYONE)                                                                                        \
    EVERYONE(READYZ, OFF_ANYONE)                                                                                       \
    EVERYONE(METRICS, OFF_ANYONE)                                                                                      \
    EVERYONE(OPENAPI, OFF_ANYONE)                                                                                      \
    EVERYONE(PAGES, OFF_ANYONE)                                                                                        \
    EVERYONE(DOCS, OFF_ANYONE)                                                                                         \
    EVERYONE(PREFLIGHT, OFF_ANYONE)                                                                                    \
    EVERYONE(NONE, OFF_ANYONE)

struct permission {
    bool everyone;
    enum permission_off off;
    enum permission_owner owner;
    unsigned own; /* enum role bits */
    unsigned any;
};

/* The row of a route; constant. */
const struct permission *permission_of(enum metric_route route);

enum permission_grant {
    GRANT_ANY,       /* whatever it concerns */
    GRANT_OWN,       /* only what is the principal's own */
    GRANT_NONE,      /* its roles do not suffice */
    GRANT_ANONYMOUS, /* nobody is known */
};

/* What these roles may do; 0: anonymous. Of several roles the most that one of them may. */
enum permission_grant permission_grant(const struct permission *permission, unsigned roles);

#define PERMISSION_TEXT_MAX 96

/* "user (own), service, admin", or "anyone". */
void permission_format(const struct permission *permission, char out[PERMISSION_TEXT_MAX]);

/* The name of a role, by the number of its bit, from 0; NULL: there is none. */
const char *role_name(unsigned bit);

#endif
