/* The stream and persisters of more than one store. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "shared/disk.h"
#include "shared/journal/dir.h"
#include "tests/unit/issuer/feed/feed_fixture.h"
#include "tests/unit/shared/journal/journal_fixture.h"

#define OURS   FEED_FIXTURE_STORE
#define OTHER  0x77
#define THIRD  0x55
#define SECOND INT64_C(1000000)

static void reopen(bool may_probe)
{
    struct feed_config config = {.may_probe = may_probe, .rows_max = ROWS_MAX, .in_flight_max = 3, .resend_us = RESEND};
    feed_destroy(&feed_of_test);
    feed_of_test = feed_create(&config);
    struct error error;
    if (feed_add(feed_of_test, journal_of_test, journal_fixture_dir, &error) != 0)
        fail_msg("%s", error.text);
}

static void probe(uint8_t byte, int64_t now_us)
{
    uint8_t id[STORE_ID_BYTES];
    memset(id, byte, sizeof id);
    assert_true(feed_wants_probe(feed_of_test, now_us));
    assert_false(feed_wants_probe(feed_of_test, now_us));
    feed_on_probe(feed_of_test, byte != 0 ? FEED_STORE_FOUND : FEED_STORE_AWAY, id, now_us);
}

/* The issuer cannot reach its store for so long that frames are sent without a probe. */
static void look_in_vain(void)
{
    for (int64_t now_us = 0; now_us < 31 * SECOND; now_us += SECOND)
        probe(0, now_us);
}

static bool sees_other(int64_t now_us)
{
    uint8_t id[STORE_ID_BYTES];
    return feed_sees_other_store(feed_of_test, now_us, id);
}

static void answer(uint8_t store, enum frame_kind kind, uint64_t first, uint64_t last, int64_t now_us)
{
    feed_fixture_answer_of(store, kind, first, last, now_us);
}

static uint8_t store_on_disk(void)
{
    uint8_t id[STORE_ID_BYTES];
    journal_acked_read(journal_fixture_dir, journal_meta(journal_of_test)->journal_id, id);
    for (size_t i = 1; i < sizeof id; i++)
        assert_int_equal(id[i], id[0]);
    return id[0];
}

/* A feed that knows its store, with three records acknowledged. */
static void begin_known(void)
{
    reopen(true);
    probe(OURS, 0);
    journal_fixture_append(journal_of_test, 3);
    feed_fixture_expect_sent(0, 1, 3);
    answer(OURS, FRAME_ACK, 1, 3, 0);
    assert_int_equal(feed_fixture_acked_on_disk(), 3);
    assert_int_equal(store_on_disk(), OURS);
}

/* --- tests --- */

static void feed_says_in_each_frame_which_store_it_is_for(void **state)
{
    (void)state;
    reopen(true);
    journal_fixture_append(journal_of_test, 1);
    feed_fixture_expect_nothing(0);              /* it looks first */
    assert_false(feed_is_idle(feed_of_test, 0)); /* records need not wake the stream meanwhile */
    probe(OURS, 0);
    assert_true(feed_is_idle(feed_of_test, 0));
    assert_int_equal(feed_fixture_expect_sent(0, 1, 1).store_id[7], OURS);
    assert_int_equal(store_on_disk(), OURS);
}

static void feed_takes_acknowledgements_of_one_store_only(void **state)
{
    (void)state;
    int64_t refused = feed_fixture_metric_of("coupond_issuer_store_answers_refused_total");
    begin_known();
    journal_fixture_append(journal_of_test, 2);
    feed_fixture_expect_sent(0, 4, 5);
    answer(OTHER, FRAME_ACK, 4, 5, SECOND);
    assert_int_equal(feed_acked_seq(feed_of_test, 0), 3);
    probe(OURS, SECOND);
    assert_true(sees_other(SECOND));
    assert_int_equal(feed_acked_seq(feed_of_test, 0), 3);
    answer(OTHER, FRAME_BEHIND, 1, 0, SECOND);
    assert_int_equal(feed_acked_seq(feed_of_test, 0), 3);
    answer(OURS, FRAME_ACK, 4, 5, SECOND); /* made available to another, so no answer is awaited */
    feed_fixture_expect_sent(SECOND, 4, 5);
    answer(OURS, FRAME_ACK, 4, 5, SECOND);
    assert_int_equal(feed_fixture_acked_on_disk(), 5);
    assert_int_equal(feed_fixture_metric_of("coupond_issuer_store_answers_refused_total"), refused + 2);
    feed_report_store(feed_of_test, SECOND);
    assert_int_equal(feed_fixture_metric_of("coupond_issuer_other_store"), 1);
    feed_report_store(feed_of_test, 62 * SECOND);
    assert_int_equal(feed_fixture_metric_of("coupond_issuer_other_store"), 0);
}

