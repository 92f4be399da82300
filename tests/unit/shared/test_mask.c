#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "shared/mask.h"

static void no_secret_of_an_address_is_shown(void **state)
{
    static const struct {
        const char *text, *masked;
    } rows[] = {
        {"", ""},
        {"http://127.0.0.1:8080/path", "http://127.0.0.1:8080/path"},
        {"/etc/coupond.conf", "/etc/coupond.conf"},
        {"mysql://app:s3cret@db:3306/coupond", "mysql://***@db:3306/coupond"},
        {"app:s3cret@db", "***@db"},
        {"redis://app:s3@cret@db", "redis://***@db"},
        {"http://host:80/x?token=s3cret", "http://host:80/x?***"},
        {"http://app:s3cret@host/?token=s3cret", "http://***@host/?***"},
        {"http://host/#token=s3cret", "http://host/#***"},
        {"http://app:s3?cret@host", "http://***"},
        {"http://host/?mail=a@b&token=s3cret", "http://***"},
        {"s3cret?x://@host", "***"},
        {"s3cret@host://x", "***@host://x"},
        {"?", "?***"},
        {"@", "***@"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char masked[MASKED_MAX];
        mask_secrets(rows[i].text, masked);
        assert_string_equal(masked, rows[i].masked);
    }
}

static void what_is_too_long_ends_in_an_ellipsis(void **state)
{
    char text[2000], masked[MASKED_MAX];
    (void)state;
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    mask_secrets(text, masked);
    assert_int_equal(strlen(masked), 255 + 3);
    assert_string_equal(masked + 255, "...");
    memcpy(text, "http://", 7);
    text[100] = '@';
    text[sizeof text - 2] = '?';
    mask_secrets(text, masked);
    assert_int_equal(strlen(masked), 7 + 3 + 255 + 3 + 4);
    assert_string_equal(masked + strlen(masked) - 8, "x...?***");
}

static void an_address_is_told_from_a_path(void **state)
{
    static const char *const addresses[] = {"mysql://host",      "app:s3cret@host",          "app:s3/cret@host/x",
                                            "//app:s3cret@host", "http://host?token=s3cret", "host:80/?token=s3cret"};
    static const char *const paths[] = {"",    "var", "/var/a:b@c", "./a:b@c", "../http://x",
                                        "a@b", "a:b", "C:\\x",      "a@b:c"};
    (void)state;
    for (size_t i = 0; i < sizeof addresses / sizeof *addresses; i++)
        assert_true(is_copied_address(addresses[i]));
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        assert_false(is_copied_address(paths[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_secret_of_an_address_is_shown),
        cmocka_unit_test(what_is_too_long_ends_in_an_ellipsis),
        cmocka_unit_test(an_address_is_told_from_a_path),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
