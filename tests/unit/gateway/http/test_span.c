/* Numbers at the beginning of a text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gateway/http/span.h"

static void digits_are_read_up_to_the_largest_value(void **state)
{
    static const struct {
        const char *text;
        uint64_t max;
        size_t digits;
        uint64_t value;
    } rows[] = {
        {"", 9, 0, 0},
        {"x1", 9, 0, 0},
        {"0", 0, 1, 0},
        {"1", 0, 0, 0},
        {"200", 200, 3, 200},
        {"201", 200, 0, 0},
        {"2000", 200, 0, 0},
        {"007x", 9, 3, 7},
        {"17-noon", UINT64_MAX, 2, 17},
        {"18446744073709551615", UINT64_MAX, 20, UINT64_MAX},
        {"18446744073709551616", UINT64_MAX, 0, 0},
        {"99999999999999999999", UINT64_MAX, 0, 0},
        {"-1", 9, 0, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint64_t value = 0;
        struct span text = {rows[i].text, strlen(rows[i].text)};
        assert_int_equal(span_decimal(text, rows[i].max, &value), rows[i].digits);
        if (rows[i].digits > 0)
            assert_true(value == rows[i].value);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(digits_are_read_up_to_the_largest_value),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