static void feed_gives_a_refused_frame_to_another_persister_at_once_but_not_for_ever(void **state)
{
    (void)state;
    begin_known();
    journal_fixture_append(journal_of_test, 2);
    for (unsigned i = 0; i < 9; i++) {
        feed_fixture_expect_sent(0, 4, 5);
        answer(OTHER, FRAME_REFUSED, 4, 5, 0);
    }
    feed_fixture_expect_nothing(0);
    feed_fixture_expect_sent(10 * RESEND, 4, 5);
    answer(OURS, FRAME_ACK, 4, 5, 0);
    assert_int_equal(feed_acked_seq(feed_of_test, 0), 5);
}

static void feed_asks_another_persister_when_its_question_is_refused(void **state)
{
    (void)state;
    struct frame_events events;
    begin_known();
    feed_fixture_expect_nothing(4 * SECOND);
    assert_true(feed_fixture_send_one(5 * SECOND, &events));
    assert_int_equal(events.first_seq, 4);
    assert_int_equal(events.last_seq, 3);
    answer(OTHER, FRAME_REFUSED, 4, 3, 5 * SECOND);
    feed_fixture_expect_nothing(5 * SECOND);
    assert_true(feed_fixture_send_one(5 * SECOND + 50000, &events));
    assert_int_equal(events.last_seq, 3);
    feed_fixture_expect_nothing(6 * SECOND);
}

static void feed_fills_a_store_that_was_made_anew_where_the_issuer_looks(void **state)
{
    (void)state;
    begin_known();
    journal_fixture_append(journal_of_test, 2);
    feed_fixture_expect_sent(0, 4, 5);
    answer(OTHER, FRAME_REFUSED, 4, 5, SECOND);
    assert_int_equal(feed_fixture_acked_on_disk(), 3);
    probe(OTHER, SECOND);
    assert_false(sees_other(SECOND));
    assert_int_equal(feed_fixture_acked_on_disk(), 0);
    assert_int_equal(store_on_disk(), OTHER);
    struct frame_events events = feed_fixture_expect_sent(SECOND, 1, 5);
    assert_int_equal(events.store_id[0], OTHER);
    assert_int_equal(events.acked_seq, 0);
    answer(OURS, FRAME_ACK, 1, 5, SECOND); /* a late one from the lost store */
    assert_false(sees_other(SECOND));
    assert_int_equal(feed_acked_seq(feed_of_test, 0), 0);
    feed_fixture_expect_sent(SECOND, 1, 5);
    answer(OTHER, FRAME_ACK, 1, 5, SECOND);
    assert_int_equal(feed_fixture_acked_on_disk(), 5);
    answer(OURS, FRAME_ACK, 1, 5, 12 * SECOND); /* no longer late: a persister fills it */
    assert_true(sees_other(12 * SECOND));
}

/* Answers may be late after one change; after two within seconds, a persister fills another store. */
static void feed_tells_of_another_store_at_once_when_the_store_changes_twice(void **state)
{
    const uint8_t second[] = {OURS, THIRD};
    for (size_t i = 0; i < sizeof second; i++) {
        begin_known();
        journal_fixture_append(journal_of_test, 2);
        feed_fixture_expect_sent(0, 4, 5);
        answer(OTHER, FRAME_REFUSED, 4, 5, SECOND);
        probe(OTHER, SECOND);
        answer(THIRD, FRAME_ACK, 1, 5, 2 * SECOND);
        probe(second[i], 2 * SECOND);
        assert_int_equal(store_on_disk(), second[i]);
        assert_false(sees_other(2 * SECOND));
        answer(OTHER, FRAME_ACK, 1, 5, 3 * SECOND);
        assert_true(sees_other(3 * SECOND));
        feed_fixture_teardown(state);
        feed_fixture_setup(state);
    }
}

