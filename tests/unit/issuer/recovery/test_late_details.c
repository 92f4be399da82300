#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>

#include <cmocka.h>

#include "issuer/recovery/late_details.h"
#include "tests/unit/shared/journal/journal_fixture.h"

#define TIME_US INT64_C(1700000000000000)

static struct details *details;
static struct error error;
static uint64_t records_max;

static int setup(void **state)
{
    records_max = DETAILS_COUNT_MAX;
    error = (struct error){{0}};
    return journal_fixture_setup(state);
}

/* --- helpers --- */

static int read_late(const char *dir, uint64_t acked_seq, uint64_t until_seq)
{
    struct late_details wanted = {acked_seq, until_seq, records_max};
    return late_details_read(dir, &wanted, details, &error);
}

static uint64_t put_redemption(struct journal *journal, uint32_t sequence, const char *reference)
{
    struct journal_record record = {
        .type = JOURNAL_CHANGE,
        .time_us = TIME_US,
        .coupon_id = "A",
        .coupon_id_length = 1,
        .change = {.kind = JOURNAL_REDEEMED,
                   .sequence = sequence,
                   .user_id = "user",
                   .user_id_length = 4,
                   .reference = reference,
                   .reference_length = strlen(reference)},
    };
    assert_true(journal_reserve(journal, journal_bytes_max(0, 1, 0)));
    journal_begin(journal, TIME_US);
    uint64_t seq = journal_append_change(journal, &record);
    journal_commit(journal);
    return seq;
}

/* Three issues, which are records 1 to 3, then their redemptions. */
static void fill(struct journal *journal)
{
    journal_fixture_append(journal, 3);
    for (uint32_t sequence = 1; sequence <= 3; sequence++)
        assert_int_equal(put_redemption(journal, sequence, "order"), 3 + sequence);
}

static bool knows(uint32_t sequence)
{
    struct frame_details found;
    return details_find(details, "A", 1, sequence, &found) && found.changed_at_us == TIME_US &&
           found.reference_length == 5 && memcmp(found.reference, "order", 5) == 0;
}

/* --- tests --- */

static void details_are_those_of_records_that_the_store_lacks_and_the_snapshot_has(void **state)
{
    (void)state;
    struct journal *journal = journal_fixture_open(0);
    details = details_create();
    fill(journal);
    assert_int_equal(read_late(journal_fixture_dir, 4, 5), 0);
    assert_false(knows(1));
    assert_true(knows(2));
    assert_false(knows(3));
    details_destroy(&details);
    journal_fixture_crash(journal);
}

static void only_so_many_of_the_last_records_are_read(void **state)
{
    (void)state;
    struct journal *journal = journal_fixture_open(0);
    details = details_create();
    fill(journal);
    records_max = 2;
    assert_int_equal(read_late(journal_fixture_dir, 0, 6), 0);
    assert_false(knows(1));
    assert_true(knows(2));
    assert_true(knows(3));
    details_destroy(&details);
    journal_fixture_crash(journal);
}

static void nothing_is_read_when_the_store_has_what_the_snapshot_has(void **state)
{
    (void)state;
    details = details_create();
    assert_int_equal(read_late("/nowhere", 6, 6), 0);
    assert_int_equal(read_late("/nowhere", 0, 0), 0);
    assert_int_equal(details_bytes(details), 0);
    details_destroy(&details);
}

static void a_journal_that_cannot_be_read_is_reported(void **state)
{
    (void)state;
    struct journal *journal = journal_fixture_open(0);
    details = details_create();
    fill(journal);
    journal_fixture_crash(journal);
    assert_int_equal(read_late("/nowhere", 4, 5), -1);
    assert_true(strlen(error.text) > 0);
    journal_fixture_flip(1, journal_fixture_end() - 8, 1);
    assert_int_equal(read_late(journal_fixture_dir, 0, 6), -1);
    assert_true(knows(2));
    details_destroy(&details);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, journal_fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(details_are_those_of_records_that_the_store_lacks_and_the_snapshot_has),
        TEST(only_so_many_of_the_last_records_are_read),
        TEST(nothing_is_read_when_the_store_has_what_the_snapshot_has),
        TEST(a_journal_that_cannot_be_read_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
