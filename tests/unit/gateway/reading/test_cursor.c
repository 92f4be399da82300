/* Cursors of pages of issues. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "gateway/reading/cursor.h"

static bool parses(enum reading_scope scope, const char *text, struct store_issue_key *key)
{
    return reading_cursor_parse(scope, (struct span){text, strlen(text)}, key);
}

static void assert_refused(enum reading_scope scope, const char *text)
{
    struct store_issue_key key;
    if (parses(scope, text, &key))
        fail_msg("\"%s\" was accepted", text);
}

static void a_coupons_cursor_is_a_sequence(void **state)
{
    (void)state;
    char text[READING_CURSOR_MAX];
    struct store_issue_key key = {.sequence = 4000000000u};
    assert_int_equal(reading_cursor_format(READING_COUPON, &key, text), 10);
    assert_string_equal(text, "4000000000");
    assert_true(parses(READING_COUPON, text, &key));
    assert_int_equal(key.sequence, 4000000000u);
    assert_true(parses(READING_COUPON, "0", &key));
    assert_int_equal(key.sequence, 0);
    assert_true(parses(READING_COUPON, "9999999999", &key));
    assert_int_equal(key.sequence, UINT32_MAX);
}

static void a_users_cursor_is_a_time_a_sequence_and_a_coupon(void **state)
{
    (void)state;
    char text[READING_CURSOR_MAX];
    struct store_issue_key key = {
        .issued_at_us = 1796049847494594, .sequence = 17, .coupon_id_length = 8, .coupon_id = "noon-2.0"};
    reading_cursor_format(READING_USER, &key, text);
    assert_string_equal(text, "1796049847494594-17-noon-2.0");
    struct store_issue_key read;
    assert_true(parses(READING_USER, text, &read));
    assert_true(read.issued_at_us == key.issued_at_us);
    assert_int_equal(read.sequence, 17);
    assert_int_equal(read.coupon_id_length, 8);
    assert_memory_equal(read.coupon_id, "noon-2.0", 8);
}

static void the_longest_cursor_fits(void **state)
{
    (void)state;
    char text[READING_CURSOR_MAX];
    struct store_issue_key key = {
        .issued_at_us = TIME_US_MAX, .sequence = UINT32_MAX, .coupon_id_length = COUPON_ID_MAX};
    memset(key.coupon_id, 'x', COUPON_ID_MAX);
    size_t length = reading_cursor_format(READING_USER, &key, text);
    assert_in_range(length, 1, READING_CURSOR_MAX - 1);
    assert_true(parses(READING_USER, text, &key));
}

static void anything_else_is_refused(void **state)
{
    (void)state;
    static const char *const of_coupons[] = {"", "-1", "1-", "x", " 1", "1 ", "12345678901", "1-2-c"};
    static const char *const of_users[] = {"",
                                           "1",
                                           "1-2",
                                           "1-2-",
                                           "-2-c",
                                           "1--c",
                                           "1-2-c d",
                                           "1-2-..",
                                           "1-x-c",
                                           "1-12345678901-c",
                                           "1-2-c/",
                                           "253402300800000000-1-c",
                                           "9999999999999999999-1-c"};
    for (size_t i = 0; i < sizeof of_coupons / sizeof of_coupons[0]; i++)
        assert_refused(READING_COUPON, of_coupons[i]);
    for (size_t i = 0; i < sizeof of_users / sizeof of_users[0]; i++)
        assert_refused(READING_USER, of_users[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_coupons_cursor_is_a_sequence),
        cmocka_unit_test(a_users_cursor_is_a_time_a_sequence_and_a_coupon),
        cmocka_unit_test(the_longest_cursor_fits),
        cmocka_unit_test(anything_else_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
