/* A watched coupon: what counts as a change, and watchers that leave during a walk. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/live/watched.h"

#define SECOND INT64_C(1000000)
#define NOW    (100 * SECOND)
#define ISSUER (1763691900 * SECOND) /* the issuer's clock at NOW */
#define LIMIT  (2 * SECOND)
#define COUNT  8

/* --- fixture --- */

static struct live_watched *watched;
static struct coupon coupon;
static struct connection connections[COUNT];

static int set_up(void **state)
{
    (void)state;
    coupon = (struct coupon){.id = "A", .quantity = 10, .starts_at_us = TIME_NONE, .ends_at_us = TIME_NONE};
    const struct live_report report = {&coupon, NOW - 1000, NOW, ISSUER};
    watched = live_watched_create(&report, NOW);
    for (unsigned i = 0; i < COUNT; i++) {
        connections[i] = (struct connection){0};
        connections[i].watcher_index = live_watched_add(watched, &connections[i], true);
    }
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    while (watched->count > 0)
        live_watched_remove(watched, 0);
    live_watched_destroy(&watched);
    return 0;
}

/* --- helpers --- */

/* The issuer's answer to a question of `after_us` after NOW; true when it counts as a change. */
static bool report(int64_t after_us)
{
    uint32_t before = watched->generation;
    const struct live_report newer = {&coupon, NOW + after_us, NOW + after_us, ISSUER + after_us};
    live_watched_report(watched, &newer, NOW + after_us);
    return watched->generation != before;
}

static bool notice(int64_t after_us)
{
    uint32_t before = watched->generation;
    live_watched_notice(watched, NOW + after_us, LIMIT);
    return watched->generation != before;
}

static void leave(unsigned i)
{
    live_watched_remove(watched, connections[i].watcher_index);
}

/* --- changes --- */

static void the_same_state_is_no_change(void **state)
{
    (void)state;
    assert_false(report(SECOND));
    assert_false(report(2 * SECOND));
}

static void issues_and_policy_are_changes(void **state)
{
    (void)state;
    coupon.redeemed = 1;
    assert_true(report(SECOND));
    coupon.paused = true;
    assert_true(report(2 * SECOND));
    coupon.journal_seq++;
    assert_true(report(3 * SECOND));
}

static void a_rate_that_falls_is_a_change_until_it_is_zero(void **state)
{
    (void)state;
    unsigned changes = 0;
    coupon.issued = 5;
    assert_true(report(SECOND / 4));
    for (int64_t us = SECOND / 2; us < 20 * SECOND; us += SECOND / 4)
        changes += report(us);
    assert_true(changes > 0 && changes < 10);
    assert_int_equal(watched->view.rate_tenths, 0);
}

static void a_window_that_begins_is_a_change(void **state)
{
    (void)state;
    coupon.starts_at_us = ISSUER + SECOND;
    assert_true(report(1));
    assert_int_equal(watched->view.state, COUPON_SCHEDULED);
    assert_false(notice(SECOND - 1));
    assert_true(notice(SECOND));
    assert_int_equal(watched->view.state, COUPON_OPEN);
    assert_false(notice(SECOND + 1));
}

static void silence_is_a_change_and_so_is_its_end(void **state)
{
    (void)state;
    char text[LIVE_EVENT_MAX];
    assert_false(notice(LIMIT - 1000));
    assert_true(notice(LIMIT));
    assert_true(watched->away);
    live_watched_event(watched, NOW + LIMIT, text);
    assert_memory_equal(text, "event: unavailable\n", 19);
    assert_false(notice(2 * LIMIT));
    assert_true(report(3 * LIMIT));
    assert_false(watched->away);
    live_watched_event(watched, NOW + 3 * LIMIT, text);
    assert_memory_equal(text, "event: coupon\n", 14);
}

static void time_goes_on_between_reports(void **state)
{
    (void)state;
    assert_int_equal(live_watched_issuer_us(watched, NOW + 5), ISSUER + 5);
    assert_int_equal(live_watched_issuer_us(watched, NOW - 5), ISSUER);
}

/* --- watchers --- */

/* Walks on from the cursor; the bits of the watchers that it meets. */
static unsigned walk(void)
{
    unsigned met = 0;
    while (watched->cursor < watched->count) {
        unsigned i = (unsigned)(watched->watchers[watched->cursor++].connection - connections);
        assert_int_equal(met & 1u << i, 0);
        met |= 1u << i;
    }
    return met;
}

static void walk_reaches_every_watcher_once_whoever_leaves(void **state)
{
    (void)state;
    for (unsigned passed = 0; passed <= COUNT; passed++) {
        for (unsigned gone = 0; gone < COUNT; gone++) {
            unsigned before = 0;
            tear_down(NULL);
            set_up(NULL);
            for (unsigned i = 0; i < passed; i++)
                before |= 1u << (watched->watchers[watched->cursor++].connection - connections);
            leave(gone);
            unsigned met = before | walk();
            assert_int_equal(met | 1u << gone, (1u << COUNT) - 1);
        }
    }
}

static void watchers_know_their_places_whoever_has_left(void **state)
{
    (void)state;
    for (unsigned cursor = 0; cursor <= COUNT; cursor++) {
        for (unsigned gone = 0; gone < COUNT; gone++) {
            tear_down(NULL);
            set_up(NULL);
            watched->cursor = cursor;
            leave(gone);
            leave((gone + 3) % COUNT);
            assert_int_equal(watched->count, COUNT - 2);
            assert_true(watched->cursor <= watched->count);
            for (unsigned i = 0; i < watched->count; i++)
                assert_int_equal(watched->watchers[i].connection->watcher_index, i);
        }
    }
}

static void a_new_watcher_has_the_present_state(void **state)
{
    (void)state;
    struct connection late = {0};
    coupon.issued = 1;
    assert_true(report(SECOND));
    late.watcher_index = live_watched_add(watched, &late, false);
    assert_int_equal(watched->watchers[late.watcher_index].generation, watched->generation);
    live_watched_remove(watched, late.watcher_index);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_same_state_is_no_change, set_up, tear_down),
        cmocka_unit_test_setup_teardown(issues_and_policy_are_changes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_rate_that_falls_is_a_change_until_it_is_zero, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_window_that_begins_is_a_change, set_up, tear_down),
        cmocka_unit_test_setup_teardown(silence_is_a_change_and_so_is_its_end, set_up, tear_down),
        cmocka_unit_test_setup_teardown(time_goes_on_between_reports, set_up, tear_down),
        cmocka_unit_test_setup_teardown(walk_reaches_every_watcher_once_whoever_leaves, set_up, tear_down),
        cmocka_unit_test_setup_teardown(watchers_know_their_places_whoever_has_left, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_new_watcher_has_the_present_state, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
