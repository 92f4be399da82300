/* The API from request bytes to calls and errors; routes, bodies, tokens. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "gateway/api.h"
#include "gateway/api_json.h"
#include "gateway/coupon_id_random.h"
#include "gateway/http_head.h"

/* ---- fixture ---- */

static struct admin_token open_door; /* none needed */
static struct admin_token guarded;   /* needs "secret" */
static char bytes[32768];
static struct http_request request;

static int set_up(void **state)
{
    (void)state;
    http_head_init();
    admin_token_init(&open_door, "");
    admin_token_init(&guarded, "secret");
    return 0;
}

/* ---- helpers ---- */

/* What "METHOD TARGET" with these header lines and this body asks for. */
static struct api_call *ask_with(const struct admin_token *admin, const char *line, const char *fields,
                                 const char *body)
{
    static const struct http_limits limits = {16384, 16384};
    static struct api_call call;
    size_t length = (size_t)snprintf(bytes, sizeof(bytes), "%s HTTP/1.1\r\nHost: a\r\nContent-Length: %zu\r\n%s\r\n%s",
                                     line, strlen(body), fields, body);

    http_request_reset(&request);
    assert_int_equal(http_request_feed(&request, &limits, bytes, &length), HTTP_READY);
    memset(&call, 0xa5, sizeof(call)); /* nothing may rest on a member that was not filled */
    api_read(&call, &request, admin);
    return &call;
}

static struct api_call *ask(const char *line, const char *body)
{
    return ask_with(&open_door, line, body[0] == '\0' ? "" : "Content-Type: application/json\r\n", body);
}

/* The same past the HTTP parser, which refuses some targets by itself. */
static struct api_call *ask_target(const char *line)
{
    static struct api_call call;
    const char *space = strchr(line, ' ');
    struct http_request odd = {.method = METHOD_GET, .target = {space + 1, strlen(space + 1)}};

    api_read(&call, &odd, &open_door);
    return &call;
}

static void assert_error(const struct api_call *call, enum error_code error)
{
    assert_int_equal(call->kind, API_PROBLEM);
    assert_string_equal(error_code_row(call->error)->code, error_code_row(error)->code);
}

static void assert_field(const struct api_call *call, const char *field)
{
    assert_error(call, ERROR_INVALID_REQUEST);
    for (unsigned i = 0; i < call->errors.count; i++)
        if (strcmp(call->errors.rows[i].field, field) == 0)
            return;
    fail_msg("no error names %s; the first of %u names %s", field, call->errors.count,
             call->errors.count > 0 ? call->errors.rows[0].field : "nothing");
}

#define ISSUES "POST /v1/coupons/A/issues"

static struct span read_user(const char *body, char copy[USER_ID_MAX])
{
    struct span user_id = SPAN_NONE;
    struct api_errors errors = {0};

    assert_true(api_json_read_issue((struct span){body, strlen(body)}, &user_id, copy, &errors));
    return user_id;
}

/* ---- tests: routes ---- */

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
        {"GET /v1/coupons/A/issues/u", "", API_ISSUE, METRIC_ROUTE_ISSUE_GET, ISSUE_LOOKUP},
        {"GET /livez", "", API_LIVEZ, METRIC_ROUTE_LIVEZ, 0},
        {"GET /readyz", "", API_READYZ, METRIC_ROUTE_READYZ, 0},
        {"GET /metrics", "", API_METRICS, METRIC_ROUTE_METRICS, 0},
        {"GET http://example.org/livez", "", API_LIVEZ, METRIC_ROUTE_LIVEZ, 0},
        {"GET /livez?x=1", "", API_LIVEZ, METRIC_ROUTE_LIVEZ, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct api_call *call = ask(rows[i].line, rows[i].body);
        assert_int_equal(call->kind, rows[i].kind);
        assert_int_equal(call->route, rows[i].route);
        if (rows[i].kind == API_ISSUE)
            assert_int_equal(call->issue_op, rows[i].op);
        if (rows[i].kind == API_COUPON)
            assert_int_equal(call->coupon_op, rows[i].op);
    }
}

