/* JSON bodies: what is parsed, and which member a refusal names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/api/coupon_id_random.h"
#include "gateway/api/json.h"
#include "tests/unit/gateway/gateway_ask.h"

/* --- helpers --- */

static struct span read_user(const char *body, char copy[USER_ID_MAX])
{
    struct span user_id = SPAN_NONE;
    struct api_errors errors = {0};
    assert_true(api_json_read_issue((struct span){body, strlen(body)}, &user_id, copy, &errors));
    return user_id;
}

/* --- tests --- */

static void the_usual_issue_body_reads_like_any_other(void **state)
{
    static const char *const bodies[] = {
        "{\"user_id\":\"u-1\"}",       " { \"user_id\" : \"u-1\" } ", "{\r\n\t\"user_id\":\"u-1\"\n}",
        "{\"user_id\":\"\\u0075-1\"}", "{\"user_id\":\"u\\u002d1\"}",
    };
    char copy[USER_ID_MAX];
    (void)state;
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++)
        assert_true(span_equals(read_user(bodies[i], copy), SPAN_LITERAL("u-1")));
}

static void an_integer_is_an_id_by_its_digits(void **state)
{
    static const char *const rows[][2] = {
        {"{\"user_id\":0}", "0"},
        {" { \"user_id\" : 42 } ", "42"},
        {"{\"\\u0075ser_id\":42}", "42"},
        {"{\"user_id\":9223372036854775807}", "9223372036854775807"},
    };
    char copy[USER_ID_MAX];
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_true(span_equals(read_user(rows[i][0], copy), (struct span){rows[i][1], strlen(rows[i][1])}));
}

static const char *reason_of(const char *line, const char *body)
{
    const struct api_call *call = ask(line, body);
    assert_error(call, ERROR_INVALID_REQUEST);
    return call->errors.rows[0].reason;
}

static void faults_of_a_body_are_described_in_our_own_words(void **state)
{
    (void)state;
    assert_string_equal(reason_of("PATCH /v1/coupons/A", "{\"id\":\"B\"}"), "cannot be changed");
    assert_string_equal(reason_of("PATCH /v1/coupons/A", "{\"colour\":2}"), "is unknown");
    assert_non_null(strstr(reason_of(ISSUES, "{\"user_id\":\"\\u0000\"}"), "U+0000"));
    assert_non_null(strstr(reason_of(ISSUES, "{\"user_id\":99999999999999999999}"), "too large"));
    assert_non_null(strstr(reason_of(ISSUES, "{\"user_id\":1e400}"), "too large"));
    assert_non_null(strstr(reason_of(ISSUES, "{\"user_id\":\"a\",\"user_id\":\"a\"}"), "twice"));
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
        {"{\"user_id\":-1}", "user_id"},
        {"{\"user_id\":-0}", "user_id"},
        {"{\"user_id\":1.0}", "user_id"},
        {"{\"user_id\":1e3}", "user_id"},
        {"{\"user_id\":007}", "body"},
        {"{\"user_id\":9223372036854775808}", "user_id"},
        {"{\"user_id\":1e400}", "user_id"},
        {"{\"user_id\":true}", "user_id"},
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
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_field(ask(ISSUES, rows[i][0]), rows[i][1]);
    assert_field(ask_with(&open_door, ISSUES, "Content-Type: application/json\r\n", ""), "user_id");
    assert_int_equal(
        ask(ISSUES, "{\"user_id\":\"0123456789012345678901234567890123456789012345678901234567890123\"}")->kind,
        API_ISSUE);
}

static void deeply_nested_bodies_are_refused(void **state)
{
    static char body[16000];
    (void)state;
    memset(body, '[', sizeof body - 1);
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
        {"{\"title\":\"t\",\"quantity\":4000000001}", "quantity"},
        {"{\"title\":\"t\",\"quantity\":4294967297}", "quantity"},
        {"{\"title\":\"t\",\"quantity\":1e999}", "quantity"},
        {"{\"title\":\"t\",\"quantity\":99999999999999999999}", "quantity"},
        {"{\"title\":\"t\",\"quantity\":1,\"metadata\":{\"a\":[{\"b\":\"}\\\"\"},{\"c\":-1e400}]},\"id\":\"x\"}",
         "metadata"},
        {"{ \"metadata\" : { \"a\" : 1e400 }, \"title\" : 1e400 }", "metadata"},
        {"{\"\":1e400}", "body"},
        {"[1e400]", "body"},
        {"1e400", "body"},
        {"{\"title\":\"t\",\"quantity\":NaN}", "body"},
        {"{\"title\":\"t\",\"quantity\":01}", "body"},
        {"{\"title\":\"\",\"quantity\":1}", "title"},
        {"{\"title\":1,\"quantity\":1}", "title"},
        {"{\"title\":\"a\\nb\",\"quantity\":1}", "title"},
        {"{\"title\":\"a\u202eb\",\"quantity\":1}", "title"},
        {"{\"title\":\"a\\u202eb\",\"quantity\":1}", "title"},
        {"{\"title\":\"t\",\"quantity\":1,\"per_user_limit\":0}", "per_user_limit"},
        {"{\"title\":\"t\",\"quantity\":1,\"per_user_limit\":1001}", "per_user_limit"},
        {"{\"title\":\"t\",\"quantity\":1,\"id\":\"a b\"}", "id"},
        {"{\"title\":\"t\",\"quantity\":1,\"id\":null}", "id"},
        {"{\"title\":\"t\",\"quantity\":1,\"id\":\"\"}", "id"},
        {"{\"title\":\"t\",\"quantity\":1,\"issued\":1}", "issued"},
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
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
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
        {"{\"per_user_limit\":1001}", "per_user_limit"},
        {"{\"issued\":0}", "issued"},
        {"{\"title\":null}", "title"},
        {"{\"title\":\"\u200b\"}", "title"},
        {"{\"per_user_limit\":null}", "per_user_limit"},
        {"{\"paused\":null}", "paused"},
        {"{\"paused\":1}", "paused"},
        {"{\"starts_at\":\"2026-01-02T00:00:00Z\",\"ends_at\":\"2026-01-01T00:00:00Z\"}", "ends_at"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_field(ask("PATCH /v1/coupons/K", rows[i][0]), rows[i][1]);
}

static void all_faults_are_listed_up_to_the_limit(void **state)
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
        cmocka_unit_test(the_usual_issue_body_reads_like_any_other),
        cmocka_unit_test(an_integer_is_an_id_by_its_digits),
        cmocka_unit_test(faults_of_a_body_are_described_in_our_own_words),
        cmocka_unit_test(broken_issue_bodies_are_refused),
        cmocka_unit_test(deeply_nested_bodies_are_refused),
        cmocka_unit_test(a_whole_coupon_is_read),
        cmocka_unit_test(a_short_coupon_gets_its_defaults),
        cmocka_unit_test(broken_coupons_are_refused_by_member),
        cmocka_unit_test(changes_tell_which_members_they_mean),
        cmocka_unit_test(broken_changes_are_refused),
        cmocka_unit_test(all_faults_are_listed_up_to_the_limit),
        cmocka_unit_test(random_ids_are_valid_and_differ),
    };
    return cmocka_run_group_tests(tests, gateway_ask_set_up, NULL);
}
