#include "gateway/api/permissions.h"

#include <string.h>

static const struct permission rows[METRIC_ROUTE_COUNT] = {
#define PERMISSION(route, off_row, owner_row, own_roles, any_roles)                                                    \
    [METRIC_ROUTE_##route] = {.off = off_row, .owner = owner_row, .own = own_roles, .any = any_roles},
#define EVERYONE(route, off_row) [METRIC_ROUTE_##route] = {.everyone = true, .off = off_row},
    PERMISSION_TABLE(PERMISSION, EVERYONE)
#undef PERMISSION
#undef EVERYONE
};

const struct permission *permission_of(enum metric_route route)
{
    switch (route) { /* the compiler names a route without a row, and one with two */
#define PERMISSION(route, ...) case METRIC_ROUTE_##route:
#define EVERYONE(route, ...)   case METRIC_ROUTE_##route:
        PERMISSION_TABLE(PERMISSION, EVERYONE)
#undef PERMISSION
#undef EVERYONE
    case METRIC_ROUTE_COUNT:
        break;
    }
    return &rows[route];
}

enum permission_grant permission_grant(const struct permission *permission, unsigned roles)
{
    if (permission->everyone || (roles & permission->any) != 0)
        return GRANT_ANY;
    if ((roles & permission->own) != 0)
        return GRANT_OWN;
    return roles == 0 ? GRANT_ANONYMOUS : GRANT_NONE;
}

const char *role_name(unsigned bit)
{
    static const char *const names[] = {"user", "seller", "service", "viewer", "admin"};
    _Static_assert(ROLE_ANY == (1u << sizeof names / sizeof names[0]) - 1, "each role has a name");
    return bit < sizeof names / sizeof names[0] ? names[bit] : NULL;
}

void permission_format(const struct permission *permission, char out[PERMISSION_TEXT_MAX])
{
    char *at = stpcpy(out, permission->everyone ? "anyone" : "");
    for (unsigned bit = 0; role_name(bit) != NULL && !permission->everyone; bit++) {
        unsigned role = 1u << bit;
        if (((permission->any | permission->own) & role) == 0)
            continue;
        at = stpcpy(stpcpy(at, at > out ? ", " : ""), role_name(bit));
        at = stpcpy(at, (permission->any & role) != 0 ? "" : " (own)");
    }
}