static void paths_that_lead_nowhere_are_not_found(void **state)
{
    static const char *const lines[] = {
        "GET /",
        "GET /v1",
        "GET /v1/coupon",
        "GET /v1/coupons/",
        "GET /v1//coupons",
        "GET /V1/coupons",
        "GET /v1/coupons/A/",
        "GET /v1/coupons/A/issues/",
        "GET /livez/",
        "GET /livezx",
        "GET /v1/coupons/A/issues/u/x",
        "GET /openapi.json",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
        assert_error(ask(lines[i], ""), ERROR_NOT_FOUND);
}

static void a_wrong_method_is_told_the_right_ones(void **state)
{
    static const char *const rows[][2] = {
        {"DELETE /v1/coupons/A", "GET, HEAD, PATCH"},
        {"PUT /v1/coupons", "GET, HEAD, POST"},
        {"GET /v1/coupons/A/issues", "POST"},
        {"POST /v1/coupons/A/issues/u", "GET, HEAD, PUT"},
        {"OPTIONS /livez", "GET, HEAD"},
        {"PROPFIND /metrics", "GET, HEAD"},
    };
    char allow[64];

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct api_call *call = ask(rows[i][0], "");
        assert_error(call, ERROR_METHOD_NOT_ALLOWED);
        api_allow_format(call->allow, allow, sizeof(allow));
        assert_string_equal(allow, rows[i][1]);
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
        "GET ?x",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
        assert_field(ask_target(lines[i]), "target");
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
    assert_field(ask("GET /v1/coupons?limit=0", ""), "limit");
    assert_field(ask("GET /v1/coupons?limit=201", ""), "limit");
    assert_field(ask("GET /v1/coupons?limit=", ""), "limit");
    assert_field(ask("GET /v1/coupons?limit=-1", ""), "limit");
    assert_field(ask("GET /v1/coupons?limit=99999999999999999999", ""), "limit");
    assert_field(ask("GET /v1/coupons?cursor=a/b", ""), "cursor");
    assert_field(ask("GET /v1/coupons?cursor=%0", ""), "cursor");
    assert_field(ask("GET /v1/coupons?page=2", ""), "page");
}

/* ---- tests: media type, body, token ---- */

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
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        snprintf(field, sizeof(field), "Content-Type: %s\r\n", good[i]);
        assert_int_equal(ask_with(&open_door, ISSUES, field, "{\"user_id\":\"u\"}")->kind, API_ISSUE);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        snprintf(field, sizeof(field), "Content-Type: %s\r\n", bad[i]);
        assert_error(ask_with(&open_door, ISSUES, field, "{\"user_id\":\"u\"}"), ERROR_UNSUPPORTED_MEDIA_TYPE);
    }
    assert_error(ask_with(&open_door, ISSUES, "", "{\"user_id\":\"u\"}"), ERROR_UNSUPPORTED_MEDIA_TYPE);
}

static void requests_without_a_body_refuse_one(void **state)
{
    (void)state;
    assert_field(ask("GET /livez", "x"), "body");
    assert_field(ask("PUT /v1/coupons/A/issues/u", "{}"), "body");
}

static void the_token_guards_what_changes_coupons(void **state)
{
    const char *json = "Content-Type: application/json\r\n";
    const char *body = "{\"title\":\"t\",\"quantity\":1}";
    char fields[256];

    (void)state;
    assert_error(ask_with(&guarded, "POST /v1/coupons", json, body), ERROR_UNAUTHORIZED);
    assert_error(ask_with(&guarded, "PATCH /v1/coupons/A", json, "{\"paused\":true}"), ERROR_UNAUTHORIZED);
    snprintf(fields, sizeof(fields), "%sAuthorization: Basic secret\r\n", json);
    assert_error(ask_with(&guarded, "POST /v1/coupons", fields, body), ERROR_UNAUTHORIZED);
    snprintf(fields, sizeof(fields), "%sAuthorization: Bearer\r\n", json);
    assert_error(ask_with(&guarded, "POST /v1/coupons", fields, body), ERROR_UNAUTHORIZED);
    snprintf(fields, sizeof(fields), "%sAuthorization: Bearer secre\r\n", json);
    assert_error(ask_with(&guarded, "POST /v1/coupons", fields, body), ERROR_FORBIDDEN);
    snprintf(fields, sizeof(fields), "%sAuthorization: Bearer secrett\r\n", json);
    assert_error(ask_with(&guarded, "POST /v1/coupons", fields, body), ERROR_FORBIDDEN);
    snprintf(fields, sizeof(fields), "%sAuthorization: bearer secret\r\n", json);
    assert_int_equal(ask_with(&guarded, "POST /v1/coupons", fields, body)->kind, API_COUPON);
    assert_int_equal(ask_with(&guarded, ISSUES, json, "{\"user_id\":\"u\"}")->kind, API_ISSUE);
    assert_int_equal(ask_with(&guarded, "GET /v1/coupons", "", "")->kind, API_LIST);
}

