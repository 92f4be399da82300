#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "coupond/bench/request.h"

static char text[BENCH_REQUEST_MAX];

static const char *write_for(enum bench_operation operation, const char *token)
{
    struct bench_options options = {.coupon = "A", .url = {.prefix = "/shop"}, .plan = {.prefix = "u-"}};
    struct bench_request request = {.operation = operation, .reference = 9};
    request.holding = (struct bench_holding){.user = 7, .reference = 5, .sequence = 3, .code = "7H2K9QX4T03N"};
    strcpy(options.token, token);
    size_t length = bench_request_write(&request, &options, "h:80", text);
    assert_int_equal(length, strlen(text));
    return text;
}

static void request_for_an_issue_names_the_user(void **state)
{
    (void)state;
    assert_string_equal(write_for(BENCH_OPERATION_ISSUE, "t"),
                        "POST /shop/v1/coupons/A/issues HTTP/1.1\r\nHost: h:80\r\nContent-Type: application/json\r\n"
                        "Content-Length: 17\r\n\r\n{\"user_id\":\"u-7\"}");
}

static void request_to_redeem_names_the_issue_and_a_new_reference(void **state)
{
    (void)state;
    assert_string_equal(write_for(BENCH_OPERATION_REDEEM, ""),
                        "PUT /shop/v1/coupons/A/issues/u-7/redemption HTTP/1.1\r\nHost: h:80\r\n"
                        "Content-Type: application/json\r\nContent-Length: 36\r\n\r\n"
                        "{\"reference\":\"bench-9\",\"sequence\":3}");
}

static void requests_without_a_body_have_no_length(void **state)
{
    (void)state;
    static const struct {
        enum bench_operation operation;
        const char *line;
    } cases[] = {
        {BENCH_OPERATION_WALLET, "GET /shop/v1/users/u-7/issues?limit=5"},
        {BENCH_OPERATION_LOOKUP, "GET /shop/v1/coupons/A/issues/u-7"},
        {BENCH_OPERATION_CODE, "GET /shop/v1/codes/7H2K9QX4T03N"},
        {BENCH_OPERATION_UNDO, "DELETE /shop/v1/coupons/A/issues/u-7/redemption?reference=bench-5"},
        {BENCH_OPERATION_REVOKE, "DELETE /shop/v1/coupons/A/issues/u-7?reason=bench&sequence=3"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char expected[256];
        snprintf(expected, sizeof expected, "%s HTTP/1.1\r\nHost: h:80\r\n\r\n", cases[i].line);
        assert_string_equal(write_for(cases[i].operation, ""), expected);
    }
}

static void requests_other_than_for_an_issue_carry_the_token(void **state)
{
    (void)state;
    for (enum bench_operation i = 0; i < BENCH_OPERATION_COUNT; i++)
        assert_int_equal(strstr(write_for(i, "t"), "\r\nAuthorization: Bearer t\r\n") != NULL,
                         i != BENCH_OPERATION_ISSUE);
}

static void request_with_the_longest_values_fits(void **state)
{
    (void)state;
    static struct bench_options options = {.plan = {.first = UINT64_C(999999999999999)}};
    struct bench_request request = {.holding = {.reference = UINT64_MAX, .sequence = UINT32_MAX}};
    char authority[300] = {0};
    memset(authority, 'h', sizeof authority - 1);
    memset(options.coupon, 'c', sizeof options.coupon - 1);
    memset(options.token, 't', sizeof options.token - 1);
    memset(options.url.prefix, 'p', sizeof options.url.prefix - 1);
    memset(options.plan.prefix, 'u', sizeof options.plan.prefix - 1);
    for (request.operation = 0; request.operation < BENCH_OPERATION_COUNT; request.operation++)
        assert_true(bench_request_write(&request, &options, authority, text) > 500);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(request_for_an_issue_names_the_user),
        cmocka_unit_test(request_to_redeem_names_the_issue_and_a_new_reference),
        cmocka_unit_test(requests_without_a_body_have_no_length),
        cmocka_unit_test(requests_other_than_for_an_issue_carry_the_token),
        cmocka_unit_test(request_with_the_longest_values_fits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
