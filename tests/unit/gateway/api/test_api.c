/* Routes, targets, media types and tokens: from request bytes to calls and errors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/gateway/gateway_ask.h"

/* --- helpers --- */

/* The same without the HTTP parser, which refuses some targets by itself. */
static struct api_call *ask_target(const char *line)
{
    static struct api_call call;
    const char *space = strchr(line, ' ');
    struct http_request odd = {.method = METHOD_GET, .target = {space + 1, strlen(space + 1)}};
    api_read(&call, &odd, &open_door);
    return &call;
}

#define REFERENCE "{\"reference\":\"r\"}" /* the body of a redemption */

/* --- tests: routes --- */

static void every_route_leads_to_its_call(void **state)
{
    static const struct {
        const char *line, *body;
        enum api_kind kind;
        enum metric_route route;
        int op;
    } rows[] = {
        {"POST /v1/coupons", "{\"title\":\"t\",\"quantity\":1}", API_COUPON, METRIC_ROUTE_COUPONS_CREATE,
         COUPON_CREATE},
        {"GET /v1/coupons", "", API_LIST, METRIC_ROUTE_COUPONS_LIST, 0},
        {"HEAD /v1/coupons", "", API_LIST, METRIC_ROUTE_COUPONS_LIST, 0},
        {"GET /v1/coupons/A", "", API_COUPON, METRIC_ROUTE_COUPON_GET, COUPON_GET},
        {"PATCH /v1/coupons/A", "{\"paused\":true}", API_COUPON, METRIC_ROUTE_COUPON_CHANGE, COUPON_CHANGE},
        {ISSUES, "{\"user_id\":\"u\"}", API_ISSUE, METRIC_ROUTE_ISSUE_POST, ISSUE_POST},
        {"PUT /v1/coupons/A/issues/u", "", API_ISSUE, METRIC_ROUTE_ISSUE_PUT, ISSUE_ENSURE},
        {"PUT /v1/coupons/A/issues/u/2", "", API_ISSUE, METRIC_ROUTE_ISSUE_PUT, ISSUE_ENSURE},
        {"GET /v1/coupons/A/issues/u", "", API_ISSUE, METRIC_ROUTE_ISSUE_GET, ISSUE_LOOKUP},
        {"PUT /v1/coupons/A/issues/u/redemption", REFERENCE, API_CHANGE, METRIC_ROUTE_REDEMPTION_PUT, CHANGE_REDEEM},
        {"DELETE /v1/coupons/A/issues/u/redemption?reference=r", "", API_CHANGE, METRIC_ROUTE_REDEMPTION_DELETE,
         CHANGE_UNDO},
        {"DELETE /v1/coupons/A/issues/u", "", API_CHANGE, METRIC_ROUTE_ISSUE_DELETE, CHANGE_REVOKE},
        {"POST /v1/coupons/A/revocations", "", API_SWEEP, METRIC_ROUTE_REVOCATIONS_POST, CHANGE_SWEEP},
        {"GET /v1/coupons/A/revocations", "", API_SWEEP, METRIC_ROUTE_REVOCATIONS_GET, CHANGE_SWEPT},
        {"GET /v1/codes/0000-0000-0013", "", API_CODE, METRIC_ROUTE_CODE_GET, CHANGE_SHOW},
        {"PUT /v1/codes/0000-0000-0013/redemption", REFERENCE, API_CODE, METRIC_ROUTE_CODE_REDEMPTION_PUT,
         CHANGE_REDEEM},
        {"DELETE /v1/users/u", "", API_ERASE, METRIC_ROUTE_USER_DELETE, CHANGE_ERASE},
        {"GET /livez", "", API_LIVEZ, METRIC_ROUTE_LIVEZ, 0},
        {"GET /readyz", "", API_READYZ, METRIC_ROUTE_READYZ, 0},
        {"GET /metrics", "", API_METRICS, METRIC_ROUTE_METRICS, 0},
        {"GET /openapi.json", "", API_DOCUMENT, METRIC_ROUTE_OPENAPI, 0},
        {"HEAD /openapi.json", "", API_DOCUMENT, METRIC_ROUTE_OPENAPI, 0},
        {"GET /docs", "", API_DOCUMENT, METRIC_ROUTE_DOCS, 0},
        {"GET /docs/none", "", API_PROBLEM, METRIC_ROUTE_NONE, 0},
        {"GET http://example.org/livez", "", API_LIVEZ, METRIC_ROUTE_LIVEZ, 0},
        {"GET /livez?", "", API_LIVEZ, METRIC_ROUTE_LIVEZ, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct api_call *call = ask(rows[i].line, rows[i].body);
        assert_int_equal(call->kind, rows[i].kind);
        assert_int_equal(call->route, rows[i].route);
        if (rows[i].kind == API_ISSUE)
            assert_int_equal(call->issue_op, rows[i].op);
        if (rows[i].kind == API_COUPON)
            assert_int_equal(call->coupon_op, rows[i].op);
        if (rows[i].kind == API_CHANGE || rows[i].kind == API_SWEEP || rows[i].kind == API_CODE)
            assert_int_equal(call->change_op, rows[i].op);
    }
}

static void a_document_that_does_not_exist_has_no_methods(void **state)
{
    static const char *const methods[] = {"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "TRACE"};
    char line[64];
    (void)state;
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
        snprintf(line, sizeof line, "%s /docs/none", methods[i]);
        assert_error(ask(line, ""), ERROR_NOT_FOUND);
    }
    assert_error(ask("POST /docs", ""), ERROR_METHOD_NOT_ALLOWED);
}

static void unknown_parameters_are_named_on_every_route(void **state)
{
    static const char *const lines[][2] = {
        {"POST /v1/coupons?dry=1", "{\"title\":\"t\",\"quantity\":1}"},
        {"GET /v1/coupons?dry=1&limit=5", ""},
        {"GET /v1/coupons/A?dry", ""},
        {"PATCH /v1/coupons/A?dry=1", "{\"paused\":true}"},
        {ISSUES "?dry=", "{\"user_id\":\"u\"}"},
        {"PUT /v1/coupons/A/issues/u?dry=1", ""},
        {"GET /v1/coupons/A/issues/u?dry=1", ""},
        {"GET /livez?dry=1", ""},
        {"GET /readyz?dry=1", ""},
        {"GET /metrics?dry=1", ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
        assert_field(ask(lines[i][0], lines[i][1]), "dry");
}

static void paths_that_lead_nowhere_are_not_found(void **state)
{
    static const char *const lines[] = {
        "GET /v1",
        "GET /v1/coupon",
        "GET /v1/coupons/",
        "GET /v1//coupons",
        "GET /V1/coupons",
        "GET /v1/coupons/A/",
        "GET /v1/coupons/A/issues/",
        "GET /livez/",
        "GET /livezx",
        "GET /v1/coupons/A/issues/u/1/x",
        "GET /v1/coupons/A/issues/u/redemption/x",
        "GET /openapi.yaml",
    };
    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
        assert_error(ask(lines[i], ""), ERROR_NOT_FOUND);
}

static void a_wrong_method_gets_the_allowed_ones(void **state)
{
    static const char *const rows[][2] = {
        {"DELETE /v1/coupons/A", "GET, HEAD, PATCH"},
        {"PUT /v1/coupons", "GET, HEAD, POST"},
        {"PUT /v1/coupons/A/issues", "GET, HEAD, POST"},
        {"POST /v1/users/u/issues", "GET, HEAD"},
        {"POST /v1/coupons/A/issues/u", "GET, HEAD, PUT, DELETE"},
        {"GET /v1/coupons/A/issues/u/2", "PUT"},
        {"GET /v1/coupons/A/issues/u/redemption", "PUT, DELETE"},
        {"DELETE /v1/codes/000000000010", "GET, HEAD"},
        {"OPTIONS /livez", "GET, HEAD"},
        {"PROPFIND /metrics", "GET, HEAD"},
    };
    char allow[64];
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct api_call *call = ask(rows[i][0], "");
        assert_error(call, ERROR_METHOD_NOT_ALLOWED);
        api_allow_format(call->allow, allow, sizeof allow);
        assert_string_equal(allow, rows[i][1]);
    }
}

static void metrics_are_nowhere_for_the_public(void **state)
{
    static const char *const rows[] = {"GET /metrics",     "HEAD /metrics",    "POST /metrics",
                                       "OPTIONS /metrics", "GET /metrics?x=1", "GET /%6detrics"};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct api_call *call = ask_with(&guarded, rows[i], "", "");
        assert_error(call, ERROR_NOT_FOUND);
        assert_int_equal(call->route, METRIC_ROUTE_NONE);
    }
}

static void percent_encoding_is_undone_once(void **state)
{
    struct api_call *call = ask("PUT /v1/%63oupons/A%2dB/issues/a%40b.org", "");
    (void)state;
    assert_int_equal(call->kind, API_ISSUE);
    assert_true(span_equals(call->coupon_id, SPAN_LITERAL("A-B")));
    assert_true(span_equals(call->user_id, SPAN_LITERAL("a@b.org")));
    assert_field(ask("GET /v1/coupons/A%2541", ""), "coupon_id");
}

static void odd_targets_are_refused(void **state)
{
    static const char *const lines[] = {
        "GET /v1/coupons/%00",
        "GET /v1/coupons/A%2FB",
        "GET /v1/coupons/A%2fissues",
        "GET /v1/coupons/%zz",
        "GET /v1/coupons/%4",
        "GET /v1/coupons/%",
        "GET /%0d%0aX:y",
        "OPTIONS *",
        "GET livez",
        "GET http://",
        "GET http:///livez",
        "GET ftp://a/livez",
        "GET http://u@a/livez",
        "GET http://a:b/livez",
        "GET http://[::1/livez",
        "GET http://a?x=/livez",
        "GET http://a_b/livez",
        "GET ?x",
    };
    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        struct api_call *call = ask_target(lines[i]);
        assert_int_equal(call->kind, API_REFUSAL);
        assert_field(call, "target");
    }
}

