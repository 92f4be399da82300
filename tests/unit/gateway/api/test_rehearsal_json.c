/*
 * The body that asks for a rehearsal, and the address that its crowd is sent to.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/api/rehearsal_json.h"

/* --- helpers --- */

static struct rehearsal_request request;
static struct api_errors errors;

static bool reads(const char *text)
{
    errors.count = 0;
    return rehearsal_json_read((struct span){text, strlen(text)}, &request, &errors);
}

static const char *url_of(const char *http)
{
    static char url[320];
    return rehearsal_url_format(http, url, sizeof url) ? url : "none";
}

/* --- tests --- */

static void a_coupon_is_enough(void **state)
{
    (void)state;
    assert_true(reads("{\"coupon_id\":\"noon\"}"));
    assert_string_equal(request.coupon_id, "noon");
    assert_int_equal(request.users, REHEARSAL_USERS_DEFAULT);
    assert_int_equal(request.connections, 0);
    assert_int_equal(request.quantity, 0);
}

static void numbers_are_taken_up_to_their_bounds(void **state)
{
    (void)state;
    assert_true(reads("{\"coupon_id\":\"a\",\"users\":10000000,\"connections\":20000,\"quantity\":4000000000}"));
    assert_int_equal(request.users, 10000000);
    assert_int_equal(request.connections, 20000);
    assert_int_equal(request.quantity, 4000000000u);
    assert_true(reads("{\"coupon_id\":\"a\",\"users\":1,\"connections\":1,\"quantity\":1}"));
}

static void each_faulty_member_is_named(void **state)
{
    (void)state;
    assert_false(reads("{\"users\":0,\"connections\":20001,\"quantity\":\"1\",\"url\":\"x\"}"));
    assert_int_equal(errors.count, 5);
    assert_string_equal(errors.rows[0].field, "users");
    assert_string_equal(errors.rows[4].field, "coupon_id");
    assert_false(reads("{\"coupon_id\":\"../x\"}"));
    assert_false(reads("{\"coupon_id\":7}"));
    assert_false(reads("{\"coupon_id\":\"a\",\"users\":1.5}"));
    assert_false(reads("[]"));
    assert_false(reads(""));
}

static void the_crowd_is_sent_to_the_gateway_itself(void **state)
{
    (void)state;
    assert_string_equal(url_of("127.0.0.1:8080"), "http://127.0.0.1:8080");
    assert_string_equal(url_of("*:8080"), "http://127.0.0.1:8080");
    assert_string_equal(url_of("0.0.0.0:80"), "http://127.0.0.1:80");
    assert_string_equal(url_of("[::]:8080"), "http://[::1]:8080");
    assert_string_equal(url_of("[::1]:8080"), "http://[::1]:8080");
    assert_string_equal(url_of("localhost:8080"), "http://localhost:8080");
    assert_string_equal(url_of("nonsense"), "none");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_coupon_is_enough),
        cmocka_unit_test(numbers_are_taken_up_to_their_bounds),
        cmocka_unit_test(each_faulty_member_is_named),
        cmocka_unit_test(the_crowd_is_sent_to_the_gateway_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
