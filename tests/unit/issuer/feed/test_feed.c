/*
 * The stream without its sockets: journal batches in, frames out, answers of persisters in.
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

/* --- tests: sending --- */

static void feed_carries_whole_batches_up_to_its_bound(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 3; i++)
        journal_fixture_append(journal_of_test, 4);
    feed_fixture_expect_sent(0, 1, 8);
    feed_fixture_expect_nothing(0); /* the rest is not worth a frame while one is in flight */
    feed_fixture_acknowledge(1, 8);
    feed_fixture_expect_sent(0, 9, 12);
}

static void feed_never_splits_a_batch_that_is_larger_than_its_bound(void **state)
{
    (void)state;
    journal_fixture_append(journal_of_test, 25);
    feed_fixture_expect_sent(0, 1, 25);
}

static void feed_sends_nothing_that_is_not_synced(void **state)
{
    (void)state;
    struct frame_events events;
    feed_fixture_reopen_by_hand(3600000);
    journal_fixture_append(journal_of_test, 10);
    assert_false(feed_fixture_send_one(0, &events));
    assert_false(feed_is_done(feed_of_test));
    journal_work(journal_of_test);
    journal_fixture_append(journal_of_test, 1);
    assert_int_equal(journal_synced_seq(journal_of_test), 10);
    assert_true(feed_fixture_send_one(0, &events));
    assert_int_equal(events.last_seq, 10);
    feed_fixture_acknowledge(events.first_seq, events.last_seq);
    assert_false(feed_fixture_send_one(0, &events));
    assert_false(feed_is_done(feed_of_test));
}

static void every_frame_has_the_keys_of_its_journal(void **state)
{
    (void)state;
    const int64_t interval = 5000000;
    const struct journal_meta *meta = journal_meta(journal_of_test);
    journal_fixture_append(journal_of_test, 3);
    struct frame_events events = feed_fixture_expect_sent(0, 1, 3);
    assert_memory_equal(events.fingerprint_key, meta->fingerprint_key, sizeof events.fingerprint_key);
    assert_memory_equal(events.code_key, meta->code_key, sizeof events.code_key);
    feed_fixture_acknowledge(1, 3);
    feed_fixture_expect_nothing(0);
    events = feed_fixture_expect_sent(interval, 4, 3);
    assert_memory_equal(events.fingerprint_key, meta->fingerprint_key, sizeof events.fingerprint_key);
    assert_memory_equal(events.code_key, meta->code_key, sizeof events.code_key);
}

static void feed_asks_a_store_that_has_nothing_to_do_whether_it_still_has_everything(void **state)
{
    (void)state;
    const int64_t interval = 5000000;
    feed_fixture_expect_nothing(0);
    feed_fixture_expect_nothing(100 * interval); /* nothing was ever acknowledged */
    journal_fixture_append(journal_of_test, 3);
    feed_fixture_expect_sent(0, 1, 3);
    feed_fixture_expect_nothing(0);
    feed_fixture_acknowledge(1, 3);
    feed_fixture_expect_nothing(interval - 1);
    struct frame_events events = feed_fixture_expect_sent(interval, 4, 3);
    assert_int_equal(events.acked_seq, 3);
    feed_fixture_expect_nothing(2 * interval - 1);
    feed_fixture_expect_sent(2 * interval, 4, 3);
    assert_int_equal(feed_deadline(feed_of_test, 2 * interval), INT64_MAX); /* no answer is awaited */
    feed_fixture_answer(FRAME_BEHIND, 1, 0);
    feed_fixture_expect_sent(2 * interval, 1, 3);
}

static void feed_sends_again_what_is_not_acknowledged_in_time(void **state)
{
    (void)state;
    journal_fixture_append(journal_of_test, 1);
    feed_fixture_expect_sent(0, 1, 1);
    assert_int_equal(feed_deadline(feed_of_test, 0), RESEND);
    feed_fixture_expect_nothing(RESEND - 1);
    feed_fixture_expect_sent(RESEND, 1, 1);
    feed_fixture_acknowledge(1, 1);
    assert_int_equal(feed_deadline(feed_of_test, RESEND), INT64_MAX);
    feed_fixture_expect_nothing(10 * RESEND);
}

