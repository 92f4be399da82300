#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "coupond/bench/options.h"
#include "coupond/bench/report.h"

/* --- helpers --- */

static struct bench_options options;
static struct error error;

#define READ(...) read_words((char *[]){"bench", __VA_ARGS__, NULL})

static int read_words(char **argv)
{
    int argc = 0;
    while (argv[argc] != NULL)
        argc++;
    error.text[0] = '\0';
    return bench_options_read(&options, argc, argv, "0a1b2c3d", &error);
}

static void assert_refused(int result, const char *words)
{
    assert_int_equal(result, -1);
    if (strstr(error.text, words) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", error.text, words);
}

/* --- tests --- */

static void options_have_defaults(void **state)
{
    (void)state;
    assert_int_equal(read_words((char *[]){"bench", NULL}), 0);
    assert_string_equal(options.url.host, "127.0.0.1");
    assert_string_equal(options.url.port, "8080");
    assert_string_equal(options.coupon, "bench-0a1b2c3d");
    assert_int_equal(options.create, options.plan.requests);
    assert_string_equal(options.plan.prefix, "bench-0a1b2c3d-");
    assert_int_equal(options.plan.requests, 10000);
    assert_int_equal(options.timeout_ms, 10000);
    assert_false(bench_mix_is_mixed(&options.plan.mix));
}

static void options_are_read(void **state)
{
    (void)state;
    assert_int_equal(READ("--url", "http://[::1]:81/shop/", "--coupon=B", "--rate", "20000/s", "--duration", "30s",
                          "--connections", "256", "--duplicates", "0.25", "--users", "1-500", "--threads", "2",
                          "--timeout", "3", "--mix", "issue=60,redeem=40", "--json"),
                     0);
    assert_string_equal(options.url.host, "::1");
    assert_string_equal(options.url.port, "81");
    assert_string_equal(options.url.prefix, "/shop");
    assert_string_equal(options.coupon, "B");
    assert_int_equal(options.plan.requests, 600000);
    assert_int_equal(options.plan.users, 500);
    assert_int_equal(options.plan.mix.percent[BENCH_OPERATION_REDEEM], 40);
    assert_int_equal(options.timeout_ms, 3000);
    assert_true(options.json);
}

static void options_end_a_run_by_requests_too(void **state)
{
    (void)state;
    assert_int_equal(READ("--rate", "3000", "--requests", "20000000", "--duration", "5"), 0);
    assert_int_equal(options.plan.requests, 20000000);
    assert_int_equal(options.duration_s, 6667);
    assert_int_equal(options.progress_s, 1);
    assert_int_equal(options.slow_ms, 0);
    assert_int_equal(READ("--progress", "2s", "--slow", "10ms"), 0);
    assert_int_equal(options.progress_s, 2);
    assert_int_equal(options.slow_ms, 10);
}

static void options_make_up_a_name_for_a_coupon_to_create(void **state)
{
    (void)state;
    assert_int_equal(READ("--create", "4000000000"), 0);
    assert_string_equal(options.coupon, "bench-0a1b2c3d");
    assert_int_equal(READ("--create", "5", "--coupon", "MINE"), 0);
    assert_string_equal(options.coupon, "MINE");
}

static void options_out_of_bounds_are_refused(void **state)
{
    (void)state;
    assert_refused(READ("--rate", "0"), "--rate 0: it must be");
    assert_refused(READ("--rate", "1000001"), "--rate 1000001");
    assert_refused(READ("--rate", "-5"), "--rate -5");
    assert_refused(READ("--rate", "1e3"), "--rate 1e3");
    assert_refused(READ("--rate", ""), "--rate");
    assert_refused(READ("--duration", "0"), "--duration 0");
    assert_refused(READ("--requests", "0"), "--requests 0");
    assert_refused(READ("--requests", "100000001"), "--requests 100000001");
    assert_refused(READ("--progress", "0"), "--progress 0");
    assert_refused(READ("--slow", "0.5"), "--slow 0.5");
    assert_refused(READ("--connections", "20001"), "--connections 20001");
    assert_refused(READ("--duplicates", "1.1"), "--duplicates 1.1");
    assert_refused(READ("--duplicates", "nan"), "--duplicates nan");
    assert_refused(READ("--mix", "issue=60,redeem=39"), "--mix issue=60,redeem=39: the shares must add up to 100");
    assert_refused(READ("--mix", ""), "--mix: the value is empty");
    assert_refused(READ("--users", "a b"), "--users a b");
    assert_refused(READ("--users", "5-1"), "--users 5-1: it must be");
    assert_refused(READ("--coupon", "a/b"), "--coupon a/b");
    assert_refused(READ("--create", "4000000001"), "--create 4000000001");
    assert_refused(READ("--timeout", "0"), "--timeout 0");
    assert_refused(READ("--token", "a b"), "--token");
}

static void options_that_do_not_go_together_are_refused(void **state)
{
    (void)state;
    assert_refused(READ("--rate", "1000000", "--duration", "101"), "more than 100000000 requests");
    assert_refused(READ("--threads", "8", "--connections", "4"), "--threads 8 is more than --connections 4");
}

static void options_not_known_are_refused(void **state)
{
    (void)state;
    assert_refused(READ("--speed", "1"), "unknown option --speed");
    assert_refused(READ("--rate"), "--rate: a value is missing");
    assert_refused(READ("http://127.0.0.1"), "argument 1 is unexpected");
}

static void url_without_a_port_means_80(void **state)
{
    (void)state;
    struct http_url url;
    assert_true(http_url_parse(&url, "http://shop.example"));
    assert_string_equal(url.host, "shop.example");
    assert_string_equal(url.port, "80");
    assert_string_equal(url.prefix, "");
    assert_true(http_url_parse(&url, "http://[::1]"));
    assert_string_equal(url.host, "::1");
}

static void url_that_is_none_is_refused(void **state)
{
    (void)state;
    static const char *bad[] = {
        "",           "127.0.0.1:8080",  "https://a",   "http://",          "http://:80",     "http://a:",
        "http://a:0", "http://a:65536",  "http://a:8x", "http://a b",       "http://a\r\nX:", "http://[::1",
        "http://[]",  "http://[::1]x:1", "http://a?b",  "http://user@host", "http://a/\x7f"};
    struct http_url url;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (http_url_parse(&url, bad[i]))
            fail_msg("\"%s\" was taken", bad[i]);
}

static void numbers_are_printed_in_thousands(void **state)
{
    (void)state;
    char out[BENCH_NUMBER_MAX];
    assert_string_equal(bench_number(0, out), "0");
    assert_string_equal(bench_number(999, out), "999");
    assert_string_equal(bench_number(1000, out), "1,000");
    assert_string_equal(bench_number(1234567, out), "1,234,567");
    assert_string_equal(bench_number(UINT64_MAX, out), "18,446,744,073,709,551,615");
}

int main(void)
{
    unsetenv("COUPOND_GATEWAY_ADMIN_TOKEN");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_have_defaults),
        cmocka_unit_test(options_are_read),
        cmocka_unit_test(options_end_a_run_by_requests_too),
        cmocka_unit_test(options_make_up_a_name_for_a_coupon_to_create),
        cmocka_unit_test(options_out_of_bounds_are_refused),
        cmocka_unit_test(options_that_do_not_go_together_are_refused),
        cmocka_unit_test(options_not_known_are_refused),
        cmocka_unit_test(url_without_a_port_means_80),
        cmocka_unit_test(url_that_is_none_is_refused),
        cmocka_unit_test(numbers_are_printed_in_thousands),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
