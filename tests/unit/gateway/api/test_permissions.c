/* The table of permissions: every route, every role, own and foreign, against expectations that are written by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/api/permissions.h"
#include "gateway/api/routes.h"

/* --- helpers --- */

/* What user, seller, service, viewer and admin may, one letter each: '+' anything, 'o' what is their own, '-' nothing;
 * "anyone" needs no identity. */
static const struct expectation {
    const char *route;
    const char *who;
    bool key; /* needs the admin token while identity is off */
} expectations[] = {
    {"POST /v1/coupons", "-o--+", true},
    {"GET /v1/coupons", "-o+++", false},
    {"GET /v1/coupons/{id}", "anyone", false},
    {"PATCH /v1/coupons/{id}", "-o--+", true},
    {"POST /v1/coupons/{id}/issues", "o-+-+", false},
    {"GET /v1/coupons/{id}/issues", "-o-++", true},
    {"PUT /v1/coupons/{id}/issues/{user_id}", "o-+-+", false},
    {"PUT /v1/coupons/{id}/issues/{user_id}/{nth}", "o-+-+", false},
    {"GET /v1/coupons/{id}/issues/{user_id}", "o-+++", false},
    {"DELETE /v1/coupons/{id}/issues/{user_id}", "-o+-+", true},
    {"PUT /v1/coupons/{id}/issues/{user_id}/redemption", "o-+-+", false},
    {"DELETE /v1/coupons/{id}/issues/{user_id}/redemption", "--+-+", false},
    {"POST /v1/coupons/{id}/revocations", "-o+-+", true},
    {"GET /v1/coupons/{id}/revocations", "-o+++", true},
    {"GET /v1/codes/{code}", "--+++", false},
    {"PUT /v1/codes/{code}/redemption", "--+-+", false},
    {"DELETE /v1/users/{user_id}", "----+", true},
    {"GET /v1/users/{user_id}/issues", "o-+++", true},
    {"GET /v1/dead-letters", "---++", true},
    {"POST /v1/dead-letters/{letter}/retry", "----+", true},
    {"GET /v1/coupons/{id}/history", "-o-++", true},
    {"GET /v1/coupons/{id}/live", "anyone", false},
    {"GET /v1/status", "---++", true},
    {"GET /v1/verification", "---++", true},
    {"POST /v1/verification", "----+", true},
    {"POST /v1/rehearsals", "----+", true},
    {"GET /v1/rehearsals/latest", "---++", true},
    {"GET /v1/me", "+++++", false},
    {"GET /livez", "anyone", false},
    {"GET /readyz", "anyone", false},
    {"GET /metrics", "anyone", false},
    {"GET /openapi.json", "anyone", false},
    {"GET /docs", "anyone", false},
    {"GET /docs/{file}", "anyone", false},
    {"GET /events/{event}", "anyone", false},
    {"GET /pages/{folder}/{file}", "anyone", false},
    {"GET /admin", "anyone", false},
    {"GET /", "anyone", false},
};
enum { EXPECTATIONS = sizeof expectations / sizeof expectations[0], ROLES = 5 };

static void name_route(const struct route *route, char out[128])
{
    static const char *const methods[METHOD_COUNT] = {"-", "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"};
    snprintf(out, 128, "%s %s", methods[route->method], route->pattern);
}

static const struct expectation *expected_of(const struct route *route)
{
    char name[128];
    name_route(route, name);
    for (size_t i = 0; i < EXPECTATIONS; i++)
        if (strcmp(expectations[i].route, name) == 0)
            return &expectations[i];
    fail_msg("nobody has written down who may call %s", name);
    return NULL;
}

static char letter_of(enum permission_grant grant)
{
    return grant == GRANT_ANY ? '+' : grant == GRANT_OWN ? 'o' : '-';
}

/* --- tests --- */

static void every_route_permits_each_role_what_is_written_down(void **state)
{
    const struct route *route;
    size_t count = 0;
    (void)state;
    for (; (route = api_route_at(count)) != NULL; count++) {
        const struct expectation *expected = expected_of(route);
        const struct permission *permission = permission_of(route->metric);
        bool anyone = strcmp(expected->who, "anyone") == 0;
        char told[ROLES + 1] = "";
        for (unsigned bit = 0; bit < ROLES; bit++)
            told[bit] = letter_of(permission_grant(permission, 1u << bit));
        assert_string_equal(told, anyone ? "+++++" : expected->who);
        assert_int_equal(permission_grant(permission, 0), anyone ? GRANT_ANY : GRANT_ANONYMOUS);
        assert_int_equal(permission->off == OFF_KEY, expected->key);
    }
    assert_int_equal(count, EXPECTATIONS);
}

static void a_principal_with_several_roles_may_what_one_of_them_may(void **state)
{
    const struct route *route;
    (void)state;
    for (size_t i = 0; (route = api_route_at(i)) != NULL; i++) {
        const struct permission *permission = permission_of(route->metric);
        for (unsigned roles = 1; roles <= ROLE_ANY; roles++) {
            enum permission_grant best = GRANT_NONE;
            for (unsigned bit = 0; bit < ROLES; bit++) {
                enum permission_grant grant = permission_grant(permission, roles & 1u << bit);
                best = (roles & 1u << bit) != 0 && grant < best ? grant : best;
            }
            assert_int_equal(permission_grant(permission, roles), best);
        }
    }
}

static void what_is_own_has_a_meaning_where_a_role_is_bound_to_it(void **state)
{
    const struct route *route;
    (void)state;
    for (size_t i = 0; (route = api_route_at(i)) != NULL; i++) {
        const struct permission *permission = permission_of(route->metric);
        assert_int_equal(permission->own != 0, permission->owner != OWNER_NONE);
        assert_int_equal(permission->own & permission->any, 0);
        assert_true((permission->own & ROLE_USER) == 0 || permission->owner == OWNER_USER);
        assert_true((permission->own & ROLE_SELLER) == 0 || permission->owner == OWNER_COUPON);
    }
}

static void the_words_of_a_permission_name_its_roles(void **state)
{
    char text[PERMISSION_TEXT_MAX];
    (void)state;
    permission_format(permission_of(METRIC_ROUTE_ISSUE_GET), text);
    assert_string_equal(text, "user (own), service, viewer, admin");
    permission_format(permission_of(METRIC_ROUTE_LIVEZ), text);
    assert_string_equal(text, "anyone");
    permission_format(&(struct permission){.own = ROLE_USER | ROLE_SELLER | ROLE_SERVICE | ROLE_VIEWER | ROLE_ADMIN},
                      text);
    assert_string_equal(text, "user (own), seller (own), service (own), viewer (own), admin (own)");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_route_permits_each_role_what_is_written_down),
        cmocka_unit_test(a_principal_with_several_roles_may_what_one_of_them_may),
        cmocka_unit_test(what_is_own_has_a_meaning_where_a_role_is_bound_to_it),
        cmocka_unit_test(the_words_of_a_permission_name_its_roles),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
