/* Cross-origin requests: lists of origins, preflights, and the header lines of other answers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/api/cors.h"
#include "shared/web_origin.h"
#include "tests/unit/gateway/gateway_ask.h"

/* --- fixture --- */

static struct buffer out;
static struct reply_clock now;
static struct cors *cors;

static int tear_down(void **state)
{
    (void)state;
    buffer_deinit(&out);
    cors_destroy(&cors);
    return 0;
}

/* --- helpers --- */

static const char *fault_of(const char *list)
{
    const char *at = NULL;
    size_t length = 0;
    return web_origins_fault(list, &at, &length);
}

static void use(const char *origins)
{
    cors_destroy(&cors);
    assert_null(fault_of(origins));
    cors = cors_create(origins);
}

static const char *fields_for(const char *origin)
{
    return cors_fields(cors, (struct span){origin, strlen(origin)});
}

static struct api_call *preflight(const char *path, const char *origin)
{
    struct api_rules rules = {.metrics = false, .cors = cors};
    char line[128];
    char fields[256];
    snprintf(line, sizeof line, "OPTIONS %s", path);
    snprintf(fields, sizeof fields, "Origin: %s\r\nAccess-Control-Request-Method: POST\r\n", origin);
    return ask_with(&rules, line, fields, "");
}

static const char *text(void)
{
    buffer_append(&out, "", 1);
    out.length--;
    return out.data;
}

/* --- tests --- */

static void origins_as_browsers_send_them_are_taken(void **state)
{
    static const char *const right[] = {
        "",
        "*",
        " * ",
        "https://shop.example",
        "https://shop.example,http://localhost:3000",
        "http://127.0.0.1:8080 , http://[::1]:8080",
        "capacitor://localhost",
        "https://xn--9t4b11yi5a.kr:8443",
        "http://a:443,https://a:80",
    };
    (void)state;
    for (size_t i = 0; i < sizeof right / sizeof right[0]; i++)
        if (fault_of(right[i]) != NULL)
            fail_msg("%s: must %s", right[i], fault_of(right[i]));
}

static void origins_that_no_browser_sends_are_refused(void **state)
{
    static const char *const wrong[] = {
        "null",
        "shop.example",
        "https://",
        "https://shop.example/",
        "https://shop.example/path",
        "https://Shop.example",
        "HTTPS://shop.example",
        "https://shop.example:443",
        "http://shop.example:80",
        "https://shop.example:0",
        "https://shop.example:",
        "https://shop.example:65536",
        "https://shop.example:08",
        "https://*.example",
        "https://user@shop.example",
        "https://[::1",
        "https://[]",
        "https://a b",
        "https://a\r\nX: y",
        "https://a,",
        ",https://a",
        "https://a,,https://b",
        "*,https://a",
        "https://a,*",
        " ",
    };
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        if (fault_of(wrong[i]) == NULL)
            fail_msg("\"%s\" is taken", wrong[i]);
}

static void a_named_origin_may_read_the_answers(void **state)
{
    (void)state;
    use("https://a.example, http://b:3000");
    assert_true(cors_allows(cors, SPAN_LITERAL("http://b:3000")));
    assert_string_equal(fields_for("http://b:3000"),
                        "Access-Control-Allow-Origin: http://b:3000\r\nVary: Origin\r\n"
                        "Access-Control-Expose-Headers: ETag, Location, Retry-After, X-As-Of, X-Request-Id\r\n");
    assert_false(cors_allows(cors, SPAN_LITERAL("http://b")));
    assert_string_equal(fields_for("http://b"), "Vary: Origin\r\n");
    assert_string_equal(cors_fields(cors, SPAN_NONE), "Vary: Origin\r\n");
    assert_false(cors_allows(cors, SPAN_NONE));
}

static void all_origins_need_no_keeping_apart(void **state)
{
    (void)state;
    use("*");
    assert_true(cors_allows(cors, SPAN_LITERAL("null")));
    assert_string_equal(fields_for("https://whoever"),
                        "Access-Control-Allow-Origin: *\r\n"
                        "Access-Control-Expose-Headers: ETag, Location, Retry-After, X-As-Of, X-Request-Id\r\n");
}

static void every_answer_bears_them(void **state)
{
    static const int statuses[] = {200, 201, 304};
    (void)state;
    use("https://a.example");
    for (size_t i = 0; i < 3; i++) {
        struct reply_style style = {.origin_fields = fields_for("https://a.example")};
        struct reply reply = {.status = statuses[i], .type = REPLY_JSON, .body = "{}", .body_length = 2};
        out.length = 0;
        reply_write(&out, &now, style, &reply);
        assert_non_null(strstr(text(), "\r\nAccess-Control-Allow-Origin: https://a.example\r\nVary: Origin\r\n"));
    }
}