static void ids_out_of_the_alphabet_are_refused(void **state)
{
    (void)state;
    assert_field(ask("GET /v1/coupons/a~b", ""), "coupon_id");
    assert_field(ask("GET /v1/coupons/a%20b", ""), "coupon_id");
    assert_field(ask("GET /v1/coupons/012345678901234567890123456789012", ""), "coupon_id");
    assert_field(ask("PUT /v1/coupons/A/issues/a+b", ""), "user_id");
    assert_field(ask("PUT /v1/coupons/A/issues/%ED%95%9C", ""), "user_id");
    assert_int_equal(ask("GET /v1/coupons/01234567890123456789012345678901", "")->kind, API_COUPON);
}

static void listings_take_limit_and_cursor(void **state)
{
    struct api_call *call = ask("GET /v1/coupons?limit=200&cursor=A%2d1", "");
    (void)state;
    assert_int_equal(call->limit, 200);
    assert_string_equal(call->coupon.id, "A-1");
    call = ask("GET /v1/coupons?", "");
    assert_int_equal(call->limit, LIST_LIMIT_DEFAULT);
    assert_string_equal(call->coupon.id, "");
    assert_int_equal(ask("GET /v1/coupons?limit=%32", "")->limit, 2);
    assert_int_equal(ask("GET /v1/coupons?%6cimit=3", "")->limit, 3);
    assert_int_equal(ask("GET /v1/coupons?&limit=4&&", "")->limit, 4);
    assert_int_equal(ask("GET /v1/coupons?&", "")->kind, API_LIST);
    assert_int_equal(ask("GET /livez?&&", "")->kind, API_LIVEZ);
    assert_field(ask("GET /v1/coupons?limit=1&limit=1", ""), "limit");
    assert_field(ask("GET /v1/coupons?cursor=A&limit=1&cursor=A", ""), "cursor");
    assert_field(ask("GET /v1/coupons?limit=%3", ""), "limit");
    assert_field(ask("GET /v1/coupons?limit=0", ""), "limit");
    assert_field(ask("GET /v1/coupons?limit=201", ""), "limit");
    assert_field(ask("GET /v1/coupons?limit=", ""), "limit");
    assert_field(ask("GET /v1/coupons?limit=-1", ""), "limit");
    assert_field(ask("GET /v1/coupons?limit=99999999999999999999", ""), "limit");
    assert_field(ask("GET /v1/coupons?cursor=a/b", ""), "cursor");
    assert_field(ask("GET /v1/coupons?cursor=%0", ""), "cursor");
    assert_field(ask("GET /v1/coupons?page=2", ""), "page");
}

