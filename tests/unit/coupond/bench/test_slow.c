#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "coupond/bench/episodes.h"
#include "coupond/bench/stalls.h"

#define LIMIT_US 100

static struct bench_episodes episodes;

static int setup(void **state)
{
    (void)state;
    bench_episodes_init(&episodes, LIMIT_US);
    return 0;
}

/* --- episodes --- */

static void answers_within_the_limit_are_no_episode(void **state)
{
    (void)state;
    bench_episodes_add(&episodes, 1000, 1000 + LIMIT_US);
    assert_int_equal(episodes.answers, 0);
    assert_int_equal(episodes.seen, 0);
    assert_int_equal(bench_episodes_beyond_stalls(&episodes), 0);
}

static void without_a_limit_no_answer_is_slow(void **state)
{
    (void)state;
    bench_episodes_init(&episodes, 0);
    bench_episodes_add(&episodes, 0, 1000000);
    assert_int_equal(episodes.seen, 0);
}

static void answers_with_overlapping_waits_are_one_episode(void **state)
{
    (void)state;
    bench_episodes_add(&episodes, 1000, 1500);
    bench_episodes_add(&episodes, 900, 1510);
    bench_episodes_add(&episodes, 1510, 1700);
    assert_int_equal(episodes.seen, 1);
    assert_int_equal(episodes.answers, 3);
    assert_int_equal(episodes.list[0].from_us, 900);
    assert_int_equal(episodes.list[0].until_us, 1700);
    assert_int_equal(episodes.list[0].slowest_us, 610);
    assert_int_equal(episodes.list[0].answers, 3);
}

static void an_answer_asked_for_after_the_last_came_begins_another(void **state)
{
    (void)state;
    bench_episodes_add(&episodes, 1000, 1500);
    bench_episodes_add(&episodes, 1501, 1700);
    assert_int_equal(episodes.seen, 2);
    assert_int_equal(episodes.count, 2);
    assert_int_equal(episodes.list[1].slowest_us, 199);
}

static void the_slowest_episodes_are_kept_and_come_first(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < 2 * BENCH_EPISODES_MAX; i++) {
        int64_t due_us = (int64_t)i * 1000000;
        bench_episodes_add(&episodes, due_us, due_us + LIMIT_US + 1 + (int64_t)i);
    }
    bench_episodes_sort(&episodes);
    assert_int_equal(episodes.seen, 2 * BENCH_EPISODES_MAX);
    assert_int_equal(episodes.count, BENCH_EPISODES_MAX);
    assert_int_equal(episodes.list[0].slowest_us, LIMIT_US + 2 * BENCH_EPISODES_MAX);
    assert_int_equal(episodes.list[BENCH_EPISODES_MAX - 1].slowest_us, LIMIT_US + BENCH_EPISODES_MAX + 1);
}

static void stalls_of_the_machine_are_subtracted_from_each_episode(void **state)
{
    (void)state;
    bench_episodes_add(&episodes, 0, 900);
    bench_episodes_add(&episodes, 10000, 10300);
    bench_episodes_add(&episodes, 20000, 20200);
    episodes.list[0].stalled_us = 800;
    episodes.list[1].stalled_us = 50;
    episodes.list[2].stalled_us = 5000;
    assert_int_equal(bench_episodes_beyond_stalls(&episodes), 250);
}

/* --- stalls --- */

static void stalls_that_overlap_become_one(void **state)
{
    (void)state;
    struct bench_stall list[] = {{50, 60}, {10, 20}, {15, 30}, {12, 14}, {30, 31}};
    assert_int_equal(bench_stalls_unite(list, 5), 2);
    assert_int_equal(list[0].from_us, 10);
    assert_int_equal(list[0].until_us, 31);
    assert_int_equal(list[1].from_us, 50);
    assert_int_equal(bench_stalls_unite(list, 0), 0);
}

static void only_stalls_between_the_two_times_count(void **state)
{
    (void)state;
    const struct bench_stall list[] = {{10, 20}, {30, 40}, {50, 60}};
    assert_int_equal(bench_stalls_overlap(list, 3, 0, 100), 30);
    assert_int_equal(bench_stalls_overlap(list, 3, 15, 52), 17);
    assert_int_equal(bench_stalls_overlap(list, 3, 20, 30), 0);
    assert_int_equal(bench_stalls_overlap(list, 0, 0, 100), 0);
}

static void cores_are_watched_until_the_stop(void **state)
{
    (void)state;
    struct error error = {""};
    struct bench_stalls *stalls = bench_stalls_start(&error);
    assert_non_null(stalls);
    bench_stalls_stop(stalls);
    assert_true(bench_stalls_cores(stalls) > 0);
    assert_true(bench_stalls_within(stalls, 0, INT64_MAX) <= bench_stalls_times(stalls)->sum_us);
    bench_stalls_destroy(&stalls);
    assert_null(stalls);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(answers_within_the_limit_are_no_episode, setup),
        cmocka_unit_test_setup(without_a_limit_no_answer_is_slow, setup),
        cmocka_unit_test_setup(answers_with_overlapping_waits_are_one_episode, setup),
        cmocka_unit_test_setup(an_answer_asked_for_after_the_last_came_begins_another, setup),
        cmocka_unit_test_setup(the_slowest_episodes_are_kept_and_come_first, setup),
        cmocka_unit_test_setup(stalls_of_the_machine_are_subtracted_from_each_episode, setup),
        cmocka_unit_test(stalls_that_overlap_become_one),
        cmocka_unit_test(only_stalls_between_the_two_times_count),
        cmocka_unit_test(cores_are_watched_until_the_stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
