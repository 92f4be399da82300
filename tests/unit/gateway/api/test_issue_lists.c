/* Requests for lists of issues, read as questions to the store. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/unit/gateway/gateway_ask.h"

/* --- helpers --- */

static const struct reading_question *question_of(const char *line, const char *fields)
{
    struct api_call *call = ask_with(&open_door, line, fields, "");
    assert_int_equal(call->kind, API_READING);
    return &call->question;
}

static enum reading_format format_of(const char *query, const char *fields)
{
    char line[128];
    snprintf(line, sizeof line, "GET /v1/coupons/A/issues%s", query);
    return question_of(line, fields)->format;
}

/* --- tests --- */

static void a_list_names_its_user_or_coupon_and_begins_at_the_first_page(void **state)
{
    (void)state;
    const struct reading_question *question = question_of("GET /v1/users/a:b@c/issues", "");
    assert_int_equal(question->scope, READING_USER);
    assert_int_equal(question->id_length, 5);
    assert_memory_equal(question->id, "a:b@c", 5);
    assert_int_equal(question->limit, LIST_LIMIT_DEFAULT);
    assert_false(question->continues);
    question = question_of("HEAD /v1/coupons/A/issues", "");
    assert_int_equal(question->scope, READING_COUPON);
    assert_int_equal(question->format, READING_JSON);
    assert_int_equal(question->limit, LIST_LIMIT_DEFAULT);
}

static void a_cursor_is_that_of_its_list(void **state)
{
    (void)state;
    const struct reading_question *question = question_of("GET /v1/users/u/issues?cursor=5-7-A&limit=200", "");
    assert_true(question->continues && question->after.issued_at_us == 5);
    assert_int_equal(question->after.sequence, 7);
    assert_int_equal(question->limit, 200);
    assert_int_equal(question_of("GET /v1/coupons/A/issues?cursor=%37", "")->after.sequence, 7);
    assert_field(ask("GET /v1/users/u/issues?cursor=7", ""), "cursor");
    assert_field(ask("GET /v1/coupons/A/issues?cursor=5-7-A", ""), "cursor");
    assert_field(ask("GET /v1/coupons/A/issues?cursor=", ""), "cursor");
}

static void a_stream_has_no_limit_unless_it_is_given(void **state)
{
    (void)state;
    assert_int_equal(question_of("GET /v1/coupons/A/issues", "Accept: text/csv\r\n")->limit, 0);
    assert_int_equal(question_of("GET /v1/coupons/A/issues?limit=3", "Accept: text/csv\r\n")->limit, 3);
}

static void accept_and_format_choose_the_form_of_a_coupons_list(void **state)
{
    (void)state;
    assert_int_equal(format_of("", "Accept: text/html\r\naccept: text/csv;q=0.1\r\n"), READING_CSV);
    assert_int_equal(format_of("", "Accept: application/x-ndjson\r\n"), READING_NDJSON);
    assert_int_equal(format_of("", "Accept: image/png\r\n"), READING_JSON);
    assert_int_equal(format_of("?format=ndjson", "Accept: text/csv\r\n"), READING_NDJSON);
    assert_int_equal(format_of("?format=json", "Accept: text/csv\r\n"), READING_JSON);
    assert_field(ask("GET /v1/coupons/A/issues?format=CSV", ""), "format");
    assert_field(ask("GET /v1/coupons/A/issues?format=csv&format=csv", ""), "format");
}

static void the_list_of_a_user_is_json(void **state)
{
    (void)state;
    assert_int_equal(question_of("GET /v1/users/u/issues", "Accept: text/csv\r\n")->format, READING_JSON);
    assert_field(ask("GET /v1/users/u/issues?format=csv", ""), "format");
}

static void lists_are_for_operators(void **state)
{
    (void)state;
    static const char *const lines[] = {"GET /v1/users/u/issues", "HEAD /v1/coupons/A/issues"};
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        assert_error(ask_with(&guarded, lines[i], "", ""), ERROR_UNAUTHORIZED);
        assert_int_equal(ask_with(&guarded, lines[i], "Authorization: Bearer secret\r\n", "")->kind, API_READING);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_list_names_its_user_or_coupon_and_begins_at_the_first_page),
        cmocka_unit_test(a_cursor_is_that_of_its_list),
        cmocka_unit_test(a_stream_has_no_limit_unless_it_is_given),
        cmocka_unit_test(accept_and_format_choose_the_form_of_a_coupons_list),
        cmocka_unit_test(the_list_of_a_user_is_json),
        cmocka_unit_test(lists_are_for_operators),
    };
    return cmocka_run_group_tests(tests, gateway_ask_set_up, NULL);
}