/* --- tests: media type, body, token --- */

static void only_json_in_utf8_is_taken(void **state)
{
    static const char *const good[] = {"application/json",
                                       "Application/JSON",
                                       "application/json; charset=utf-8",
                                       "application/json;charset=UTF-8",
                                       "application/json ; charset=\"utf-8\"",
                                       "application/json;"};
    static const char *const bad[] = {"text/plain",
                                      "application/json; charset=euc-kr",
                                      "application/jsonx",
                                      "application/json charset=utf-8",
                                      "application/x-www-form-urlencoded",
                                      "json",
                                      "application/json; a=b"};
    char field[128];
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        snprintf(field, sizeof field, "Content-Type: %s\r\n", good[i]);
        assert_int_equal(ask_with(&open_door, ISSUES, field, "{\"user_id\":\"u\"}")->kind, API_ISSUE);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        snprintf(field, sizeof field, "Content-Type: %s\r\n", bad[i]);
        assert_error(ask_with(&open_door, ISSUES, field, "{\"user_id\":\"u\"}"), ERROR_UNSUPPORTED_MEDIA_TYPE);
    }
    assert_error(ask_with(&open_door, ISSUES, "", "{\"user_id\":\"u\"}"), ERROR_UNSUPPORTED_MEDIA_TYPE);
}

