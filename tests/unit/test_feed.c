/* The stream without its sockets: journal batches in, frames out, what persisters answer in. */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "issuer/feed.h"
#include "journal_fixture.h"
#include "shared/disk.h"
#include "shared/frame.h"
#include "shared/journal_dir.h"
#include "shared/options.h"

#define ROWS_MAX 10
#define RESEND   1000

/* --- fixture --- */

static struct journal *journal;
static struct feed *feed;

static void open_gathering_feed(int64_t gather_us)
{
    struct feed_config config = {.rows_max = ROWS_MAX, .in_flight_max = 3, .resend_us = RESEND, .gather_us = gather_us};
    struct error error;
    feed = feed_create(&config);
    if (feed_add(feed, journal, journal_fixture_dir, &error) != 0)
        fail_msg("%s", error.text);
}

static void open_feed(void)
{
    open_gathering_feed(0);
}

static int setup(void **state)
{
    if (journal_fixture_setup(state) != 0)
        return -1;
    journal = journal_fixture_open(0);
    open_feed();
    return 0;
}

static int teardown(void **state)
{
    feed_destroy(&feed);
    journal_close(&journal);
    return journal_fixture_teardown(state);
}

/* --- helpers --- */

/* A journal without a thread. */
static void reopen_by_hand(int64_t sync_ms)
{
    feed_destroy(&feed);
    journal_close(&journal);
    journal = journal_fixture_open_by_hand(sync_ms);
    open_feed();
}

static void append_coupon(void)
{
    struct coupon coupon = {.id = "C1", .title = "T", .quantity = 9, .per_user_limit = 1};
    coupon.starts_at_us = coupon.ends_at_us = TIME_NONE;
    assert_true(journal_reserve(journal, journal_bytes_max(0, 1)));
    journal_begin(journal, 1000);
    journal_append_coupon(journal, &coupon);
    journal_commit(journal);
}

/* Sends what is due at `now_us` as the stream does; false when nothing is. */
static bool send_one(int64_t now_us, struct frame_events *events)
{
    struct feed_frame frame;
    struct frame_header header;
    feed_read_ahead(feed, now_us);
    if (!feed_due(feed, now_us, &frame))
        return false;
    assert_null(frame_check(zmq_msg_data(frame.message), zmq_msg_size(frame.message), &header));
    assert_int_equal(header.kind, FRAME_EVENTS);
    memcpy(events, frame_records(zmq_msg_data(frame.message)), sizeof *events);
    assert_int_equal(header.count, events->last_seq - events->first_seq + 1);
    feed_sent(feed, &frame, now_us);
    return true;
}

static struct frame_events expect_sent(int64_t now_us, uint64_t first_seq, uint64_t last_seq)
{
    struct frame_events events = {0};
    assert_true(send_one(now_us, &events));
    assert_int_equal(events.first_seq, first_seq);
    assert_int_equal(events.last_seq, last_seq);
    return events;
}

static void expect_nothing(int64_t now_us)
{
    struct frame_events events;
    assert_false(send_one(now_us, &events));
}

static void answer(enum frame_kind kind, uint64_t first_seq, uint64_t last_seq)
{
    unsigned char frame[sizeof(struct frame_header) + sizeof(struct frame_ack)];
    struct frame_ack ack = {.first_seq = first_seq, .last_seq = last_seq};
    memcpy(ack.journal_id, journal_meta(journal)->journal_id, sizeof ack.journal_id);
    frame_header_write((struct frame_header *)frame, kind, 0, 1, 1);
    memcpy(frame + sizeof(struct frame_header), &ack, sizeof ack);
    feed_on_answer(feed, frame, sizeof frame);
}

static void acknowledge(uint64_t first_seq, uint64_t last_seq)
{
    answer(FRAME_ACK, first_seq, last_seq);
}

static void tell_behind(uint64_t stored_seq)
{
    answer(FRAME_BEHIND, stored_seq + 1, stored_seq);
}

static uint64_t acked_on_disk(void)
{
    return journal_acked_read(journal_fixture_dir, journal_meta(journal)->journal_id);
}

/* The sum of a metric over all blocks. */
static int64_t metric_of(const char *name)
{
    size_t length;
    char *text = metrics_render(&length), *line = text, key[128];
    int64_t sum = 0;
    snprintf(key, sizeof key, "\n%s", name);
    while ((line = strstr(line, key)) != NULL) {
        line++;
        sum += strtoll(strchr(line, ' '), NULL, 10);
    }
    free(text);
    return sum;
}