static void feed_holds_everything_back_until_a_coupon_is_acknowledged(void **state)
{
    (void)state;
    feed_fixture_append_coupon();
    journal_fixture_append(journal_of_test, 2 * ROWS_MAX);
    feed_fixture_expect_sent(0, 1, 1);
    feed_fixture_expect_nothing(0);
    feed_fixture_acknowledge(1, 1);
    feed_fixture_expect_sent(0, 2, 2 * ROWS_MAX + 1);
}

static void feed_goes_on_past_coupons_and_only_later_frames_wait_for_them(void **state)
{
    (void)state;
    feed_destroy(&feed_of_test);
    feed_fixture_open(5000);
    feed_fixture_append_coupon();
    journal_fixture_append(journal_of_test, 3);
    feed_fixture_append_coupon();
    feed_fixture_append_coupon();
    feed_fixture_expect_sent(0, 1, 6);
    journal_fixture_append(journal_of_test, ROWS_MAX);
    feed_fixture_append_coupon();
    feed_fixture_expect_nothing(0); /* a full frame waits, too */
    feed_fixture_acknowledge(1, 6);
    feed_fixture_expect_sent(1, 7, 6 + ROWS_MAX); /* but takes no more records */
    feed_fixture_acknowledge(7, 6 + ROWS_MAX);
    feed_fixture_expect_sent(2, 7 + ROWS_MAX, 7 + ROWS_MAX); /* nor do the records that it left */
    feed_fixture_acknowledge(7 + ROWS_MAX, 7 + ROWS_MAX);
    journal_fixture_append(journal_of_test, 1);
    feed_fixture_expect_sent(3, 8 + ROWS_MAX, 8 + ROWS_MAX);
    feed_fixture_acknowledge(8 + ROWS_MAX, 8 + ROWS_MAX);
    journal_fixture_append(journal_of_test, 1);
    feed_fixture_expect_nothing(5002); /* the previous frame had no coupon and took everything */
    feed_fixture_expect_sent(5003, 9 + ROWS_MAX, 9 + ROWS_MAX);
}

static void feed_has_bounded_frames_under_way(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 5; i++)
        journal_fixture_append(journal_of_test, ROWS_MAX);
    for (unsigned i = 0; i < 3; i++)
        feed_fixture_expect_sent(0, i * ROWS_MAX + 1, (i + 1) * ROWS_MAX);
    feed_fixture_expect_nothing(0);
    assert_false(feed_has_unread(feed_of_test, 0));
    feed_fixture_acknowledge(1, ROWS_MAX);
    assert_true(feed_has_unread(feed_of_test, 0));
    feed_fixture_expect_sent(0, 3 * ROWS_MAX + 1, 4 * ROWS_MAX);
}

static void feed_gathers_for_a_while_between_two_frames_that_are_not_full(void **state)
{
    (void)state;
    feed_destroy(&feed_of_test);
    feed_fixture_open(500);
    assert_true(feed_is_idle(feed_of_test, 0));
    journal_fixture_append(journal_of_test, 1);
    feed_fixture_expect_sent(100, 1, 1); /* the first is sent at once */
    feed_fixture_acknowledge(1, 1);
    assert_false(feed_is_idle(feed_of_test, 599)); /* records need not wake the stream */
    assert_int_equal(feed_deadline(feed_of_test, 599), 600);
    journal_fixture_append(journal_of_test, 1);
    journal_fixture_append(journal_of_test, 1);
    feed_fixture_expect_nothing(599);
    feed_fixture_expect_sent(600, 2, 3);
    feed_fixture_acknowledge(2, 3);
    journal_fixture_append(journal_of_test, ROWS_MAX);
    feed_fixture_expect_sent(601, 4, 3 + ROWS_MAX); /* full */
    feed_fixture_acknowledge(4, 3 + ROWS_MAX);
    assert_true(feed_is_idle(feed_of_test, 1101));
    assert_int_equal(feed_deadline(feed_of_test, 1101), INT64_MAX);
}

/* --- tests: how far it is --- */

static int64_t rows_of_others; /* metrics left by the feeds of other tests */

