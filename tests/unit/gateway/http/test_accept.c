/* The choice of a media type by Accept. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "gateway/http/accept.h"

enum { JSON, CSV, NDJSON };

static unsigned choose(const char *list)
{
    static const struct http_offer offers[] = {{"application", "json"}, {"text", "csv"}, {"application", "x-ndjson"}};
    return http_accept_choose((struct span){list, strlen(list)}, offers, 3);
}

static void the_first_offer_is_the_default(void **state)
{
    (void)state;
    static const char *const lists[] = {"", "*/*", "text/html", "image/png, */*;q=0.1", ",,", ";q=1", "text", "/", "*"};
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++)
        assert_int_equal(choose(lists[i]), JSON);
}

static void a_named_type_is_chosen_whatever_its_case_and_parameters(void **state)
{
    (void)state;
    assert_int_equal(choose("text/csv"), CSV);
    assert_int_equal(choose("  TEXT/Csv ; charset=utf-8\r\n"), CSV);
    assert_int_equal(choose("text/*"), CSV);
    assert_int_equal(choose("application/x-ndjson"), NDJSON);
    assert_int_equal(choose("text/html,\tapplication/x-ndjson"), NDJSON);
}

static void the_highest_quality_wins(void **state)
{
    (void)state;
    assert_int_equal(choose("application/json;q=0.5, text/csv;q=0.7"), CSV);
    assert_int_equal(choose("application/json;q=0.701, text/csv;q=0.7"), JSON);
    assert_int_equal(choose("application/*;q=0.2, application/x-ndjson;q=0.9, text/csv; Q=0.8"), NDJSON);
    assert_int_equal(choose("text/csv;q=nonsense, application/json;q=0.9"), CSV);
}

static void quality_0_excludes_a_type(void **state)
{
    (void)state;
    assert_int_equal(choose("text/csv;q=0, */*"), JSON);
    assert_int_equal(choose("application/json;q=0, */*;q=0.1"), CSV);
    assert_int_equal(choose("*/*;q=0"), JSON);
    assert_int_equal(choose("text/*, text/csv;q=0.000"), JSON);
}

static void of_equal_qualities_the_exact_name_wins_then_the_first_offer(void **state)
{
    (void)state;
    assert_int_equal(choose("*/*, text/csv"), CSV);
    assert_int_equal(choose("text/csv, application/json"), JSON);
    assert_int_equal(choose("application/*, application/x-ndjson"), NDJSON);
}

static void a_coding_is_accepted_if_it_is_named(void **state)
{
    static const char *const good[] = {"gzip", "deflate, GZIP ;q=0.1", "br,\tgzip\r\n", "gzip;q=1.000"};
    static const char *const bad[] = {"", "*", "gzip;q=0", "x-gzip", "gzip/1", "identity, br", "gzi"};
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        assert_true(http_accept_names_coding((struct span){good[i], strlen(good[i])}, "gzip"));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(http_accept_names_coding((struct span){bad[i], strlen(bad[i])}, "gzip"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_coding_is_accepted_if_it_is_named),
        cmocka_unit_test(the_first_offer_is_the_default),
        cmocka_unit_test(a_named_type_is_chosen_whatever_its_case_and_parameters),
        cmocka_unit_test(the_highest_quality_wins),
        cmocka_unit_test(quality_0_excludes_a_type),
        cmocka_unit_test(of_equal_qualities_the_exact_name_wins_then_the_first_offer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
