#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "persister/batch.h"
#include "shared/store/erased.h"
#include "tests/unit/persister/events_fixture.h"

/* --- fixture --- */

struct fixture {
    struct batch batch;
    struct events events;
};

static int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    assert_non_null(fixture);
    batch_init(&fixture->batch);
    events_coupon_with_issues(&fixture->events, 1, 4, 3);
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    batch_deinit(&fixture->batch);
    free(fixture);
    return 0;
}

static void assert_refused(struct fixture *fixture, enum frame_fault fault)
{
    assert_int_equal(batch_read(&fixture->batch, fixture->events.bytes, fixture->events.size, 4), fault);
}

/* --- tests --- */

static void a_frame_becomes_the_rows_of_one_transaction(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(batch_read(&fixture->batch, fixture->events.bytes, fixture->events.size, 4), FRAME_OK);
    const struct store_batch *rows = &fixture->batch.rows;
    assert_int_equal(rows->partition, 1);
    assert_int_equal(rows->partitions, 4);
    assert_int_equal(rows->journal_id[15], 0x5a);
    assert_int_equal(rows->last_seq, 4);
    assert_int_equal(rows->coupons_count, 1);
    assert_string_equal(rows->coupons[0].id, "c");
    assert_int_equal(rows->coupons[0].text_lengths[COUPON_TEXT_TITLE], 8);
    assert_memory_equal(rows->coupons[0].texts[COUPON_TEXT_TITLE], "A coffee", 8);
    assert_int_equal(rows->coupons[0].quantity, 1000);
    assert_int_equal(rows->coupons[0].journal_seq, 1);
    assert_true(rows->coupons[0].updated_at_us == EVENTS_TIME_US);
    assert_true(rows->coupons[0].starts_at_us == TIME_NONE);
    assert_int_equal(rows->issues_count, 3);
    const struct store_issue *last = &rows->issues[2];
    assert_memory_equal(last->coupon_id, "c", last->coupon_id_length);
    assert_memory_equal(last->user_id, "u3", last->user_id_length);
    assert_int_equal(last->sequence, 3);
    assert_int_equal(last->nth, 1);
    assert_int_equal(last->journal_seq, 4);
    assert_true(last->issued_at_us == EVENTS_TIME_US + 5);
}

static void changes_and_erasures_become_rows_of_their_own(void **state)
{
    struct fixture *fixture = *state;
    events_begin(&fixture->events, 1, 4, 1);
    events_add_key(&fixture->events);
    memset(events_fixed(&fixture->events)->code_key, 0x22, 16);
    events_open_batch(&fixture->events, EVENTS_TIME_US + 5);
    events_add_coupon(&fixture->events, "c");
    events_add_issue(&fixture->events, "c", 1, "anna");
    events_add_redemption(&fixture->events, "c", 1, "anna");
    events_add_sweep(&fixture->events, "c");
    events_add_erasure(&fixture->events, "anna");
    events_close_batch(&fixture->events);
    events_end(&fixture->events);
    assert_int_equal(batch_read(&fixture->batch, fixture->events.bytes, fixture->events.size, 4), FRAME_OK);
    const struct store_batch *rows = &fixture->batch.rows;
    assert_int_equal(rows->last_seq, 5);
    assert_int_equal(rows->fingerprint_key[15], 0x11);
    assert_int_equal(rows->code_key[15], 0x22);
    assert_int_equal(rows->coupons_count, 1);
    assert_int_equal(rows->issues_count, 1);
    assert_int_equal(rows->changes_count, 1);
    const struct store_change *change = &rows->changes[0];
    assert_int_equal(change->state, ISSUE_REDEEMED);
    assert_int_equal(change->sequence, 1);
    assert_memory_equal(change->reference, "order-1", change->reference_length);
    assert_memory_equal(change->actor, "kim", change->actor_length);
    assert_true(change->changed_at_us == EVENTS_TIME_US && change->journal_seq == 3);
    assert_int_equal(rows->erasures_count, 1);
    assert_memory_equal(rows->erasures[0].user_id, "anna", rows->erasures[0].user_id_length);
    uint8_t fingerprint[16];
    store_fingerprint(rows->fingerprint_key, "anna", 4, fingerprint);
    assert_memory_equal(rows->erasures[0].fingerprint, fingerprint, 16);
    assert_true(rows->erasures[0].erased_at_us == EVENTS_TIME_US + 5 && rows->erasures[0].journal_seq == 5);
}