/* Writes, sends and acknowledges `batches` batches of one record each. */
static void persist(unsigned batches)
{
    for (unsigned i = 0; i < batches; i++) {
        uint64_t seq = journal_written_seq(journal) + 1;
        journal_fixture_append(journal, 1);
        expect_sent(0, seq, seq);
        acknowledge(seq, seq);
    }
}

/* --- tests: sending --- */

static void feed_carries_whole_batches_up_to_its_bound(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 3; i++)
        journal_fixture_append(journal, 4);
    expect_sent(0, 1, 8);
    expect_nothing(0); /* the rest is not worth a frame while one is under way */
    acknowledge(1, 8);
    expect_sent(0, 9, 12);
}

static void feed_never_splits_a_batch_that_is_larger_than_its_bound(void **state)
{
    (void)state;
    journal_fixture_append(journal, 25);
    expect_sent(0, 1, 25);
}

static void feed_sends_nothing_that_is_not_synced(void **state)
{
    (void)state;
    struct frame_events events;
    reopen_by_hand(3600000);
    journal_fixture_append(journal, 10);
    assert_false(send_one(0, &events));
    assert_false(feed_is_done(feed));
    journal_work(journal);
    journal_fixture_append(journal, 1);
    assert_int_equal(journal_synced_seq(journal), 10);
    assert_true(send_one(0, &events));
    assert_int_equal(events.last_seq, 10);
    acknowledge(events.first_seq, events.last_seq);
    assert_false(send_one(0, &events));
    assert_false(feed_is_done(feed));
}

static void feed_asks_a_store_that_has_nothing_to_do_whether_it_still_has_everything(void **state)
{
    (void)state;
    const int64_t interval = 5000000;
    expect_nothing(0);
    expect_nothing(100 * interval); /* nothing was ever acknowledged */
    journal_fixture_append(journal, 3);
    expect_sent(0, 1, 3);
    expect_nothing(0);
    acknowledge(1, 3);
    expect_nothing(interval - 1);
    struct frame_events events = expect_sent(interval, 4, 3);
    assert_int_equal(events.acked_seq, 3);
    expect_nothing(2 * interval - 1);
    expect_sent(2 * interval, 4, 3);
    assert_int_equal(feed_deadline(feed, 2 * interval), INT64_MAX); /* no answer is waited for */
    answer(FRAME_BEHIND, 1, 0);
    expect_sent(2 * interval, 1, 3);
}

static void feed_sends_again_what_is_not_acknowledged_in_time(void **state)
{
    (void)state;
    journal_fixture_append(journal, 1);
    expect_sent(0, 1, 1);
    assert_int_equal(feed_deadline(feed, 0), RESEND);
    expect_nothing(RESEND - 1);
    expect_sent(RESEND, 1, 1);
    acknowledge(1, 1);
    assert_int_equal(feed_deadline(feed, RESEND), INT64_MAX);
    expect_nothing(10 * RESEND);
}

static void feed_holds_everything_back_until_a_coupon_is_acknowledged(void **state)
{
    (void)state;
    append_coupon();
    journal_fixture_append(journal, 2 * ROWS_MAX);
    expect_sent(0, 1, 1);
    expect_nothing(0);
    acknowledge(1, 1);
    expect_sent(0, 2, 2 * ROWS_MAX + 1);
}

static void feed_has_bounded_frames_under_way(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 5; i++)
        journal_fixture_append(journal, ROWS_MAX);
    for (unsigned i = 0; i < 3; i++)
        expect_sent(0, i * ROWS_MAX + 1, (i + 1) * ROWS_MAX);
    expect_nothing(0);
    assert_false(feed_has_unread(feed, 0));
    acknowledge(1, ROWS_MAX);
    assert_true(feed_has_unread(feed, 0));
    expect_sent(0, 3 * ROWS_MAX + 1, 4 * ROWS_MAX);
}

static void feed_gathers_for_a_while_between_two_frames_that_are_not_full(void **state)
{
    (void)state;
    feed_destroy(&feed);
    open_gathering_feed(500);
    assert_true(feed_is_idle(feed, 0));
    journal_fixture_append(journal, 1);
    expect_sent(100, 1, 1); /* the first leaves at once */
    acknowledge(1, 1);
    assert_false(feed_is_idle(feed, 599)); /* records need not wake it */
    assert_int_equal(feed_deadline(feed, 599), 600);
    journal_fixture_append(journal, 1);
    journal_fixture_append(journal, 1);
    expect_nothing(599);
    expect_sent(600, 2, 3);
    acknowledge(2, 3);
    journal_fixture_append(journal, ROWS_MAX);
    expect_sent(601, 4, 3 + ROWS_MAX); /* full */
    acknowledge(4, 3 + ROWS_MAX);
    assert_true(feed_is_idle(feed, 1101));
    assert_int_equal(feed_deadline(feed, 1101), INT64_MAX);
}

