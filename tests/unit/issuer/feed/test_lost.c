/*
 * The stream and a store that has lost records, also more than the journal still holds.
 */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "shared/disk.h"
#include "shared/journal/dir.h"
#include "tests/unit/issuer/feed/feed_fixture.h"
#include "tests/unit/shared/journal/journal_fixture.h"

/* --- tests: a store that lost what it had --- */

static void feed_tells_in_each_frame_what_was_acknowledged(void **state)
{
    (void)state;
    journal_fixture_append(journal_of_test, 1);
    assert_int_equal(feed_fixture_expect_sent(0, 1, 1).acked_seq, 0);
    feed_fixture_acknowledge(1, 1);
    journal_fixture_append(journal_of_test, 1);
    assert_int_equal(feed_fixture_expect_sent(0, 2, 2).acked_seq, 1);
}

static void feed_sends_again_what_a_store_lacks_that_came_back_with_less(void **state)
{
    (void)state;
    int64_t rewinds = feed_fixture_metric_of("coupond_issuer_store_rewinds_total");
    feed_fixture_persist(5);
    journal_fixture_append(journal_of_test, 1);
    feed_fixture_expect_sent(0, 6, 6);
    feed_fixture_tell_behind(2);
    assert_int_equal(feed_fixture_acked_on_disk(), 2);
    assert_int_equal(feed_fixture_expect_sent(0, 3, 6).acked_seq, 2);
    feed_fixture_acknowledge(6, 6); /* of an earlier frame, no longer in flight */
    assert_int_equal(feed_acked_seq(feed_of_test, 0), 2);
    feed_fixture_acknowledge(3, 6);
    assert_int_equal(feed_fixture_acked_on_disk(), 6);
    assert_int_equal(feed_fixture_metric_of("coupond_issuer_store_rewinds_total"), rewinds + 1);
    assert_int_equal(feed_fixture_metric_of("coupond_issuer_store_missing_records"), 0);
}

static void feed_begins_again_only_once_however_many_persisters_ask(void **state)
{
    (void)state;
    int64_t rewinds = feed_fixture_metric_of("coupond_issuer_store_rewinds_total");
    feed_fixture_persist(5);
    journal_fixture_append(journal_of_test, 1);
    feed_fixture_expect_sent(0, 6, 6);
    feed_fixture_tell_behind(0);
    feed_fixture_expect_sent(0, 1, 6);
    feed_fixture_tell_behind(0);
    feed_fixture_tell_behind(3);
    feed_fixture_expect_nothing(0);
    assert_int_equal(feed_fixture_metric_of("coupond_issuer_store_rewinds_total"), rewinds + 1);
}

static void feed_begins_again_with_a_whole_batch(void **state)
{
    (void)state;
    journal_fixture_append(journal_of_test, 5);
    feed_fixture_expect_sent(0, 1, 5);
    feed_fixture_acknowledge(1, 5);
    feed_fixture_tell_behind(3);
    assert_int_equal(feed_acked_seq(feed_of_test, 0), 0);
    feed_fixture_expect_sent(0, 1, 5);
}

static void feed_is_not_misled_by_a_store_that_has_more(void **state)
{
    (void)state;
    feed_fixture_persist(5);
    feed_fixture_tell_behind(5);
    feed_fixture_tell_behind(9);
    assert_int_equal(feed_acked_seq(feed_of_test, 0), 5);
}

static uint64_t last_segment(void)
{
    uint64_t *segments;
    size_t count;
    struct error error;
    assert_int_equal(journal_segments_list(journal_fixture_dir, &segments, &count, &error), 0);
    uint64_t last = segments[count - 1];
    free(segments);
    return last;
}

/* Removes the first segment, as if snapshot and store had its records. */
static void lose_first_segment(void)
{
    char path[JOURNAL_PATH_MAX];
    uint64_t *segments;
    size_t count;
    struct error error;
    do {
        journal_fixture_append(journal_of_test, 4000);
        assert_int_equal(journal_segments_list(journal_fixture_dir, &segments, &count, &error), 0);
        free(segments);
    } while (count < 2);
    journal_segment_path(journal_fixture_dir, 1, path);
    assert_int_equal(remove(path), 0);
}