static void requests_without_a_body_refuse_one(void **state)
{
    (void)state;
    assert_field(ask("GET /livez", "x"), "body");
}

static void a_put_may_repeat_the_user_id(void **state)
{
    static const char *const taken[] = {"", "{}", " { } ", "{\"user_id\":\"7\"}", "{\"user_id\":7}"};
    (void)state;
    for (size_t i = 0; i < sizeof taken / sizeof taken[0]; i++)
        assert_int_equal(ask("PUT /v1/coupons/A/issues/7", taken[i])->kind, API_ISSUE);
    assert_field(ask("PUT /v1/coupons/A/issues/7", "{\"user_id\":8}"), "user_id");
    assert_field(ask("PUT /v1/coupons/A/issues/7", "{\"x\":8}"), "x");
    assert_field(ask("PUT /v1/coupons/A/issues/7", "[]"), "body");
    assert_error(ask_with(&open_door, "PUT /v1/coupons/A/issues/7", "", "{}"), ERROR_UNSUPPORTED_MEDIA_TYPE);
}

static void a_coded_body_is_refused(void **state)
{
    static const char *const coded[] = {"gzip", "br", "identity, gzip", "x"};
    char fields[128];
    (void)state;
    for (size_t i = 0; i < sizeof coded / sizeof coded[0]; i++) {
        snprintf(fields, sizeof fields, "Content-Type: application/json\r\nContent-Encoding: %s\r\n", coded[i]);
        assert_error(ask_with(&open_door, ISSUES, fields, "{\"user_id\":\"u\"}"), ERROR_UNSUPPORTED_MEDIA_TYPE);
    }
    snprintf(fields, sizeof fields, "Content-Type: application/json\r\nContent-Encoding: Identity\r\n");
    assert_int_equal(ask_with(&open_door, ISSUES, fields, "{\"user_id\":\"u\"}")->kind, API_ISSUE);
}

/* Fills a template with entity tags: "<7>" is coupon A's of version 7, "<7?>" an invented one, "<7B>" another
 * coupon's. */
static void put_tags(char *out, size_t size, const char *template)
{
    size_t length = 0;
    for (const char *at = template; *at != '\0' && length < size - ETAG_LENGTH; at++) {
        if (*at != '<') {
            out[length++] = *at;
            continue;
        }
        bool invented = at[2] == '?';
        etag_format(out + length, at[2] == 'B' ? SPAN_LITERAL("B") : SPAN_LITERAL("A"), (uint64_t)(at[1] - '0'), 0xab);
        if (invented)
            out[length + ETAG_LENGTH - 12] ^= 1; /* part of CONTENT */
        length += ETAG_LENGTH;
        at = strchr(at, '>');
    }
    out[length] = '\0';
}

static const struct api_call *change_with(const char *template)
{
    static char fields[512];
    memcpy(fields, "Content-Type: application/json\r\n", 32);
    put_tags(fields + 32, sizeof fields - 32, template);
    return ask_with(&open_door, "PATCH /v1/coupons/A", fields, "{\"paused\":true}");
}