static void expect_rows(int64_t records)
{
    assert_int_equal(feed_fixture_metric_of("coupond_issuer_persist_lag_rows"), rows_of_others + records);
}

static void expect_lag_after(int64_t steady_us, int64_t now_us, int64_t seconds, int64_t records)
{
    feed_report(feed_of_test, now_us, steady_us);
    assert_int_equal(feed_fixture_metric_of("coupond_issuer_persist_lag_seconds"), seconds);
    expect_rows(records);
}

static int set_up_lag(void **state)
{
    int result = feed_fixture_setup(state);
    rows_of_others = feed_fixture_metric_of("coupond_issuer_persist_lag_rows");
    return result;
}

static void expect_lag(int64_t now_us, int64_t seconds, int64_t records)
{
    expect_lag_after(now_us, now_us, seconds, records);
}

static void feed_tells_the_age_of_the_first_record_that_is_not_stored_wherever_it_is(void **state)
{
    (void)state;
    const int64_t second = 1000000;
    feed_destroy(&feed_of_test);
    feed_fixture_open(500);
    expect_lag(9 * second, 0, 0);
    journal_fixture_append_at(journal_of_test, 2, 10 * second); /* not read yet */
    expect_lag(13 * second, 3, 2);
    feed_fixture_expect_sent(0, 1, 2); /* in flight */
    journal_fixture_append_at(journal_of_test, 1, 20 * second);
    expect_lag(21 * second, 11, 3);
    feed_fixture_acknowledge(1, 2);
    feed_fixture_expect_nothing(1); /* it gathers */
    expect_lag(25 * second, 5, 1);
    feed_fixture_expect_sent(500, 3, 3);
    feed_fixture_acknowledge(3, 3);
    expect_lag(30 * second, 0, 0);
    feed_fixture_tell_behind(0); /* the store has lost everything */
    expect_rows(3);              /* before any report */
    expect_lag(31 * second, 21, 3);
    feed_fixture_expect_sent(501, 1, 3);
    feed_fixture_acknowledge(1, 3);
    expect_lag(32 * second, 0, 0);
}

static void feed_counts_the_age_of_what_bears_a_time_of_the_future(void **state)
{
    (void)state;
    const int64_t second = 1000000;
    journal_fixture_append_at(journal_of_test, 2, 86400 * second);
    expect_lag_after(100 * second, 5 * second, 0, 2); /* the first report after the start */
    expect_lag_after(107 * second, 12 * second, 7, 2);
    feed_fixture_expect_sent(0, 1, 2);
    expect_lag_after(109 * second, 14 * second, 9, 2);
    feed_fixture_acknowledge(1, 2);
    expect_lag_after(110 * second, 15 * second, 0, 0);
}

static void feed_counts_the_age_of_what_is_not_synced_yet(void **state)
{
    (void)state;
    feed_fixture_reopen_by_hand(3600000);
    journal_fixture_append_at(journal_of_test, 2, 10000000);
    feed_fixture_expect_nothing(0);
    expect_lag(14000000, 4, 2);
    feed_fixture_expect_nothing(0); /* it was looked at, but not taken */
    journal_work(journal_of_test);
    feed_fixture_expect_sent(0, 1, 2);
    feed_fixture_acknowledge(1, 2);
    expect_lag(14000000, 0, 0);
}

/* --- tests: acknowledgements --- */

static void feed_notes_only_what_the_store_has_without_a_gap(void **state)
{
    (void)state;
    journal_fixture_append(journal_of_test, ROWS_MAX);
    journal_fixture_append(journal_of_test, ROWS_MAX);
    feed_fixture_expect_sent(0, 1, ROWS_MAX);
    feed_fixture_expect_sent(0, ROWS_MAX + 1, 2 * ROWS_MAX);
    feed_fixture_acknowledge(ROWS_MAX + 1, 2 * ROWS_MAX);
    assert_int_equal(feed_fixture_acked_on_disk(), 0);
    feed_fixture_acknowledge(1, ROWS_MAX);
    assert_int_equal(feed_fixture_acked_on_disk(), 2 * ROWS_MAX);
    assert_true(feed_is_done(feed_of_test));
}