static void feed_goes_on_over_records_that_are_in_no_file_any_more(void **state)
{
    (void)state;
    struct frame_events events;
    feed_fixture_persist(1);
    lose_first_segment();
    while (feed_fixture_send_one(0, &events)) /* its reader still has the file */
        feed_fixture_acknowledge(events.first_seq, events.last_seq);
    uint64_t first = last_segment(), all = journal_written_seq(journal_of_test);
    assert_true(first > 3);
    feed_fixture_tell_behind(2);
    assert_int_equal(feed_fixture_metric_of("coupond_issuer_store_missing_records"), (int64_t)first - 3);
    assert_true(feed_fixture_send_one(0, &events));
    assert_int_equal(events.first_seq, first);
    assert_int_equal(events.acked_seq, first - 1);
    assert_int_equal(events.gone_seq, first - 1); /* the store need not have them */
    feed_fixture_tell_behind(2);                  /* repeated by another persister */
    assert_int_equal(feed_acked_seq(feed_of_test, 0), first - 1);
    do
        feed_fixture_acknowledge(events.first_seq, events.last_seq);
    while (feed_fixture_send_one(0, &events));
    assert_int_equal(feed_fixture_acked_on_disk(), all);
    journal_fixture_append(journal_of_test, 1);
    assert_true(feed_fixture_send_one(0, &events));
    feed_fixture_tell_behind(2); /* it has lost them again */
    assert_int_equal(feed_acked_seq(feed_of_test, 0), first - 1);
}

/* Removes the first segment after the second listing: the first one only checks whether a rewind is possible. */
static int list_and_remove_first(const char *path, disk_entry_fn each, void *arg)
{
    static unsigned lists;
    char first[JOURNAL_PATH_MAX];
    int result = disk_posix.list(path, each, arg);
    journal_segment_path(path, 1, first);
    if (++lists == 2)
        remove(first);
    return result;
}

static void feed_begins_with_the_next_segment_when_the_first_goes_while_it_looks(void **state)
{
    (void)state;
    struct frame_events events;
    struct disk racing = disk_posix;
    racing.list = list_and_remove_first;
    feed_fixture_reopen_by_hand(0);
    for (uint64_t first = 1; first == 1;) {
        journal_fixture_append(journal_of_test, 4000);
        while (feed_fixture_send_one(0, &events))
            feed_fixture_acknowledge(events.first_seq, events.last_seq);
        first = last_segment();
    }
    int64_t missing = feed_fixture_metric_of("coupond_issuer_store_missing_records"); /* of earlier tests */
    disk = &racing;
    feed_fixture_tell_behind(0);
    disk = &disk_posix;
    assert_true(feed_fixture_send_one(0, &events));
    assert_int_equal(events.first_seq, last_segment());
    missing += (int64_t)events.first_seq - 1;
    assert_int_equal(feed_fixture_metric_of("coupond_issuer_store_missing_records"), missing);
}

static void feed_starts_with_the_first_segment_when_nothing_was_noted(void **state)
{
    (void)state;
    struct frame_events events;
    lose_first_segment();
    feed_destroy(&feed_of_test);
    feed_fixture_open_usual();
    assert_true(feed_fixture_send_one(0, &events));
    assert_true(events.first_seq > 1);
    assert_int_equal(events.acked_seq, events.first_seq - 1);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, feed_fixture_setup, feed_fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(feed_tells_in_each_frame_what_was_acknowledged),
        TEST(feed_sends_again_what_a_store_lacks_that_came_back_with_less),
        TEST(feed_begins_again_only_once_however_many_persisters_ask),
        TEST(feed_begins_again_with_a_whole_batch),
        TEST(feed_is_not_misled_by_a_store_that_has_more),
        TEST(feed_goes_on_over_records_that_are_in_no_file_any_more),
        TEST(feed_begins_with_the_next_segment_when_the_first_goes_while_it_looks),
        TEST(feed_starts_with_the_first_segment_when_nothing_was_noted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
