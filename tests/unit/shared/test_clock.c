/* Time: the clock that never runs backwards, and RFC 3339 in both directions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "shared/clock.h"
#include "shared/coupon.h"

#define S INT64_C(1000000)

static void the_issuers_clock_never_runs_backwards(void **state)
{
    (void)state;
    struct monotone_clock clock = {0};
    assert_int_equal(monotone_clock_read(&clock, 100), 100);
    assert_int_equal(monotone_clock_read(&clock, 50), 100);
    assert_int_equal(monotone_clock_read(&clock, 100), 100);
    assert_int_equal(monotone_clock_read(&clock, 101), 101);
}

static void the_machines_clocks_tell_microseconds(void **state)
{
    (void)state;
    int64_t mono = clock_mono_us();
    assert_true(clock_wall_us() > INT64_C(1600000000) * S);
    assert_true(clock_mono_us() >= mono);
}

/* A text and its time; INT64_MIN: rejected. */
static const struct {
    const char *text;
    int64_t us;
} times[] = {
    {"1970-01-01T00:00:00Z", 0},
    {"1970-01-01T00:00:00.000001Z", 1},
    {"2026-11-21T02:25:00.000000Z", INT64_C(1795227900) * S},
    {"2026-11-21t02:25:00z", INT64_C(1795227900) * S},
    {"2026-11-21T02:25Z", INT64_C(1795227900) * S},
    {"2026-11-21T11:25+09:00", INT64_C(1795227900) * S},
    {"2026-11-21T11:25:00+09:00", INT64_C(1795227900) * S},
    {"2026-11-20T21:55:00-04:30", INT64_C(1795227900) * S},
    {"2026-11-21T02:25:00-00:00", INT64_C(1795227900) * S},
    {"2026-11-21T02:25:00.5Z", INT64_C(1795227900) * S + 500000},
    {"2026-11-21T02:25:00.123456789Z", INT64_C(1795227900) * S + 123456},
    {"2026-11-21T02:25:00.000000999Z", INT64_C(1795227900) * S},
    {"2000-02-29T00:00:00Z", INT64_C(951782400) * S},
    {"2024-02-29T23:59:59Z", INT64_C(1709251199) * S},
    {"1969-12-31T23:00:00-01:00", 0},
    {"9999-12-31T23:59:59.999999Z", INT64_C(253402300799) * S + 999999},
    {"2016-12-31T23:59:60Z", INT64_C(1483228800) * S},
    {"2017-01-01T08:59:60.25+09:00", INT64_C(1483228800) * S + 250000},
    {"", INT64_MIN},
    {"2026-11-21", INT64_MIN},
    {"2026-11-21T02:25:00", INT64_MIN},
    {"2026-11-21T02:25", INT64_MIN},
    {"2026-11-21T02:25:Z", INT64_MIN},
    {"2026-11-21T02:25.5Z", INT64_MIN},
    {"2026-11-21T02Z", INT64_MIN},
    {"2026-11-21 02:25:00Z", INT64_MIN},
    {" 2026-11-21T02:25:00Z", INT64_MIN},
    {"2026-11-21T02:25:00Z ", INT64_MIN},
    {"2026-11-21T02:25:00ZZ", INT64_MIN},
    {"2026-11-21T02:25:00.Z", INT64_MIN},
    {"2026-11-21T02:25:00.1234567890Z", INT64_MIN},
    {"2026-11-21T02:25:00,5Z", INT64_MIN},
    {"2026-11-21T02:25:60Z", INT64_MIN},
    {"2026-11-21T23:59:61Z", INT64_MIN},
    {"2026-11-21T24:00:00Z", INT64_MIN},
    {"2026-11-21T02:60:00Z", INT64_MIN},
    {"2026-00-21T02:25:00Z", INT64_MIN},
    {"2026-13-21T02:25:00Z", INT64_MIN},
    {"2026-11-00T02:25:00Z", INT64_MIN},
    {"2026-11-31T02:25:00Z", INT64_MIN},
    {"2023-02-29T02:25:00Z", INT64_MIN},
    {"2100-02-29T02:25:00Z", INT64_MIN},
    {"2026-11-21T02:25:00+24:00", INT64_MIN},
    {"2026-11-21T02:25:00+09:60", INT64_MIN},
    {"2026-11-21T02:25:00+0900", INT64_MIN},
    {"2026-11-21T02:25:00+9:00", INT64_MIN},
    {"26-11-21T02:25:00Z", INT64_MIN},
    {"-026-11-21T02:25:00Z", INT64_MIN},
    {"1969-12-31T23:59:59Z", INT64_MIN},
    {"1970-01-01T00:00:00+00:01", INT64_MIN},
    {"9999-12-31T23:59:59-00:01", INT64_MIN},
    {"9999-12-31T23:59:60Z", INT64_MIN},
};