static void a_change_carries_the_version_that_if_none_match_excludes(void **state)
{
    static const struct {
        const char *fields;
        unsigned wanted;
        uint64_t version;
    } rows[] = {
        {"If-None-Match: *\r\n", COUPON_IF_VERSION, 0},
        {"If-None-Match: <7>\r\n", COUPON_UNLESS_VERSION, 7},
        {"If-None-Match: W/<7>\r\n", COUPON_UNLESS_VERSION, 7},
        {"If-None-Match: \"x\"\r\nIf-None-Match: <7>\r\n", COUPON_UNLESS_VERSION, 7},
        {"If-None-Match: <7>, <9?>, <8B>\r\n", COUPON_UNLESS_VERSION, 7},
        {"If-None-Match: <7?>\r\n", 0, 0},
        {"If-None-Match: \"x\"\r\n", 0, 0},
        {"If-None-Match: *\r\nIf-Match: *\r\n", COUPON_IF_VERSION, 0},
        {"If-None-Match: <7>\r\nIf-Match: <8>\r\n", COUPON_IF_VERSION, 8},
        {"If-None-Match: <7>\r\nIf-Match: <7>\r\n", COUPON_IF_VERSION, 0},
        {"If-None-Match: <7?>\r\nIf-Match: <7>\r\n", COUPON_IF_VERSION, 7},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct api_call *call = change_with(rows[i].fields);
        assert_int_equal(call->coupon_fields & (COUPON_IF_VERSION | COUPON_UNLESS_VERSION), rows[i].wanted);
        if (rows[i].wanted != 0)
            assert_int_equal(call->coupon.journal_seq, rows[i].version);
    }
}

static void if_match_holds_for_no_answer_without_a_tag(void **state)
{
    (void)state;
    assert_error(ask_with(&open_door, "GET /v1/coupons", "If-Match: \"x\"\r\n", ""), ERROR_STALE_VERSION);
    assert_error(ask_with(&open_door, "GET /v1/coupons/A/issues/u", "If-Match: \"x\"\r\n", ""), ERROR_STALE_VERSION);
    assert_int_equal(ask_with(&open_door, "GET /v1/coupons", "If-Match: *\r\n", "")->kind, API_LIST);
    assert_int_equal(ask_with(&open_door, "GET /v1/coupons/A", "If-Match: \"x\"\r\n", "")->kind, API_COUPON);
    assert_int_equal(ask_with(&open_door, "GET /openapi.json", "If-Match: \"x\"\r\n", "")->kind, API_DOCUMENT);
}

static void a_change_bears_the_version_that_if_match_names(void **state)
{
    static const struct {
        const char *fields;
        bool conditional;
        uint64_t version;
    } rows[] = {
        {"", false, 0},
        {"If-Match: *\r\n", false, 0},
        {"If-Match: <7>\r\n", true, 7},
        {"if-match:<7>\r\n", true, 7},
        {"If-Match: \"x\", <7> , \"\"\r\n", true, 7},
        {"If-Match: <5>\r\nX-If-Match: <9>\r\nIf-Match: <7>\r\nIf-Matches: <8>\r\n", true, 7},
        {"If-Match: <9?>, <7>, <8?>\r\n", true, 7}, /* an invented tag does not affect the others */
        {"If-Match: <9B>, <7>\r\n", true, 7},
        {"If-Match: W/<9>, <7>\r\n", true, 7},
        {"If-Match: <7?>\r\n", true, 0},
        {"If-Match: <7B>\r\n", true, 0},
        {"If-Match: W/<7>\r\n", true, 0},
        {"If-Match: \"0000000000000007-00000000000000ab\"\r\n", true, 0},
        {"If-Match: \"nonsense\"\r\n", true, 0},
        {"If-Match: \"*\"\r\n", true, 0},
        {"If-Match:\r\n", true, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct api_call *call = change_with(rows[i].fields);
        assert_int_equal(call->kind, API_COUPON);
        assert_int_equal((call->coupon_fields & COUPON_IF_VERSION) != 0, rows[i].conditional);
        if (rows[i].conditional)
            assert_int_equal(call->coupon.journal_seq, rows[i].version);
    }
}

/* RFC 9110, 13.2.1: a request that fails anyway gets its own error. */
static void if_match_holds_for_nothing_that_is_made_and_says_why(void **state)
{
    static const char *const matches[] = {"If-Match: *\r\n", "If-Match: \"x\"\r\n"};
    const struct api_call *call = NULL;
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        call = ask_with(&open_door, "PUT /v1/coupons/A/issues/u", matches[i], "");
        assert_error(call, ERROR_STALE_VERSION);
        assert_non_null(strstr(call->detail, "only existing coupons, pages and /openapi.json have an ETag"));
        assert_error(ask_with(&open_door, "PUT /v1/coupons/A/issues/u!", matches[i], ""), ERROR_INVALID_REQUEST);
        assert_error(ask_with(&open_door, ISSUES, matches[i], "{\"user_id\":\"u\"}"), ERROR_UNSUPPORTED_MEDIA_TYPE);
    }
    assert_error(
        ask_with(&open_door, ISSUES, "Content-Type: application/json\r\nIf-Match: *\r\n", "{\"user_id\":\"u\"}"),
        ERROR_STALE_VERSION);
    assert_null(change_with("If-Match: \"x\"\r\n")->detail);
}

