/*
 * The stream's window: what may be sent, what must be resent, and what the store has.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>

#include <cmocka.h>

#include "issuer/feed/window.h"

#define RESEND 1000

static struct window window;

static int make_window(void **state)
{
    (void)state;
    window_init(&window, 3, RESEND, 10);
    return 0;
}

static unsigned push_and_send(uint64_t first, uint64_t last, int64_t now)
{
    unsigned slot = window_push(&window, first, last, 0, false);
    window_sent(&window, slot, now);
    return slot;
}

static void window_accepts_up_to_its_capacity(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < 3; i++) {
        assert_true(window_accepts(&window));
        window_push(&window, 11 + i, 11 + i, 0, false);
    }
    assert_false(window_accepts(&window));
}

static void window_holds_everything_back_behind_a_barrier(void **state)
{
    (void)state;
    unsigned slot = window_push(&window, 11, 12, 0, true);
    assert_false(window_accepts(&window));
    window_sent(&window, slot, 0);
    assert_false(window_accepts(&window));
    assert_true(window_ack(&window, 11, 12));
    assert_int_equal(window_pop(&window), slot);
    assert_true(window_accepts(&window));
}

static void window_moves_only_over_what_is_acknowledged_without_a_gap(void **state)
{
    (void)state;
    push_and_send(11, 20, 0);
    push_and_send(21, 30, 0);
    push_and_send(31, 40, 0);
    assert_true(window_ack(&window, 21, 30));
    assert_int_equal(window_pop(&window), -1);
    assert_int_equal(window.acked_seq, 10);
    assert_true(window_ack(&window, 11, 20));
    assert_true(window_pop(&window) >= 0);
    assert_true(window_pop(&window) >= 0);
    assert_int_equal(window_pop(&window), -1);
    assert_int_equal(window.acked_seq, 30);
}

static void window_ignores_acknowledgements_of_nothing(void **state)
{
    (void)state;
    unsigned slot = window_push(&window, 11, 20, 0, false);
    assert_false(window_ack(&window, 11, 20)); /* never sent */
    window_sent(&window, slot, 0);
    assert_false(window_ack(&window, 11, 19));
    assert_false(window_ack(&window, 12, 20));
    assert_true(window_ack(&window, 11, 20));
    assert_false(window_ack(&window, 11, 20));
}

static void window_sends_again_what_is_not_acknowledged_in_time(void **state)
{
    (void)state;
    unsigned slot = push_and_send(11, 20, 100);
    assert_int_equal(window_due(&window, 100 + RESEND - 1), -1);
    assert_int_equal(window_deadline(&window), 100 + RESEND);
    assert_int_equal(window_due(&window, 100 + RESEND), slot);
}

static void window_waits_twice_as_long_each_time_up_to_ten_times(void **state)
{
    (void)state;
    unsigned slot = window_push(&window, 11, 20, 0, false);
    const int64_t factors[] = {1, 2, 4, 8, 10, 10};
    for (unsigned i = 0; i < sizeof factors / sizeof *factors; i++) {
        window_sent(&window, slot, 0);
        assert_int_equal(window_deadline(&window), RESEND * factors[i]);
    }
}

static void window_gives_a_batch_the_time_of_those_before_it(void **state)
{
    (void)state;
    push_and_send(11, 20, 0);
    push_and_send(21, 30, 0);
    unsigned third = push_and_send(31, 40, 0);
    assert_true(window_ack(&window, 11, 20));
    assert_int_equal(window_deadline(&window), 2 * RESEND);
    assert_true(window_ack(&window, 21, 30));
    assert_int_equal(window_deadline(&window), 3 * RESEND);
    window_sent(&window, third, 0); /* no batch waits before it any more */
    assert_int_equal(window_deadline(&window), 2 * RESEND);
}

static void window_sends_the_oldest_first(void **state)
{
    (void)state;
    unsigned first = window_push(&window, 11, 20, 0, false);
    unsigned second = window_push(&window, 21, 30, 0, false);
    assert_int_equal(window_due(&window, 0), first);
    window_sent(&window, first, 0);
    assert_int_equal(window_due(&window, 0), second);
}

static void window_goes_round(void **state)
{
    (void)state;
    for (uint64_t seq = 11; seq < 100; seq++) {
        unsigned slot = push_and_send(seq, seq, 0);
        assert_true(window_ack(&window, seq, seq));
        assert_int_equal(window_pop(&window), slot);
        assert_int_equal(window.acked_seq, seq);
    }
}

#define TEST(function) cmocka_unit_test_setup(function, make_window)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(window_accepts_up_to_its_capacity),
        TEST(window_holds_everything_back_behind_a_barrier),
        TEST(window_moves_only_over_what_is_acknowledged_without_a_gap),
        TEST(window_ignores_acknowledgements_of_nothing),
        TEST(window_sends_again_what_is_not_acknowledged_in_time),
        TEST(window_waits_twice_as_long_each_time_up_to_ten_times),
        TEST(window_gives_a_batch_the_time_of_those_before_it),
        TEST(window_sends_the_oldest_first),
        TEST(window_goes_round),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