static void rfc3339_reads_every_form_and_refuses_what_is_none(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
        int64_t us = INT64_MIN;
        bool read = rfc3339_parse(times[i].text, strlen(times[i].text), &us);
        if (us != times[i].us || read != (times[i].us != INT64_MIN))
            fail_msg("\"%s\" gave %lld", times[i].text, (long long)us);
    }
}

static void rfc3339_stops_at_the_length_it_is_given(void **state)
{
    (void)state;
    int64_t us;
    assert_true(rfc3339_parse("2026-11-21T02:25:00Zjunk", 20, &us));
    assert_false(rfc3339_parse("2026-11-21T02:25:00Z", 19, &us));
    assert_false(rfc3339_parse("2026-11-21T02:25:00\0Z", 21, &us));
}

static void rfc3339_writes_what_it_reads_back(void **state)
{
    (void)state;
    char text[RFC3339_MAX];
    uint64_t random = 88172645463325252u;
    for (int i = 0; i < 20000; i++) {
        random ^= random << 13, random ^= random >> 7, random ^= random << 17;
        int64_t us = (int64_t)(random % (UINT64_C(253402300800) * 1000000)), back = -1;
        assert_int_equal(rfc3339_format(us, text), RFC3339_MAX - 1);
        assert_true(rfc3339_parse(text, strlen(text), &back));
        assert_int_equal(back, us);
    }
}

static void rfc3339_writes_each_day_of_the_calendar_in_its_order(void **state)
{
    (void)state;
    char text[RFC3339_MAX], before[RFC3339_MAX] = "";
    for (int64_t day = 0; day < 2932897; day += day < 80000 ? 1 : 97) {
        rfc3339_format(day * 86400 * S, text);
        assert_true(strcmp(before, text) < 0);
        strcpy(before, text);
    }
    rfc3339_format(INT64_C(1795227900) * S + 42, text);
    assert_string_equal(text, "2026-11-21T02:25:00.000042Z");
}

static void rfc3339_writes_times_out_of_its_years_as_the_nearest(void **state)
{
    (void)state;
    char text[RFC3339_MAX];
    rfc3339_format(TIME_NONE, text);
    assert_string_equal(text, "1970-01-01T00:00:00.000000Z");
    rfc3339_format(INT64_MAX, text);
    assert_string_equal(text, "9999-12-31T23:59:59.999999Z");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_issuers_clock_never_runs_backwards),
        cmocka_unit_test(the_machines_clocks_tell_microseconds),
        cmocka_unit_test(rfc3339_reads_every_form_and_refuses_what_is_none),
        cmocka_unit_test(rfc3339_stops_at_the_length_it_is_given),
        cmocka_unit_test(rfc3339_writes_what_it_reads_back),
        cmocka_unit_test(rfc3339_writes_each_day_of_the_calendar_in_its_order),
        cmocka_unit_test(rfc3339_writes_times_out_of_its_years_as_the_nearest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