static void feed_waits_for_a_store_that_it_can_reach_until_that_has_an_id(void **state)
{
    (void)state;
    const uint8_t none[STORE_ID_BYTES] = {0};
    reopen(true);
    journal_fixture_append(journal_of_test, 1);
    for (int64_t now_us = 0; now_us < 100 * SECOND; now_us += SECOND) {
        assert_true(feed_wants_probe(feed_of_test, now_us));
        feed_on_probe(feed_of_test, FEED_STORE_WITHOUT_ID, none, now_us);
        feed_fixture_expect_nothing(now_us);
        answer(OTHER, FRAME_ACK, 1, 1, now_us); /* the only one that answers, but not ours */
    }
    assert_int_equal(feed_acked_seq(feed_of_test, 0), 0);
    probe(OURS, 100 * SECOND);
    assert_int_equal(feed_fixture_expect_sent(100 * SECOND, 1, 1).store_id[7], OURS);
}

static void feed_believes_the_first_store_after_a_look_and_loses_no_answer(void **state)
{
    (void)state;
    reopen(true);
    journal_fixture_append(journal_of_test, 1);
    probe(0, 0);
    feed_fixture_expect_nothing(29 * SECOND);
    assert_false(store_id_is_known(feed_fixture_expect_sent(30 * SECOND, 1, 1).store_id));
    answer(OURS, FRAME_ACK, 1, 1, 31 * SECOND);
    assert_int_equal(feed_acked_seq(feed_of_test, 0), 0);
    probe(OURS, 31 * SECOND);
    assert_int_equal(feed_fixture_acked_on_disk(), 1);
    feed_fixture_expect_nothing(31 * SECOND);
}

static void feed_believes_nobody_while_two_stores_answer_and_nobody_can_look(void **state)
{
    (void)state;
    reopen(true);
    journal_fixture_append(journal_of_test, 1);
    look_in_vain();
    feed_fixture_expect_sent(31 * SECOND, 1, 1);
    answer(OURS, FRAME_ACK, 1, 1, 32 * SECOND);
    probe(0, 32 * SECOND);
    answer(OTHER, FRAME_ACK, 1, 1, 33 * SECOND);
    probe(0, 80 * SECOND);
    assert_int_equal(feed_acked_seq(feed_of_test, 0), 0);
    probe(OTHER, 90 * SECOND);
    assert_int_equal(feed_acked_seq(feed_of_test, 0), 1);
}

static void feed_believes_the_only_store_that_answers_when_looks_fail_for_long(void **state)
{
    (void)state;
    reopen(true);
    journal_fixture_append(journal_of_test, 1);
    look_in_vain();
    feed_fixture_expect_sent(33 * SECOND, 1, 1);
    answer(OURS, FRAME_ACK, 1, 1, 34 * SECOND);
    probe(0, 63 * SECOND);
    assert_int_equal(feed_acked_seq(feed_of_test, 0), 0);
    probe(0, 65 * SECOND);
    assert_int_equal(feed_acked_seq(feed_of_test, 0), 1);
}

/* Otherwise the previous store could be asked for records of the other, or the other would get everything at every
 * start. */
static void feed_notes_whose_acknowledgements_they_are_also_when_a_start_names_another_store(void **state)
{
    (void)state;
    begin_known();
    struct feed_config config = {.rows_max = ROWS_MAX, .in_flight_max = 3, .resend_us = RESEND};
    struct error error;
    memset(config.store_id, OTHER, sizeof config.store_id);
    feed_destroy(&feed_of_test);
    feed_of_test = feed_create(&config);
    assert_int_equal(feed_add(feed_of_test, journal_of_test, journal_fixture_dir, &error), 0);
    assert_int_equal(feed_fixture_acked_on_disk(), 0);
    feed_fixture_expect_sent(0, 1, 3);
    answer(OTHER, FRAME_ACK, 1, 3, 0);
    assert_int_equal(feed_fixture_acked_on_disk(), 3);
    assert_int_equal(store_on_disk(), OTHER);
}

static void feed_that_may_not_look_keeps_to_the_first_store_that_answers_also_after_a_restart(void **state)
{
    (void)state;
    reopen(false);
    journal_fixture_append(journal_of_test, 1);
    feed_fixture_expect_sent(0, 1, 1);
    answer(OURS, FRAME_ACK, 1, 1, 0);
    assert_int_equal(feed_fixture_acked_on_disk(), 1);
    reopen(false);
    journal_fixture_append(journal_of_test, 1);
    assert_int_equal(feed_fixture_expect_sent(0, 2, 2).store_id[3], OURS);
    answer(OTHER, FRAME_ACK, 2, 2, 0);
    assert_int_equal(feed_fixture_acked_on_disk(), 1);
    assert_false(feed_wants_probe(feed_of_test, 10 * SECOND));
}