/* --- tests: acknowledgements --- */

static void feed_notes_only_what_the_store_has_without_a_gap(void **state)
{
    (void)state;
    journal_fixture_append(journal, ROWS_MAX);
    journal_fixture_append(journal, ROWS_MAX);
    expect_sent(0, 1, ROWS_MAX);
    expect_sent(0, ROWS_MAX + 1, 2 * ROWS_MAX);
    acknowledge(ROWS_MAX + 1, 2 * ROWS_MAX);
    assert_int_equal(acked_on_disk(), 0);
    acknowledge(1, ROWS_MAX);
    assert_int_equal(acked_on_disk(), 2 * ROWS_MAX);
    assert_true(feed_is_done(feed));
}

static void feed_ignores_acknowledgements_of_what_is_not_under_way(void **state)
{
    (void)state;
    journal_fixture_append(journal, 4);
    acknowledge(1, 4); /* not even sent */
    expect_sent(0, 1, 4);
    acknowledge(1, 3);
    acknowledge(2, 4);
    acknowledge(1, 5);
    assert_int_equal(feed_acked_seq(feed, 0), 0);
    acknowledge(1, 4);
    acknowledge(1, 4);
    assert_int_equal(feed_acked_seq(feed, 0), 4);
}

static void feed_counts_and_drops_what_it_does_not_understand(void **state)
{
    (void)state;
    unsigned char frame[sizeof(struct frame_header) + sizeof(struct frame_ack)] = {0};
    int64_t before = metric_of("coupond_issuer_frames_dropped_total");
    feed_on_answer(feed, "garbage", 7);
    feed_on_answer(feed, NULL, 0);
    frame_header_write((struct frame_header *)frame, FRAME_ACK, 1, 2, 1); /* no such partition */
    feed_on_answer(feed, frame, sizeof frame);
    frame_header_write((struct frame_header *)frame, FRAME_BEHIND, 0, 1, 1); /* another journal */
    feed_on_answer(feed, frame, sizeof frame);
    frame_header_write((struct frame_header *)frame, FRAME_PONG, 0, 1, 0);
    feed_on_answer(feed, frame, sizeof(struct frame_header));
    assert_int_equal(metric_of("coupond_issuer_frames_dropped_total"), before + 5);
}

static void feed_goes_on_after_a_restart_where_the_store_is(void **state)
{
    (void)state;
    persist(3);
    journal_fixture_append(journal, 1);
    feed_destroy(&feed);
    open_feed();
    assert_int_equal(expect_sent(0, 4, 4).acked_seq, 3);
}

/* --- tests: a store that lost what it had --- */

static void feed_tells_in_each_frame_what_was_acknowledged(void **state)
{
    (void)state;
    journal_fixture_append(journal, 1);
    assert_int_equal(expect_sent(0, 1, 1).acked_seq, 0);
    acknowledge(1, 1);
    journal_fixture_append(journal, 1);
    assert_int_equal(expect_sent(0, 2, 2).acked_seq, 1);
}

static void feed_sends_again_what_a_store_lacks_that_came_back_with_less(void **state)
{
    (void)state;
    int64_t rewinds = metric_of("coupond_issuer_store_rewinds_total");
    persist(5);
    journal_fixture_append(journal, 1);
    expect_sent(0, 6, 6);
    tell_behind(2);
    assert_int_equal(acked_on_disk(), 2);
    assert_int_equal(expect_sent(0, 3, 6).acked_seq, 2);
    acknowledge(6, 6); /* of before: the frame is not under way any more */
    assert_int_equal(feed_acked_seq(feed, 0), 2);
    acknowledge(3, 6);
    assert_int_equal(acked_on_disk(), 6);
    assert_int_equal(metric_of("coupond_issuer_store_rewinds_total"), rewinds + 1);
    assert_int_equal(metric_of("coupond_issuer_store_missing_records"), 0);
}

static void feed_begins_again_only_once_however_many_persisters_ask(void **state)
{
    (void)state;
    int64_t rewinds = metric_of("coupond_issuer_store_rewinds_total");
    persist(5);
    journal_fixture_append(journal, 1);
    expect_sent(0, 6, 6);
    tell_behind(0);
    expect_sent(0, 1, 6);
    tell_behind(0);
    tell_behind(3);
    expect_nothing(0);
    assert_int_equal(metric_of("coupond_issuer_store_rewinds_total"), rewinds + 1);
}

