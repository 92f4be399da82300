/* Which trace contexts are accepted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "gateway/tracing/traceparent.h"

#define TRACE "4bf92f3577b34da6a3ce929d0e0e4736"
#define SPAN  "00f067aa0ba902b7"

static struct traceparent parent;

static bool reads(const char *value)
{
    parent = (struct traceparent){"x", "x", true};
    bool read = traceparent_read((struct span){value, strlen(value)}, &parent);
    assert_string_equal(parent.trace_id, read ? TRACE : "");
    assert_string_equal(parent.span_id, read ? SPAN : "");
    return read;
}

static void traceparents_are_read_as_w3c_has_them(void **state)
{
    (void)state;
    assert_true(reads("00-" TRACE "-" SPAN "-01"));
    assert_true(reads("00-" TRACE "-" SPAN "-ff"));
    assert_true(reads("cc-" TRACE "-" SPAN "-01"));
    assert_true(reads("cc-" TRACE "-" SPAN "-01-what-is-not-known-yet"));
    assert_false(reads(""));
    assert_false(reads("00-" TRACE "-" SPAN));
    assert_false(reads("00-" TRACE "-" SPAN "-0"));
    assert_false(reads("00-" TRACE "-" SPAN "-01-more"));
    assert_false(reads("cc-" TRACE "-" SPAN "-01.more"));
    assert_false(reads("ff-" TRACE "-" SPAN "-01"));
    assert_false(reads("00-4BF92F3577B34DA6A3CE929D0E0E4736-" SPAN "-01"));
    assert_false(reads("00-00000000000000000000000000000000-" SPAN "-01"));
    assert_false(reads("00-" TRACE "-0000000000000000-01"));
    assert_false(reads("00_" TRACE "-" SPAN "-01"));
    assert_false(reads("00-" TRACE "-" SPAN "-0g"));
}

static void the_lowest_flag_says_whether_the_caller_samples(void **state)
{
    static const struct {
        const char *value;
        bool sampled;
    } rows[] = {
        {"00-" TRACE "-" SPAN "-00", false}, {"00-" TRACE "-" SPAN "-01", true},  {"00-" TRACE "-" SPAN "-02", false},
        {"00-" TRACE "-" SPAN "-0f", true},  {"00-" TRACE "-" SPAN "-fe", false}, {"cc-" TRACE "-" SPAN "-ab-x", true},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_true(reads(rows[i].value));
        assert_int_equal(parent.sampled, rows[i].sampled);
    }
    assert_false(reads("00-" TRACE "-" SPAN "-1"));
    assert_false(parent.sampled);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(traceparents_are_read_as_w3c_has_them),
        cmocka_unit_test(the_lowest_flag_says_whether_the_caller_samples),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