static void feed_ignores_acknowledgements_of_what_is_not_under_way(void **state)
{
    (void)state;
    journal_fixture_append(journal_of_test, 4);
    feed_fixture_acknowledge(1, 4); /* not even sent */
    feed_fixture_expect_sent(0, 1, 4);
    feed_fixture_acknowledge(1, 3);
    feed_fixture_acknowledge(2, 4);
    feed_fixture_acknowledge(1, 5);
    assert_int_equal(feed_acked_seq(feed_of_test, 0), 0);
    feed_fixture_acknowledge(1, 4);
    feed_fixture_acknowledge(1, 4);
    assert_int_equal(feed_acked_seq(feed_of_test, 0), 4);
}

static void feed_counts_and_drops_what_it_does_not_understand(void **state)
{
    (void)state;
    unsigned char frame[sizeof(struct frame_header) + sizeof(struct frame_ack)] = {0};
    const char *misdirected = "coupond_issuer_frames_dropped_total{reason=\"misdirected\"}";
    int64_t before = feed_fixture_metric_of("coupond_issuer_frames_dropped_total");
    int64_t misdirected_before = feed_fixture_metric_of(misdirected);
    feed_on_answer(feed_of_test, "garbage", 7, 0);
    feed_on_answer(feed_of_test, NULL, 0, 0);
    frame_header_write((struct frame_header *)frame, FRAME_ACK, 1, 2, 1); /* no such partition */
    feed_on_answer(feed_of_test, frame, sizeof frame, 0);
    frame_header_write((struct frame_header *)frame, FRAME_BEHIND, 0, 1, 1); /* another journal */
    frame[sizeof(struct frame_header) + 16] = 1;                             /* of some store */
    feed_on_answer(feed_of_test, frame, sizeof frame, 0);
    frame_header_write((struct frame_header *)frame, FRAME_PING, 0, 1, 0);
    feed_on_answer(feed_of_test, frame, sizeof(struct frame_header), 0);
    assert_int_equal(feed_fixture_metric_of("coupond_issuer_frames_dropped_total"), before + 5);
    assert_int_equal(feed_fixture_metric_of(misdirected), misdirected_before + 1);
}

static void feed_goes_on_after_a_restart_where_the_store_is(void **state)
{
    (void)state;
    feed_fixture_persist(3);
    journal_fixture_append(journal_of_test, 1);
    feed_destroy(&feed_of_test);
    feed_fixture_open_usual();
    assert_int_equal(feed_fixture_expect_sent(0, 4, 4).acked_seq, 3);
}

#define TEST(function)     cmocka_unit_test_setup_teardown(function, feed_fixture_setup, feed_fixture_teardown)
#define LAG_TEST(function) cmocka_unit_test_setup_teardown(function, set_up_lag, feed_fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(feed_carries_whole_batches_up_to_its_bound),
        TEST(feed_never_splits_a_batch_that_is_larger_than_its_bound),
        TEST(feed_sends_nothing_that_is_not_synced),
        TEST(every_frame_has_the_keys_of_its_journal),
        TEST(feed_asks_a_store_that_has_nothing_to_do_whether_it_still_has_everything),
        TEST(feed_sends_again_what_is_not_acknowledged_in_time),
        TEST(feed_holds_everything_back_until_a_coupon_is_acknowledged),
        TEST(feed_goes_on_past_coupons_and_only_later_frames_wait_for_them),
        TEST(feed_has_bounded_frames_under_way),
        TEST(feed_gathers_for_a_while_between_two_frames_that_are_not_full),
        LAG_TEST(feed_tells_the_age_of_the_first_record_that_is_not_stored_wherever_it_is),
        LAG_TEST(feed_counts_the_age_of_what_is_not_synced_yet),
        LAG_TEST(feed_counts_the_age_of_what_bears_a_time_of_the_future),
        TEST(feed_notes_only_what_the_store_has_without_a_gap),
        TEST(feed_ignores_acknowledgements_of_what_is_not_under_way),
        TEST(feed_counts_and_drops_what_it_does_not_understand),
        TEST(feed_goes_on_after_a_restart_where_the_store_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