/* The format before stores had ids. */
static void feed_goes_on_from_what_was_noted_without_a_store(void **state)
{
    (void)state;
    struct journal_acked_1 acked = {.seq = 2};
    struct error error;
    journal_fixture_append(journal_of_test, 1);
    journal_fixture_append(journal_of_test, 1);
    journal_fixture_append(journal_of_test, 1);
    memcpy(acked.journal_id, journal_meta(journal_of_test)->journal_id, sizeof acked.journal_id);
    acked.checksum = journal_checksum(&acked, sizeof acked);
    int fd = journal_acked_open(journal_fixture_dir, &error);
    assert_int_equal(disk_write_all(fd, &acked, sizeof acked, 0), 0);
    disk->close(fd);
    assert_int_equal(feed_fixture_acked_on_disk(), 2);
    reopen(true);
    probe(OURS, 0);
    feed_fixture_expect_sent(0, 3, 3);
    answer(OURS, FRAME_ACK, 3, 3, 0);
    assert_int_equal(feed_fixture_acked_on_disk(), 3);
    assert_int_equal(store_on_disk(), OURS);
}

/* A journal whose store was unreachable at the start, and whose database may have newer records. */
static void begin_uncompared(bool may_probe)
{
    struct feed_config config = {.may_probe = may_probe, .rows_max = ROWS_MAX, .in_flight_max = 3, .resend_us = RESEND};
    if (!may_probe)
        memset(config.store_id, OURS, sizeof config.store_id);
    feed_destroy(&feed_of_test);
    feed_of_test = feed_create(&config);
    feed_await_comparison(feed_of_test);
    struct error error;
    assert_int_equal(feed_add(feed_of_test, journal_of_test, journal_fixture_dir, &error), 0);
    journal_fixture_append(journal_of_test, 1);
}

static void expect_nothing_leaves(int64_t now_us)
{
    feed_read_ahead(feed_of_test, now_us);
    struct feed_frame frame;
    assert_false(feed_due(feed_of_test, now_us, &frame));
    assert_false(feed_has_unread(feed_of_test, now_us));
    assert_false(feed_is_idle(feed_of_test, now_us));
}

static void feed_sends_nothing_before_the_journal_was_compared_however_long_that_takes(void **state)
{
    (void)state;
    begin_known();
    answer(OURS, FRAME_ACK, 1, 3, 0);
    for (int may_probe = 0; may_probe <= 1; may_probe++) {
        begin_uncompared(may_probe);
        for (int64_t now_us = 0; now_us < 120 * SECOND; now_us += SECOND) {
            probe(0, now_us);
            expect_nothing_leaves(now_us);
        }
        /* The store answers, but cannot be compared because of missing privileges. */
        probe(OURS, 120 * SECOND);
        expect_nothing_leaves(120 * SECOND);
        feed_on_compared(feed_of_test);
        probe(OURS, 121 * SECOND);
        assert_false(feed_wants_probe(feed_of_test, 130 * SECOND));
        feed_fixture_expect_sent(130 * SECOND, 4, 4 + (uint64_t)may_probe);
    }
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, feed_fixture_setup, feed_fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(feed_says_in_each_frame_which_store_it_is_for),
        TEST(feed_takes_acknowledgements_of_one_store_only),
        TEST(feed_gives_a_refused_frame_to_another_persister_at_once_but_not_for_ever),
        TEST(feed_asks_another_persister_when_its_question_is_refused),
        TEST(feed_fills_a_store_that_was_made_anew_where_the_issuer_looks),
        TEST(feed_tells_of_another_store_at_once_when_the_store_changes_twice),
        TEST(feed_waits_for_a_store_that_it_can_reach_until_that_has_an_id),
        TEST(feed_notes_whose_acknowledgements_they_are_also_when_a_start_names_another_store),
        TEST(feed_believes_the_first_store_after_a_look_and_loses_no_answer),
        TEST(feed_believes_nobody_while_two_stores_answer_and_nobody_can_look),
        TEST(feed_believes_the_only_store_that_answers_when_looks_fail_for_long),
        TEST(feed_that_may_not_look_keeps_to_the_first_store_that_answers_also_after_a_restart),
        TEST(feed_goes_on_from_what_was_noted_without_a_store),
        TEST(feed_sends_nothing_before_the_journal_was_compared_however_long_that_takes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