static void a_preflight_gets_the_methods_of_the_path(void **state)
{
    char methods[64];
    (void)state;
    use("https://a.example");
    struct api_call *call = preflight("/v1/coupons/A/issues", "https://a.example");
    assert_int_equal(call->kind, API_PREFLIGHT);
    assert_int_equal(call->route, METRIC_ROUTE_PREFLIGHT);
    api_allow_format(preflight("/v1/coupons/A", "https://a.example")->allow, methods, sizeof methods);
    assert_string_equal(methods, "GET, HEAD, PATCH");
    out.length = 0;
    assert_int_equal(cors_write_preflight(&out, &now, (struct reply_style){.close = false}, methods), 204);
    assert_non_null(strstr(text(), "HTTP/1.1 204 No Content\r\n"));
    assert_non_null(strstr(text(), "\r\nAccess-Control-Allow-Methods: GET, HEAD, PATCH\r\n"));
    assert_non_null(strstr(text(), "Authorization, Cache-Control, Content-Type, If-Match"));
    assert_non_null(strstr(text(), "\r\nAccess-Control-Max-Age: 7200\r\n\r\n"));
    assert_null(strstr(text(), "Content-Length"));
}

static void other_preflights_are_refused(void **state)
{
    struct api_rules off = {.cors = NULL};
    (void)state;
    use("https://a.example");
    assert_error(preflight("/v1/coupons/A/issues", "https://b.example"), ERROR_FORBIDDEN);
    assert_error(preflight("/v1/nowhere", "https://a.example"), ERROR_NOT_FOUND);
    assert_error(preflight("/metrics", "https://a.example"), ERROR_NOT_FOUND);
    struct api_rules on = {.cors = cors};
    assert_error(ask_with(&on, "OPTIONS /v1/coupons", "Origin: https://a.example\r\n", ""), ERROR_METHOD_NOT_ALLOWED);
    assert_error(ask_with(&off, "OPTIONS /v1/coupons",
                          "Origin: https://a.example\r\nAccess-Control-Request-Method: POST\r\n", ""),
                 ERROR_METHOD_NOT_ALLOWED);
}

static void without_origins_nothing_is_said_of_them(void **state)
{
    (void)state;
    assert_null(cors_create(""));
}

/* The gateway is asked as `a`. */
static enum error_code revoke_all_from(const char *origin, const char *more, const char *body)
{
    struct api_rules rules = {.metrics = false, .cors = cors};
    char fields[256];
    snprintf(fields, sizeof fields, "Origin: %s\r\n%s", origin, more);
    struct api_call *call = ask_with(&rules, "POST /v1/coupons/C/revocations", fields, body);
    return call->kind == API_PROBLEM ? call->error : ERROR_CODE_COUNT;
}

/* A browser sends it without a preflight, so that the page need not be allowed. */
static void a_page_of_another_host_cannot_revoke_all_without_a_body(void **state)
{
    (void)state;
    for (unsigned with_origins = 0; with_origins < 2; with_origins++) {
        use(with_origins ? "https://shop.example" : "");
        assert_int_equal(revoke_all_from("https://evil.example", "", ""), ERROR_FORBIDDEN);
        assert_int_equal(revoke_all_from("null", "", ""), ERROR_FORBIDDEN);
        assert_int_equal(revoke_all_from("https://not-a", "", ""), ERROR_FORBIDDEN);
        assert_int_equal(revoke_all_from("https://evil.example", "Authorization: Basic dTpw\r\n", ""), ERROR_FORBIDDEN);
        assert_int_equal(revoke_all_from("https://evil.example", "Authorization: Bearer\r\n", ""), ERROR_FORBIDDEN);
        assert_int_equal(revoke_all_from("https://evil.example", "Content-Type: text/plain\r\n", "{}"),
                         ERROR_UNSUPPORTED_MEDIA_TYPE);
        assert_int_equal(revoke_all_from("https://a", "", ""), ERROR_CODE_COUNT);
        assert_int_equal(revoke_all_from("http://A", "", ""), ERROR_CODE_COUNT);
        assert_int_equal(revoke_all_from("https://evil.example", "Content-Type: application/json\r\n", "{}"),
                         ERROR_CODE_COUNT);
        assert_int_equal(revoke_all_from("https://shop.example", "", ""),
                         with_origins ? ERROR_CODE_COUNT : ERROR_FORBIDDEN);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(origins_as_browsers_send_them_are_taken, tear_down),
        cmocka_unit_test_teardown(origins_that_no_browser_sends_are_refused, tear_down),
        cmocka_unit_test_teardown(a_named_origin_may_read_the_answers, tear_down),
        cmocka_unit_test_teardown(all_origins_need_no_keeping_apart, tear_down),
        cmocka_unit_test_teardown(every_answer_bears_them, tear_down),
        cmocka_unit_test_teardown(a_preflight_gets_the_methods_of_the_path, tear_down),
        cmocka_unit_test_teardown(other_preflights_are_refused, tear_down),
        cmocka_unit_test_teardown(without_origins_nothing_is_said_of_them, tear_down),
        cmocka_unit_test_teardown(a_page_of_another_host_cannot_revoke_all_without_a_body, tear_down),
    };
    return cmocka_run_group_tests(tests, gateway_ask_set_up, NULL);
}