static void a_batch_is_used_again_for_the_next_frame(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(batch_read(&fixture->batch, fixture->events.bytes, fixture->events.size, 4), FRAME_OK);
    const struct store_issue *issues = fixture->batch.rows.issues;
    events_begin(&fixture->events, 2, 4, 100);
    events_open_batch(&fixture->events, EVENTS_TIME_US);
    events_add_issue(&fixture->events, "d", 9, "x");
    events_close_batch(&fixture->events);
    events_end(&fixture->events);
    assert_int_equal(batch_read(&fixture->batch, fixture->events.bytes, fixture->events.size, 4), FRAME_OK);
    assert_int_equal(fixture->batch.rows.coupons_count, 0);
    assert_int_equal(fixture->batch.rows.issues_count, 1);
    assert_int_equal(fixture->batch.rows.issues[0].journal_seq, 100);
    assert_ptr_equal(fixture->batch.rows.issues, issues);
}

static void a_frame_may_lie_anywhere_in_memory(void **state)
{
    struct fixture *fixture = *state;
    unsigned char *moved = malloc(fixture->events.size + 3);
    memcpy(moved + 3, fixture->events.bytes, fixture->events.size);
    assert_int_equal(batch_read(&fixture->batch, moved + 3, fixture->events.size, 4), FRAME_OK);
    assert_memory_equal(fixture->batch.rows.issues[0].user_id, "u1", 2);
    free(moved);
}

static void a_seal_between_batches_is_passed_over(void **state)
{
    struct fixture *fixture = *state;
    events_begin(&fixture->events, 0, 4, 7);
    events_open_batch(&fixture->events, EVENTS_TIME_US);
    events_close_batch(&fixture->events);
    events_open_batch(&fixture->events, EVENTS_TIME_US);
    events_add_issue(&fixture->events, "d", 9, "x");
    events_close_batch(&fixture->events);
    events_end(&fixture->events);
    assert_int_equal(batch_read(&fixture->batch, fixture->events.bytes, fixture->events.size, 4), FRAME_OK);
    assert_int_equal(fixture->batch.rows.issues_count, 1);
}

static void the_acknowledgement_repeats_whose_batch_it_was(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(batch_read(&fixture->batch, fixture->events.bytes, fixture->events.size, 4), FRAME_OK);
    struct batch_ack ack;
    struct frame_header header;
    batch_ack(&fixture->batch, (uint8_t[16]){0x51}, &ack);
    assert_int_equal(frame_check(&ack, sizeof ack, &header), FRAME_OK);
    assert_int_equal(header.kind, FRAME_ACK);
    assert_int_equal(header.partition, 1);
    assert_int_equal(header.partitions, 4);
    assert_memory_equal(ack.ack.journal_id, fixture->batch.rows.journal_id, 16);
    assert_int_equal(ack.ack.first_seq, 1);
    assert_int_equal(ack.ack.last_seq, 4);
}

static void every_flipped_byte_of_a_journal_batch_is_noticed(void **state)
{
    struct fixture *fixture = *state;
    size_t fixed = sizeof(struct frame_header) + sizeof(struct frame_events);
    for (size_t i = fixed; i < fixture->events.size; i++) {
        fixture->events.bytes[i] ^= 0x40;
        assert_int_not_equal(batch_read(&fixture->batch, fixture->events.bytes, fixture->events.size, 4), FRAME_OK);
        fixture->events.bytes[i] ^= 0x40;
    }
    assert_int_equal(batch_read(&fixture->batch, fixture->events.bytes, fixture->events.size, 4), FRAME_OK);
}

static void every_shorter_frame_is_refused(void **state)
{
    struct fixture *fixture = *state;
    for (size_t size = 0; size < fixture->events.size; size++) {
        void *copy = malloc(size + 1); /* so that the sanitizer detects a read past the end */
        memcpy(copy, fixture->events.bytes, size);
        assert_int_not_equal(batch_read(&fixture->batch, copy, size, 4), FRAME_OK);
        free(copy);
    }
}

static void a_frame_of_another_kind_is_refused(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(batch_read(&fixture->batch, fixture->events.bytes, fixture->events.size, 4), FRAME_OK);
    struct batch_ack ack;
    batch_ack(&fixture->batch, (uint8_t[16]){0x51}, &ack);
    assert_int_equal(batch_read(&fixture->batch, &ack, sizeof ack, 4), FRAME_FAULT_RECEIVER);
}

static void another_number_of_partitions_is_refused(void **state)
{
    struct fixture *fixture = *state;
    events_header(&fixture->events)->partitions = 5;
    assert_refused(fixture, FRAME_FAULT_OTHER_PARTITIONS);
    events_header(&fixture->events)->partitions = 4;
    events_header(&fixture->events)->partition = 4;
    assert_refused(fixture, FRAME_FAULT_PARTITION);
}