static void feed_begins_again_with_a_whole_batch(void **state)
{
    (void)state;
    journal_fixture_append(journal, 5);
    expect_sent(0, 1, 5);
    acknowledge(1, 5);
    tell_behind(3);
    assert_int_equal(feed_acked_seq(feed, 0), 0);
    expect_sent(0, 1, 5);
}

static void feed_is_not_misled_by_a_store_that_has_more(void **state)
{
    (void)state;
    persist(5);
    tell_behind(5);
    tell_behind(9);
    assert_int_equal(feed_acked_seq(feed, 0), 5);
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

/* The first segment goes, as when snapshot and store have what is in it. */
static void lose_first_segment(void)
{
    char path[JOURNAL_PATH_MAX];
    uint64_t *segments;
    size_t count;
    struct error error;
    do {
        journal_fixture_append(journal, 4000);
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
    persist(1);
    lose_first_segment();
    while (send_one(0, &events)) /* its reader still has the file */
        acknowledge(events.first_seq, events.last_seq);
    uint64_t first = last_segment(), all = journal_written_seq(journal);
    assert_true(first > 3);
    tell_behind(2);
    assert_int_equal(metric_of("coupond_issuer_store_missing_records"), (int64_t)first - 3);
    assert_true(send_one(0, &events));
    assert_int_equal(events.first_seq, first);
    assert_int_equal(events.acked_seq, first - 1);
    assert_int_equal(events.gone_seq, first - 1); /* the store need not have them */
    tell_behind(2);                               /* said again by another persister */
    assert_int_equal(feed_acked_seq(feed, 0), first - 1);
    do
        acknowledge(events.first_seq, events.last_seq);
    while (send_one(0, &events));
    assert_int_equal(acked_on_disk(), all);
    journal_fixture_append(journal, 1);
    assert_true(send_one(0, &events));
    tell_behind(2); /* it is gone once more */
    assert_int_equal(feed_acked_seq(feed, 0), first - 1);
}

/* Removes the first segment as soon as somebody has listed it. */
static int list_and_remove_first(const char *path, disk_entry_fn each, void *arg)
{
    char first[JOURNAL_PATH_MAX];
    int result = disk_posix.list(path, each, arg);
    journal_segment_path(path, 1, first);
    remove(first);
    return result;
}

static void feed_begins_with_the_next_segment_when_the_first_goes_while_it_looks(void **state)
{
    (void)state;
    struct frame_events events;
    struct disk racing = disk_posix;
    racing.list = list_and_remove_first;
    reopen_by_hand(0);
    for (uint64_t first = 1; first == 1;) {
        journal_fixture_append(journal, 4000);
        while (send_one(0, &events))
            acknowledge(events.first_seq, events.last_seq);
        first = last_segment();
    }
    int64_t missing = metric_of("coupond_issuer_store_missing_records"); /* of earlier tests */
    disk = &racing;
    tell_behind(0);
    disk = &disk_posix;
    assert_true(send_one(0, &events));
    assert_int_equal(events.first_seq, last_segment());
    missing += (int64_t)events.first_seq - 1;
    assert_int_equal(metric_of("coupond_issuer_store_missing_records"), missing);
}

static void feed_starts_with_the_first_segment_when_nothing_was_noted(void **state)
{
    (void)state;
    struct frame_events events;
    lose_first_segment();
    feed_destroy(&feed);
    open_feed();
    assert_true(send_one(0, &events));
    assert_true(events.first_seq > 1);
    assert_int_equal(events.acked_seq, events.first_seq - 1);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(feed_carries_whole_batches_up_to_its_bound),
        TEST(feed_never_splits_a_batch_that_is_larger_than_its_bound),
        TEST(feed_sends_nothing_that_is_not_synced),
        TEST(feed_asks_a_store_that_has_nothing_to_do_whether_it_still_has_everything),
        TEST(feed_sends_again_what_is_not_acknowledged_in_time),
        TEST(feed_holds_everything_back_until_a_coupon_is_acknowledged),
        TEST(feed_has_bounded_frames_under_way),
        TEST(feed_gathers_for_a_while_between_two_frames_that_are_not_full),
        TEST(feed_notes_only_what_the_store_has_without_a_gap),
        TEST(feed_ignores_acknowledgements_of_what_is_not_under_way),
        TEST(feed_counts_and_drops_what_it_does_not_understand),
        TEST(feed_goes_on_after_a_restart_where_the_store_is),
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
