/*
 * The stream while descriptors are short: it waits and stays alive.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "shared/disk.h"
#include "shared/journal/dir.h"
#include "tests/unit/issuer/feed/feed_fixture.h"
#include "tests/unit/shared/journal/journal_fixture.h"

static struct disk starved;

static int open_none(const char *path, int flags)
{
    (void)path, (void)flags;
    errno = EMFILE;
    return -1;
}

static int list_none(const char *path, disk_entry_fn each, void *arg)
{
    (void)path, (void)each, (void)arg;
    errno = ENFILE;
    return -1;
}

static void no_stop(int status)
{
    fail_msg("stopped with %d", status);
}

static int setup(void **state)
{
    starved = disk_posix;
    starved.open = open_none;
    starved.stop = no_stop;
    return feed_fixture_setup(state);
}

static int teardown(void **state)
{
    disk = &disk_posix;
    return feed_fixture_teardown(state);
}

static size_t segments(void)
{
    uint64_t *first_seqs;
    size_t count;
    struct error error;
    assert_int_equal(journal_segments_list(journal_fixture_dir, &first_seqs, &count, &error), 0);
    free(first_seqs);
    return count;
}

static void append_two_segments(void)
{
    do
        journal_fixture_append(journal_of_test, 4000);
    while (segments() < 2);
}

/* Sends until nothing more is due. */
static void drain(void)
{
    struct frame_events events;
    while (feed_fixture_send_one(0, &events))
        feed_fixture_acknowledge(events.first_seq, events.last_seq);
}

static void expect_all(void)
{
    drain();
    assert_int_equal(feed_acked_seq(feed_of_test, 0), journal_written_seq(journal_of_test));
    assert_true(feed_is_done(feed_of_test));
}

/* --- tests --- */

static void feed_waits_when_the_next_segment_cannot_be_opened_and_goes_on_later(void **state)
{
    (void)state;
    journal_fixture_append(journal_of_test, 1);
    drain();
    append_two_segments();
    disk = &starved;
    drain();
    assert_true(feed_acked_seq(feed_of_test, 0) > 1);
    assert_true(feed_acked_seq(feed_of_test, 0) < journal_written_seq(journal_of_test));
    assert_false(feed_has_unread(feed_of_test, 0)); /* otherwise the stream's thread would spin */
    feed_fixture_expect_nothing(0);
    feed_report(feed_of_test, INT64_MAX / 2, 10000000);
    feed_report(feed_of_test, INT64_MAX / 2, 70000000);
    assert_true(feed_fixture_metric_of("coupond_issuer_persist_lag_rows") > 0);
    assert_true(feed_fixture_metric_of("coupond_issuer_persist_lag_seconds") >= 60);
    disk = &disk_posix;
    expect_all();
}

static void feed_that_cannot_look_for_the_first_segment_leaves_a_lost_store_for_later(void **state)
{
    (void)state;
    append_two_segments();
    expect_all();
    uint64_t acked = feed_acked_seq(feed_of_test, 0);
    starved.list = list_none;
    disk = &starved;
    feed_fixture_tell_behind(0);
    assert_int_equal(feed_acked_seq(feed_of_test, 0), acked);
    disk = &disk_posix;
    feed_fixture_tell_behind(0);
    assert_int_equal(feed_acked_seq(feed_of_test, 0), 0);
    expect_all();
}

static void feed_that_cannot_go_back_to_a_segment_does_so_later(void **state)
{
    (void)state;
    struct frame_events events;
    append_two_segments();
    expect_all();
    disk = &starved;
    feed_fixture_tell_behind(0);
    assert_int_equal(feed_fixture_acked_on_disk(), 0);
    feed_fixture_expect_nothing(0);
    assert_false(feed_has_unread(feed_of_test, 0));
    disk = &disk_posix;
    assert_true(feed_fixture_send_one(0, &events));
    assert_int_equal(events.first_seq, 1);
    feed_fixture_acknowledge(events.first_seq, events.last_seq);
    expect_all();
}

/* A store may name a record in the middle of a batch. */
static void feed_that_cannot_go_back_into_a_batch_begins_with_it_later(void **state)
{
    (void)state;
    struct frame_events events;
    journal_fixture_append(journal_of_test, 5);
    journal_fixture_append(journal_of_test, 5);
    expect_all();
    disk = &starved;
    feed_fixture_tell_behind(7);
    feed_fixture_expect_nothing(0);
    disk = &disk_posix;
    assert_true(feed_fixture_send_one(0, &events));
    assert_int_equal(events.first_seq, 6);
    feed_fixture_acknowledge(events.first_seq, events.last_seq);
    expect_all();
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(feed_waits_when_the_next_segment_cannot_be_opened_and_goes_on_later),
        TEST(feed_that_cannot_look_for_the_first_segment_leaves_a_lost_store_for_later),
        TEST(feed_that_cannot_go_back_to_a_segment_does_so_later),
        TEST(feed_that_cannot_go_back_into_a_batch_begins_with_it_later),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
