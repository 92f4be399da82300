/* The time that a slow reader gets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gateway/connection/write_watch.h"

enum { TIMEOUT_MS = 100, BEGUN_MS = 5000 };

static void a_reader_that_takes_nothing_has_one_time_out(void **state)
{
    (void)state;
    struct write_watch watch;
    write_watch_begin(&watch, 1000, BEGUN_MS);
    assert_int_equal(write_watch_due_ms(&watch, TIMEOUT_MS), BEGUN_MS + TIMEOUT_MS);
    write_watch_see(&watch, 1000, BEGUN_MS + 90);
    assert_int_equal(write_watch_due_ms(&watch, TIMEOUT_MS), BEGUN_MS + TIMEOUT_MS);
}

static void a_reader_that_goes_on_has_another(void **state)
{
    (void)state;
    struct write_watch watch;
    write_watch_begin(&watch, 1000, BEGUN_MS);
    write_watch_see(&watch, 999, BEGUN_MS + 90);
    assert_int_equal(write_watch_due_ms(&watch, TIMEOUT_MS), BEGUN_MS + 90 + TIMEOUT_MS);
    write_watch_see(&watch, 999, BEGUN_MS + 180);
    assert_int_equal(write_watch_due_ms(&watch, TIMEOUT_MS), BEGUN_MS + 90 + TIMEOUT_MS);
}

static void more_that_is_left_is_no_progress_nor_is_the_way_back(void **state)
{
    (void)state;
    struct write_watch watch;
    write_watch_begin(&watch, 1000, BEGUN_MS);
    write_watch_see(&watch, 1200, BEGUN_MS + 50);
    write_watch_see(&watch, 1000, BEGUN_MS + 60);
    assert_int_equal(write_watch_due_ms(&watch, TIMEOUT_MS), BEGUN_MS + TIMEOUT_MS);
}

static void a_reader_of_a_byte_at_a_time_does_not_hold_on_for_ever(void **state)
{
    uint64_t now_ms = BEGUN_MS;
    size_t left = 1000;
    (void)state;
    struct write_watch watch;
    write_watch_begin(&watch, left, now_ms);
    while (now_ms < write_watch_due_ms(&watch, TIMEOUT_MS))
        write_watch_see(&watch, --left, (now_ms += TIMEOUT_MS / 2));
    assert_int_equal(now_ms, BEGUN_MS + WRITE_TIMEOUTS_MAX * TIMEOUT_MS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_reader_that_takes_nothing_has_one_time_out),
        cmocka_unit_test(a_reader_that_goes_on_has_another),
        cmocka_unit_test(more_that_is_left_is_no_progress_nor_is_the_way_back),
        cmocka_unit_test(a_reader_of_a_byte_at_a_time_does_not_hold_on_for_ever),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