static void a_count_that_does_not_agree_is_refused(void **state)
{
    struct fixture *fixture = *state;
    events_header(&fixture->events)->count++;
    assert_refused(fixture, FRAME_FAULT_SEQUENCES);
    events_fixed(&fixture->events)->last_seq++;
    assert_refused(fixture, FRAME_FAULT_SEQUENCES);
    events_header(&fixture->events)->count -= 2;
    events_fixed(&fixture->events)->last_seq -= 2;
    assert_refused(fixture, FRAME_FAULT_SEQUENCES);
    events_header(&fixture->events)->count = BATCH_RECORDS_MAX + 1;
    events_fixed(&fixture->events)->last_seq = BATCH_RECORDS_MAX + 1;
    assert_refused(fixture, FRAME_FAULT_RECORDS);
}

static void a_frame_that_says_it_was_acknowledged_is_refused(void **state)
{
    struct fixture *fixture = *state;
    events_fixed(&fixture->events)->acked_seq = 1;
    assert_refused(fixture, FRAME_FAULT_ACKNOWLEDGED);
    events_fixed(&fixture->events)->acked_seq = UINT64_MAX;
    assert_refused(fixture, FRAME_FAULT_ACKNOWLEDGED);
    events_fixed(&fixture->events)->acked_seq = 0;
    events_fixed(&fixture->events)->gone_seq = 1;
    assert_refused(fixture, FRAME_FAULT_ACKNOWLEDGED);
}

static void sequences_beyond_what_a_store_can_hold_are_refused(void **state)
{
    struct fixture *fixture = *state;
    events_fixed(&fixture->events)->first_seq = UINT64_MAX - 3;
    events_fixed(&fixture->events)->last_seq = UINT64_MAX;
    assert_refused(fixture, FRAME_FAULT_SEQUENCES);
    events_fixed(&fixture->events)->first_seq = 0;
    events_fixed(&fixture->events)->last_seq = 3;
    assert_refused(fixture, FRAME_FAULT_SEQUENCES);
}

static void a_gap_between_journal_batches_is_refused(void **state)
{
    struct fixture *fixture = *state;
    events_batch(&fixture->events)->first_seq++;
    events_seal(&fixture->events);
    assert_refused(fixture, FRAME_FAULT_GAP);
}

static void times_beyond_the_calendar_are_refused(void **state)
{
    struct fixture *fixture = *state;
    const int64_t times[] = {-1, INT64_MAX, TIME_NONE, INT64_C(253402300800000000)};
    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        events_batch(&fixture->events)->time_us = times[i];
        events_seal(&fixture->events);
        assert_refused(fixture, FRAME_FAULT_TIME);
    }
}

static struct journal_coupon_record *begin_coupon(struct fixture *fixture)
{
    events_begin(&fixture->events, 1, 4, 1);
    events_open_batch(&fixture->events, EVENTS_TIME_US);
    events_add_coupon(&fixture->events, "c");
    return (struct journal_coupon_record *)(events_batch(&fixture->events) + 1);
}

static void a_coupon_with_a_time_beyond_the_calendar_is_refused(void **state)
{
    struct fixture *fixture = *state;
    begin_coupon(fixture)->starts_at_us = INT64_MAX;
    events_close_batch(&fixture->events);
    events_end(&fixture->events);
    assert_refused(fixture, FRAME_FAULT_JOURNAL_BATCH);
    begin_coupon(fixture)->created_at_us = -1;
    events_close_batch(&fixture->events);
    events_end(&fixture->events);
    assert_refused(fixture, FRAME_FAULT_TIME);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_frame_becomes_the_rows_of_one_transaction),
        TEST(changes_and_erasures_become_rows_of_their_own),
        TEST(a_batch_is_used_again_for_the_next_frame),
        TEST(a_frame_may_lie_anywhere_in_memory),
        TEST(a_seal_between_batches_is_passed_over),
        TEST(the_acknowledgement_repeats_whose_batch_it_was),
        TEST(every_flipped_byte_of_a_journal_batch_is_noticed),
        TEST(every_shorter_frame_is_refused),
        TEST(a_frame_of_another_kind_is_refused),
        TEST(another_number_of_partitions_is_refused),
        TEST(a_count_that_does_not_agree_is_refused),
        TEST(a_frame_that_says_it_was_acknowledged_is_refused),
        TEST(sequences_beyond_what_a_store_can_hold_are_refused),
        TEST(a_gap_between_journal_batches_is_refused),
        TEST(times_beyond_the_calendar_are_refused),
        TEST(a_coupon_with_a_time_beyond_the_calendar_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