/* ---- tests: bodies ---- */

static void the_usual_issue_body_reads_like_any_other(void **state)
{
    static const char *const bodies[] = {
        "{\"user_id\":\"u-1\"}",       " { \"user_id\" : \"u-1\" } ", "{\r\n\t\"user_id\":\"u-1\"\n}",
        "{\"user_id\":\"\\u0075-1\"}", "{\"user_id\":\"u\\u002d1\"}",
    };
    char copy[USER_ID_MAX];

    (void)state;
    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++)
        assert_true(span_equals(read_user(bodies[i], copy), SPAN_LITERAL("u-1")));
}

static void broken_issue_bodies_are_refused(void **state)
{
    static const char *const rows[][2] = {
        {" ", "body"},
        {"{", "body"},
        {"{}", "user_id"},
        {"[]", "body"},
        {"\"u\"", "body"},
        {"null", "body"},
        {"{\"user_id\":\"u\"", "body"},
        {"{\"user_id\":\"u\"}x", "body"},
        {"{\"user_id\":\"u\"}{}", "body"},
        {"{\"user_id\":\"u\",}", "body"},
        {"{user_id:\"u\"}", "body"},
        {"{'user_id':'u'}", "body"},
        {"{\"user_id\":\"u\",\"user_id\":\"v\"}", "body"},
        {"{\"user_id\":\"u\",\"\\u0075ser_id\":\"v\"}", "body"},
        {"{\"user_id\":1}", "user_id"},
        {"{\"user_id\":null}", "user_id"},
        {"{\"user_id\":[\"u\"]}", "user_id"},
        {"{\"user_id\":\"\"}", "user_id"},
        {"{\"user_id\":\"a b\"}", "user_id"},
        {"{\"user_id\":\"a/b\"}", "user_id"},
        {"{\"user_id\":\"\\u0000\"}", "body"},
        {"{\"user_id\":\"a\\u0000b\"}", "body"},
        {"{\"user_id\":\"\xed\x95\x9c\"}", "user_id"},
        {"{\"user_id\":\"\xff\"}", "body"},
        {"{\"user_id\":\"a\tb\"}", "body"},
        {"\xef\xbb\xbf{\"user_id\":\"u\"}", "body"},
        {"{\"user_id\":\"u\",\"x\":1}", "x"},
        {"{\"User_id\":\"u\"}", "User_id"},
        {"{\"user_id\":\"01234567890123456789012345678901234567890123456789012345678901234\"}", "user_id"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_field(ask(ISSUES, rows[i][0]), rows[i][1]);
    assert_field(ask_with(&open_door, ISSUES, "Content-Type: application/json\r\n", ""), "body");
    assert_int_equal(
        ask(ISSUES, "{\"user_id\":\"0123456789012345678901234567890123456789012345678901234567890123\"}")->kind,
        API_ISSUE);
}

static void deeply_nested_bodies_are_refused(void **state)
{
    static char body[16000];

    (void)state;
    memset(body, '[', sizeof(body) - 1);
    assert_field(ask(ISSUES, body), "body");
}

static void a_whole_coupon_is_read(void **state)
{
    struct api_call *call = ask("POST /v1/coupons", "{\"id\":\"K\",\"title\":\"\xed\x95\x9c\",\"quantity\":4000000000,"
                                                    "\"per_user_limit\":1000,\"starts_at\":\"2026-01-01T00:00:00Z\","
                                                    "\"ends_at\":\"2026-01-01T09:00:01+09:00\"}");

    (void)state;
    assert_int_equal(call->kind, API_COUPON);
    assert_string_equal(call->coupon.id, "K");
    assert_string_equal(call->coupon.title, "\xed\x95\x9c");
    assert_int_equal(call->coupon.quantity, 4000000000u);
    assert_int_equal(call->coupon.per_user_limit, 1000);
    assert_true(call->coupon.ends_at_us - call->coupon.starts_at_us == 1000000);
}

static void a_short_coupon_gets_its_defaults(void **state)
{
    struct api_call *call = ask("POST /v1/coupons", "{\"title\":\"t\",\"quantity\":1,\"starts_at\":null}");

    (void)state;
    assert_int_equal(call->kind, API_COUPON);
    assert_string_equal(call->coupon.id, "");
    assert_int_equal(call->coupon.per_user_limit, 1);
    assert_true(call->coupon.starts_at_us == TIME_NONE && call->coupon.ends_at_us == TIME_NONE);
}

static void broken_coupons_are_refused_by_member(void **state)
{
    static const char *const rows[][2] = {
        {"{\"title\":\"t\"}", "quantity"},
        {"{\"quantity\":1}", "title"},
        {"{\"title\":\"t\",\"quantity\":0}", "quantity"},
        {"{\"title\":\"t\",\"quantity\":-1}", "quantity"},
        {"{\"title\":\"t\",\"quantity\":1.5}", "quantity"},
        {"{\"title\":\"t\",\"quantity\":1.0}", "quantity"},
        {"{\"title\":\"t\",\"quantity\":1e3}", "quantity"},
        {"{\"title\":\"t\",\"quantity\":\"1\"}", "quantity"},
        {"{\"title\":\"t\",\"quantity\":true}", "quantity"},
        {"{\"title\":\"t\",\"quantity\":null}", "quantity"},
        {"{\"title\":\"t\",\"quantity\":4000000001}", "quantity"},
        {"{\"title\":\"t\",\"quantity\":4294967297}", "quantity"},
        {"{\"title\":\"t\",\"quantity\":99999999999999999999}", "body"},
        {"{\"title\":\"t\",\"quantity\":1e999}", "body"},
        {"{\"title\":\"t\",\"quantity\":NaN}", "body"},
        {"{\"title\":\"t\",\"quantity\":01}", "body"},
        {"{\"title\":\"\",\"quantity\":1}", "title"},
        {"{\"title\":1,\"quantity\":1}", "title"},
        {"{\"title\":\"a\\nb\",\"quantity\":1}", "title"},
        {"{\"title\":\"t\",\"quantity\":1,\"per_user_limit\":0}", "per_user_limit"},
        {"{\"title\":\"t\",\"quantity\":1,\"per_user_limit\":1001}", "per_user_limit"},
        {"{\"title\":\"t\",\"quantity\":1,\"id\":\"a b\"}", "id"},
        {"{\"title\":\"t\",\"quantity\":1,\"id\":null}", "id"},
        {"{\"title\":\"t\",\"quantity\":1,\"id\":\"\"}", "id"},
        {"{\"title\":\"t\",\"quantity\":1,\"paused\":true}", "paused"},
        {"{\"title\":\"t\",\"quantity\":1,\"starts_at\":1}", "starts_at"},
        {"{\"title\":\"t\",\"quantity\":1,\"starts_at\":\"2026-13-01T00:00:00Z\"}", "starts_at"},
        {"{\"title\":\"t\",\"quantity\":1,\"starts_at\":\"tomorrow\"}", "starts_at"},
        {"{\"title\":\"t\",\"quantity\":1,\"starts_at\":\"2026-01-01T00:00:00\"}", "starts_at"},
        {"{\"title\":\"t\",\"quantity\":1,\"starts_at\":\"2026-01-02T00:00:00Z\",\"ends_at\":\"2026-01-01T00:00:00Z\"}",
         "ends_at"},
        {"{\"title\":\"t\",\"quantity\":1,\"starts_at\":\"2026-01-01T00:00:00Z\",\"ends_at\":\"2026-01-01T00:00:00Z\"}",
         "ends_at"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_field(ask("POST /v1/coupons", rows[i][0]), rows[i][1]);
}

static void changes_tell_which_members_they_mean(void **state)
{
    struct api_call *call = ask("PATCH /v1/coupons/K", "{\"starts_at\":null,\"quantity\":7,\"paused\":false}");

    (void)state;
    assert_int_equal(call->kind, API_COUPON);
    assert_string_equal(call->coupon.id, "K");
    assert_int_equal(call->coupon_fields, COUPON_FIELD_STARTS_AT | COUPON_FIELD_QUANTITY | COUPON_FIELD_PAUSED);
    assert_true(call->coupon.starts_at_us == TIME_NONE);
    assert_int_equal(call->coupon.quantity, 7);
}

static void broken_changes_are_refused(void **state)
{
    static const char *const rows[][2] = {
        {"{}", "body"},
        {"{\"id\":\"x\"}", "id"},
        {"{\"per_user_limit\":2}", "per_user_limit"},
        {"{\"issued\":0}", "issued"},
        {"{\"title\":null}", "title"},
        {"{\"quantity\":null}", "quantity"},
        {"{\"paused\":null}", "paused"},
        {"{\"paused\":1}", "paused"},
        {"{\"starts_at\":\"2026-01-02T00:00:00Z\",\"ends_at\":\"2026-01-01T00:00:00Z\"}", "ends_at"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_field(ask("PATCH /v1/coupons/K", rows[i][0]), rows[i][1]);
}

static void all_that_is_wrong_is_told_up_to_the_bound(void **state)
{
    struct api_call *call = ask("POST /v1/coupons", "{\"a\":1,\"b\":1,\"c\":1,\"d\":1,\"e\":1,\"f\":1,\"g\":1,\"h\":1,"
                                                    "\"i\":1,\"j\":1}");

    (void)state;
    assert_error(call, ERROR_INVALID_REQUEST);
    assert_int_equal(call->errors.count, API_ERRORS_MAX);
    call = ask("POST /v1/coupons", "{\"quantity\":0,\"title\":1}");
    assert_field(call, "title");
    assert_field(call, "quantity");
}

static void random_ids_are_valid_and_differ(void **state)
{
    char a[COUPON_ID_MAX + 1];
    char b[COUPON_ID_MAX + 1];

    (void)state;
    coupon_id_random(a);
    coupon_id_random(b);
    assert_true(coupon_id_valid(a, strlen(a)));
    assert_string_not_equal(a, b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_route_leads_to_its_call),
        cmocka_unit_test(paths_that_lead_nowhere_are_not_found),
        cmocka_unit_test(a_wrong_method_is_told_the_right_ones),
        cmocka_unit_test(percent_encoding_is_undone_once),
        cmocka_unit_test(odd_targets_are_refused),
        cmocka_unit_test(ids_out_of_the_alphabet_are_refused),
        cmocka_unit_test(listings_take_limit_and_cursor),
        cmocka_unit_test(only_json_in_utf8_is_taken),
        cmocka_unit_test(requests_without_a_body_refuse_one),
        cmocka_unit_test(the_token_guards_what_changes_coupons),
        cmocka_unit_test(the_usual_issue_body_reads_like_any_other),
        cmocka_unit_test(broken_issue_bodies_are_refused),
        cmocka_unit_test(deeply_nested_bodies_are_refused),
        cmocka_unit_test(a_whole_coupon_is_read),
        cmocka_unit_test(a_short_coupon_gets_its_defaults),
        cmocka_unit_test(broken_coupons_are_refused_by_member),
        cmocka_unit_test(changes_tell_which_members_they_mean),
        cmocka_unit_test(broken_changes_are_refused),
        cmocka_unit_test(all_that_is_wrong_is_told_up_to_the_bound),
        cmocka_unit_test(random_ids_are_valid_and_differ),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
