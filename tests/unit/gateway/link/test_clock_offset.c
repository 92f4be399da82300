/* Where the issuer's times lie on a gateway thread's clock. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gateway/link/clock_offset.h"

#define AHEAD_US INT64_C(-5000000) /* the gateway's clock minus the issuer's */

static struct link_clock_offset offset;

static int forget(void **state)
{
    (void)state;
    offset = (struct link_clock_offset){0};
    return 0;
}

/* A turn from `began_us` to `synced_us` of the gateway's clock. */
static struct link_turn place(int64_t sent_us, int64_t began_us, int64_t synced_us, int64_t received_us)
{
    struct link_turn turn = {.sent_us = sent_us,
                             .began_us = began_us - AHEAD_US,
                             .decided_us = began_us + 1 - AHEAD_US,
                             .synced_us = synced_us - AHEAD_US,
                             .received_us = received_us};
    link_clock_offset_place(&offset, &turn);
    assert_true(turn.sent_us <= turn.began_us && turn.began_us <= turn.decided_us &&
                turn.decided_us <= turn.synced_us && turn.synced_us <= turn.received_us);
    return turn;
}

static void a_single_turn_is_put_into_the_middle(void **state)
{
    (void)state;
    struct link_turn turn = place(1000, 1300, 1400, 1500);
    assert_int_equal(turn.began_us, 1200);
    assert_int_equal(turn.decided_us, 1201);
    assert_int_equal(turn.synced_us, 1300);
}

static void the_tightest_bounds_of_all_turns_count(void **state)
{
    (void)state;
    place(1000, 1002, 1100, 1500); /* a quick way there */
    place(2000, 2400, 2498, 2500); /* a quick way back */
    struct link_turn turn = place(3000, 3800, 3850, 4000);
    assert_int_equal(turn.began_us, 3800);
    assert_int_equal(turn.synced_us, 3850);
}

static void old_bounds_are_forgotten(void **state)
{
    (void)state;
    place(1000, 1002, 1498, 1500);
    int64_t later_us = 3 * CLOCK_OFFSET_KEPT_US;
    struct link_turn turn = place(later_us, later_us + 300, later_us + 400, later_us + 500);
    assert_int_equal(turn.began_us, later_us + 200);
}

static void recent_bounds_are_kept_for_a_while(void **state)
{
    (void)state;
    place(1000, 1002, 1498, 1500);
    int64_t later_us = CLOCK_OFFSET_KEPT_US + 2000;
    struct link_turn turn = place(later_us, later_us + 300, later_us + 400, later_us + 500);
    assert_int_equal(turn.began_us, later_us + 300);
}

static void bounds_that_contradict_each_other_begin_anew(void **state)
{
    (void)state;
    place(1000, 1002, 1498, 1500);
    struct link_turn turn = place(2000, 72300, 72400, 2500); /* the issuer's clock has jumped by 70 ms */
    assert_int_equal(turn.began_us, 2200);
    turn = place(3000, 73100, 73400, 3500);
    assert_in_range(turn.began_us, 3000, 3200);
}

static void a_turn_longer_than_its_frame_took_is_cut(void **state)
{
    (void)state;
    struct link_turn turn = place(1000, 1000, 3000, 1500); /* the clocks run at different rates */
    assert_int_equal(turn.synced_us, 1500);
    turn = place(9000, 9000, 9001, 8000); /* received before it was sent */
    assert_int_equal(turn.received_us, 9000);
    assert_int_equal(turn.began_us, 9000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_single_turn_is_put_into_the_middle, forget),
        cmocka_unit_test_setup(the_tightest_bounds_of_all_turns_count, forget),
        cmocka_unit_test_setup(old_bounds_are_forgotten, forget),
        cmocka_unit_test_setup(recent_bounds_are_kept_for_a_while, forget),
        cmocka_unit_test_setup(bounds_that_contradict_each_other_begin_anew, forget),
        cmocka_unit_test_setup(a_turn_longer_than_its_frame_took_is_cut, forget),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