static void the_token_guards_requests_that_change_coupons(void **state)
{
    const char *json = "Content-Type: application/json\r\n";
    const char *body = "{\"title\":\"t\",\"quantity\":1}";
    const struct api_call *call = NULL;
    char fields[256];
    (void)state;
    call = ask_with(&guarded, "POST /v1/coupons", json, body);
    assert_error(call, ERROR_UNAUTHORIZED);
    assert_false(call->invalid_token);
    assert_error(ask_with(&guarded, "PATCH /v1/coupons/A", json, "{\"paused\":true}"), ERROR_UNAUTHORIZED);
    snprintf(fields, sizeof fields, "%sAuthorization: Basic secret\r\n", json);
    assert_error(ask_with(&guarded, "POST /v1/coupons", fields, body), ERROR_UNAUTHORIZED);
    snprintf(fields, sizeof fields, "%sAuthorization: Bearer\r\n", json);
    assert_error(ask_with(&guarded, "POST /v1/coupons", fields, body), ERROR_UNAUTHORIZED);
    snprintf(fields, sizeof fields, "%sAuthorization: Bearer secre\r\n", json);
    call = ask_with(&guarded, "POST /v1/coupons", fields, body);
    assert_error(call, ERROR_UNAUTHORIZED);
    assert_true(call->invalid_token);
    snprintf(fields, sizeof fields, "%sAuthorization: Bearer secrett\r\n", json);
    assert_error(ask_with(&guarded, "POST /v1/coupons", fields, body), ERROR_UNAUTHORIZED);
    snprintf(fields, sizeof fields, "%sAuthorization: bearer secret\r\n", json);
    assert_int_equal(ask_with(&guarded, "POST /v1/coupons", fields, body)->kind, API_COUPON);
    assert_int_equal(ask_with(&guarded, ISSUES, json, "{\"user_id\":\"u\"}")->kind, API_ISSUE);
    assert_int_equal(ask_with(&guarded, "GET /v1/coupons", "", "")->kind, API_LIST);
}

static void a_json_body_that_is_not_an_object_is_refused_as_such(void **state)
{
    static const char *const bodies[] = {"null", "5", "\"x\"", "true", "[]"};
    (void)state;
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        const struct api_call *call = ask(ISSUES, bodies[i]);
        assert_field(call, "body");
        assert_string_equal(call->errors.rows[0].reason, "must be a JSON object");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_route_leads_to_its_call),
        cmocka_unit_test(a_document_that_does_not_exist_has_no_methods),
        cmocka_unit_test(unknown_parameters_are_named_on_every_route),
        cmocka_unit_test(paths_that_lead_nowhere_are_not_found),
        cmocka_unit_test(a_wrong_method_gets_the_allowed_ones),
        cmocka_unit_test(metrics_are_nowhere_for_the_public),
        cmocka_unit_test(percent_encoding_is_undone_once),
        cmocka_unit_test(odd_targets_are_refused),
        cmocka_unit_test(ids_out_of_the_alphabet_are_refused),
        cmocka_unit_test(listings_take_limit_and_cursor),
        cmocka_unit_test(only_json_in_utf8_is_taken),
        cmocka_unit_test(requests_without_a_body_refuse_one),
        cmocka_unit_test(a_put_may_repeat_the_user_id),
        cmocka_unit_test(a_coded_body_is_refused),
        cmocka_unit_test(a_change_bears_the_version_that_if_match_names),
        cmocka_unit_test(a_json_body_that_is_not_an_object_is_refused_as_such),
        cmocka_unit_test(a_change_carries_the_version_that_if_none_match_excludes),
        cmocka_unit_test(if_match_holds_for_no_answer_without_a_tag),
        cmocka_unit_test(if_match_holds_for_nothing_that_is_made_and_says_why),
        cmocka_unit_test(the_token_guards_requests_that_change_coupons),
    };
    return cmocka_run_group_tests(tests, gateway_ask_set_up, NULL);
}
