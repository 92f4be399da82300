#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <math.h>

#include "coupond/metrics_text.h"

/* --- helpers --- */

static struct metrics_text text;
static struct metrics_sample sample;

static void begin(const char *from)
{
    text = (struct metrics_text){from, from + strlen(from)};
}

static void assert_next(const char *name, double value)
{
    assert_true(metrics_text_next(&text, &sample));
    assert_true(metrics_sample_is(&sample, name));
    assert_float_equal(sample.value, value, 1e-9);
}

static void assert_label(const char *name, const char *value)
{
    char found[32];
    assert_true(metrics_sample_label(&sample, name, found, sizeof found));
    assert_string_equal(found, value);
}

static void assert_no_label(const char *name)
{
    char found[8] = "before";
    assert_false(metrics_sample_label(&sample, name, found, sizeof found));
    assert_string_equal(found, "");
}

/* --- tests --- */

static void samples_are_read_one_by_one(void **state)
{
    (void)state;
    begin("# HELP a b\n# TYPE a counter\na 1\nb{x=\"y\"} 2.5\nc{} 3e2 1700000000000\n\n  d\t4\r\ne 5");
    assert_next("a", 1);
    assert_next("b", 2.5);
    assert_label("x", "y");
    assert_next("c", 300);
    assert_next("d", 4);
    assert_next("e", 5);
    assert_false(metrics_text_next(&text, &sample));
    assert_false(metrics_text_next(&text, &sample));
}

static void values_that_are_no_numbers_are_read_as_such(void **state)
{
    (void)state;
    begin("a +Inf\nb NaN\nc -Inf\n");
    assert_true(metrics_text_next(&text, &sample) && isinf(sample.value));
    assert_true(metrics_text_next(&text, &sample) && isnan(sample.value));
    assert_true(metrics_text_next(&text, &sample) && isinf(sample.value));
}

static void lines_that_are_not_understood_are_passed_over(void **state)
{
    (void)state;
    begin("a\nb {\nc{x=\"y\" 1\nd{x=\"y} 1\ne 1x\nf \n1.5\n{x=\"y\"} 1\n\x1b[31m 7\ng 1,5\n"
          "h 1111111111111111111111111111111111111111111111111111111111111111\nlast 9\n");
    assert_next("last", 9);
    assert_false(metrics_text_next(&text, &sample));
}

static void bytes_of_zero_are_no_end(void **state)
{
    (void)state;
    static const char bytes[] = "a\0b 1\nc 2\n\0\nd{x=\"\0\"} 3\n";
    text = (struct metrics_text){bytes, bytes + sizeof bytes - 1};
    assert_next("c", 2);
    assert_next("d", 3);
    assert_no_label("x");
    assert_false(metrics_text_next(&text, &sample));
}

static void labels_are_found_by_name(void **state)
{
    (void)state;
    begin("a{partition=\"0\",verdict=\"issued\", le = \"1\"} 1\nb{le=\"0.5\",} 1\nc 1\n");
    assert_next("a", 1);
    assert_label("partition", "0");
    assert_label("verdict", "issued");
    assert_no_label("verd");
    assert_no_label("le"); /* blanks around the sign make this and all following labels invalid */
    assert_next("b", 1);
    assert_label("le", "0.5");
    assert_next("c", 1);
    assert_no_label("le");
}

static void escapes_in_a_label_are_undone(void **state)
{
    (void)state;
    begin("a{x=\"}\\\"\\\\\\n,y=\",y=\"\\}\"} 1\nb{x=\"\\\"} 1\nc{x=\"\\\n\"} 1\nd 2\n");
    assert_next("a", 1);
    assert_label("x", "}\"\\\n,y=");
    assert_label("y", "}");
    assert_next("d", 2);
}

static void a_label_without_room_is_none(void **state)
{
    (void)state;
    begin("a{x=\"1234567\",y=\"12345678\"} 1\n");
    assert_next("a", 1);
    assert_label("x", "1234567");
    assert_no_label("y");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(samples_are_read_one_by_one),
        cmocka_unit_test(values_that_are_no_numbers_are_read_as_such),
        cmocka_unit_test(lines_that_are_not_understood_are_passed_over),
        cmocka_unit_test(bytes_of_zero_are_no_end),
        cmocka_unit_test(labels_are_found_by_name),
        cmocka_unit_test(escapes_in_a_label_are_undone),
        cmocka_unit_test(a_label_without_room_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
