/* `coupond permissions`: prints who may call which route (gateway/api/permissions.h). */
#include <stdio.h>
#include <stdlib.h>

#include "coupond/arguments.h"
#include "coupond/commands.h"
#include "coupond/role.h"
#include "gateway/api/permissions.h"
#include "gateway/api/routes.h"

static const struct help_option permissions_options[] = {HELP_JSON, HELP_HELP, HELP_END};

const struct help help_permissions = {
    .name = "permissions",
    .summary = "prints which roles may call which route",
    .about = "Prints the table by which gateways decide who may do what. A role with (own) may call the route only for "
             "what is its own: its user id, or coupons that it owns. \"admin token\" marks routes that need "
             "gateway/admin_token, if it is set, while identity is off.",
    .options = permissions_options,
};

static const char *method_name(enum method method)
{
    static const char *const names[METHOD_COUNT] = {"-", "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"};
    return names[method];
}

static const char *own_name(const struct permission *permission)
{
    static const char *const names[] = {[OWNER_NONE] = "", [OWNER_USER] = "user_id", [OWNER_COUPON] = "coupon.owner"};
    return names[permission->owner];
}

/* --- table --- */

static void print_row(const struct route *route)
{
    const struct permission *permission = permission_of(route->metric);
    char who[PERMISSION_TEXT_MAX];
    permission_format(permission, who);
    printf("%-7s %-50s %-45s %-12s %s\n", method_name(route->method), route->pattern, who, own_name(permission),
           permission->off == OFF_KEY ? "admin token" : "anyone");
}

static void print_table(void)
{
    const struct route *route;
    printf("%-7s %-50s %-45s %-12s %s\n", "method", "path", "with identity", "own means", "without");
    for (size_t i = 0; (route = api_route_at(i)) != NULL; i++)
        print_row(route);
}

/* --- JSON --- */

static void print_roles(const struct permission *permission, bool own)
{
    const char *before = "";
    printf("\"%s\":[", own ? "own" : "any");
    for (unsigned bit = 0; role_name(bit) != NULL; bit++) {
        if (((own ? permission->own : permission->any) & 1u << bit) == 0)
            continue;
        printf("%s\"%s\"", before, role_name(bit));
        before = ",";
    }
    printf("]");
}

static void print_object(const struct route *route)
{
    const struct permission *permission = permission_of(route->metric);
    const char *own = own_name(permission);
    printf("{\"method\":\"%s\",\"path\":\"%s\",\"anyone\":%s,", method_name(route->method), route->pattern,
           permission->everyone ? "true" : "false");
    print_roles(permission, false);
    printf(",");
    print_roles(permission, true);
    printf(",\"own_means\":%s%s%s,\"without_identity\":\"%s\"}", own[0] != '\0' ? "\"" : "null", own,
           own[0] != '\0' ? "\"" : "", permission->off == OFF_KEY ? "admin_token" : "anyone");
}

static void print_json(void)
{
    const struct route *route;
    printf("{\"permissions\":[");
    for (size_t i = 0; (route = api_route_at(i)) != NULL; i++) {
        printf("%s\n", i > 0 ? "," : "");
        print_object(route);
    }
    printf("\n]}\n");
}

int cmd_permissions(int argc, char **argv)
{
    struct arguments arguments;
    struct error error = {""};
    bool json = false;
    const struct argument own[] = {{"--json", NULL, &json, NULL}, {NULL, NULL, NULL, NULL}};
    if (arguments_parse(&arguments, argc, argv, own, 0, &error) != 0)
        return role_fail("permissions", &error, EXIT_USAGE);
    if (arguments.help)
        help_print(stdout, &help_permissions);
    else if (json)
        print_json();
    else
        print_table();
    return EXIT_SUCCESS;
}
