/*
 * What a store has of a journal: in order, out of order, repeated, and as text.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "shared/store/progress.h"

/* --- helpers --- */

static struct store_progress progress_of(uint64_t last_seq, const char *ahead)
{
    struct store_progress progress;
    if (!store_progress_parse(&progress, last_seq, ahead, strlen(ahead)))
        fail_msg("\"%s\" is refused", ahead);
    return progress;
}

static void assert_progress(const struct store_progress *progress, uint64_t last_seq, const char *ahead)
{
    char text[STORE_AHEAD_TEXT_MAX];
    assert_int_equal(store_progress_format(progress, text), strlen(ahead));
    assert_string_equal(text, ahead);
    assert_int_equal(progress->last_seq, last_seq);
}

/* --- tests --- */

static void what_follows_moves_on_and_what_comes_again_changes_nothing(void **state)
{
    (void)state;
    struct store_progress progress = progress_of(0, "");
    store_progress_add(&progress, 1, 10);
    store_progress_add(&progress, 11, 11);
    assert_progress(&progress, 11, "");
    store_progress_add(&progress, 1, 10);
    store_progress_add(&progress, 5, 11);
    assert_progress(&progress, 11, "");
    store_progress_add(&progress, 5, 20); /* divided differently after a restart */
    assert_progress(&progress, 20, "");
}

static void what_comes_too_early_waits_until_the_gap_is_filled(void **state)
{
    (void)state;
    struct store_progress progress = progress_of(10, "");
    store_progress_add(&progress, 21, 30);
    assert_progress(&progress, 10, "21-30");
    store_progress_add(&progress, 41, 41);
    store_progress_add(&progress, 31, 35);
    assert_progress(&progress, 10, "21-35,41-41");
    store_progress_add(&progress, 15, 18);
    assert_progress(&progress, 10, "15-18,21-35,41-41");
    store_progress_add(&progress, 11, 20);
    assert_progress(&progress, 35, "41-41");
    store_progress_add(&progress, 36, 40);
    assert_progress(&progress, 41, "");
}

static void runs_that_touch_or_overlap_become_one(void **state)
{
    (void)state;
    struct store_progress progress = progress_of(0, "10-20,30-40,50-60");
    store_progress_add(&progress, 15, 55);
    assert_progress(&progress, 0, "10-60");
    store_progress_add(&progress, 61, 61);
    store_progress_add(&progress, 9, 9);
    store_progress_add(&progress, 20, 30);
    assert_progress(&progress, 0, "9-61");
}

static void with_too_many_runs_the_highest_is_forgotten_and_the_text_still_fits(void **state)
{
    (void)state;
    const uint64_t base = INT64_MAX - 1000;
    struct store_progress progress = progress_of(0, "");
    for (uint64_t i = 0; i < STORE_AHEAD_MAX + 5; i++)
        store_progress_add(&progress, base + 2 * i, base + 2 * i);
    assert_int_equal(progress.ahead_count, STORE_AHEAD_MAX);
    assert_true(progress.ahead[STORE_AHEAD_MAX - 1].last_seq == base + 2 * (STORE_AHEAD_MAX - 1));
    store_progress_add(&progress, 5, 5);
    assert_int_equal(progress.ahead_count, STORE_AHEAD_MAX);
    assert_true(progress.ahead[STORE_AHEAD_MAX - 1].last_seq == base + 2 * (STORE_AHEAD_MAX - 2));
    char text[STORE_AHEAD_TEXT_MAX];
    size_t length = store_progress_format(&progress, text);
    struct store_progress back;
    assert_true(store_progress_parse(&back, 0, text, length));
    assert_int_equal(back.ahead_count, STORE_AHEAD_MAX);
}

static void any_order_of_frames_ends_at_the_same_point(void **state)
{
    (void)state;
    for (uint64_t step = 1; step < 64; step += 2) { /* odd: visits each of 64 frames once */
        struct store_progress progress = progress_of(0, "");
        for (uint64_t i = 0; i < 64; i++) {
            uint64_t frame = i * step % 64;
            store_progress_add(&progress, frame * 100 + 1, frame * 100 + 100);
        }
        assert_progress(&progress, 6400, "");
    }
}

static void text_that_nobody_wrote_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "x",
        "7",
        "7-",
        "7-6",
        "-7",
        "7-8,",
        ",7-8",
        "7-8,9-10", /* they are adjacent */
        "7-8,3-4",
        "5-8" /* adjacent to 5 */,
        "6-8" /* follows 5 */,
        "7-8 ",
        "18446744073709551616-18446744073709551617",
        "7-18446744073709551615,9-9",
    };
    struct store_progress progress;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (store_progress_parse(&progress, 5, texts[i], strlen(texts[i])))
            fail_msg("\"%s\" is taken", texts[i]);
    char many[STORE_AHEAD_TEXT_MAX + 1000] = "";
    for (size_t i = 0; i <= STORE_AHEAD_MAX; i++)
        snprintf(many + strlen(many), sizeof many - strlen(many), "%s%zu-%zu", i > 0 ? "," : "", 10 * i + 10,
                 10 * i + 12);
    assert_false(store_progress_parse(&progress, 5, many, strlen(many)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_follows_moves_on_and_what_comes_again_changes_nothing),
        cmocka_unit_test(what_comes_too_early_waits_until_the_gap_is_filled),
        cmocka_unit_test(runs_that_touch_or_overlap_become_one),
        cmocka_unit_test(with_too_many_runs_the_highest_is_forgotten_and_the_text_still_fits),
        cmocka_unit_test(any_order_of_frames_ends_at_the_same_point),
        cmocka_unit_test(text_that_nobody_wrote_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
