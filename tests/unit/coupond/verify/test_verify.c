/* verify: the store compared with the journal, and the text of findings. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "coupond/verify/report.h"
#include "tests/unit/coupond/verify/verify_fixture.h"

static void kept_promises_give_no_finding(void **state)
{
    struct fixture *fixture = *state;
    verify_fixture_keep_two(fixture);
    verify_fixture_end(fixture);
    assert_int_equal(fixture->verify.findings.count, 0);
    assert_false(verify_wants_rows(&fixture->verify));
    assert_int_equal(fixture->verify.issues, 2);
    assert_int_equal(fixture->verify.rows, 2);
    assert_int_equal(fixture->verify.lag, 0);
}

static void unacknowledged_issues_are_on_the_way(void **state)
{
    struct fixture *fixture = *state;
    verify_fixture_begin_unstored(fixture);
    verify_fixture_journal_issue(fixture, 1, "anna");
    verify_fixture_journal_issue(fixture, 2, "bob");
    verify_fixture_end_unstored(fixture);
    assert_int_equal(fixture->verify.findings.count, 0);
    assert_int_equal(fixture->verify.lag, 2);
}

static void rows_stored_before_their_acknowledgement_are_fine(void **state)
{
    struct fixture *fixture = *state;
    fixture->verify.journals[0].acked = 1;
    verify_fixture_store_coupon(fixture, 2);
    verify_fixture_store_row(fixture, 2, "bob", 3); /* another persister wrote the later batch first */
    verify_fixture_journal_policy(fixture);
    verify_fixture_journal_issue(fixture, 1, "anna");
    verify_fixture_journal_issue(fixture, 2, "bob");
    verify_fixture_end_unstored(fixture);
    assert_int_equal(fixture->verify.findings.count, 0);
    assert_int_equal(fixture->verify.lag, 1);
}

static void a_missing_row_is_named(void **state)
{
    struct fixture *fixture = *state;
    verify_fixture_store_coupon(fixture, 2);
    verify_fixture_store_row(fixture, 2, "bob", 3);
    verify_fixture_journal_policy(fixture);
    verify_fixture_journal_issue(fixture, 1, "anna");
    verify_fixture_journal_issue(fixture, 2, "bob");
    verify_fixture_end(fixture);
    verify_fixture_assert_only(fixture, FINDING_ROW_MISSING, "coupon c: sequence 1 is not in the store (user anna");
}

static void a_row_that_the_journal_does_not_have_is_named(void **state)
{
    struct fixture *fixture = *state;
    verify_fixture_store_coupon(fixture, 9);
    verify_fixture_store_row(fixture, 1, "anna", 2);
    verify_fixture_store_row(fixture, 9, "eve", 3);
    verify_fixture_journal_policy(fixture);
    verify_fixture_journal_issue(fixture, 1, "anna");
    verify_fixture_end(fixture);
    assert_true(verify_wants_rows(&fixture->verify));
    verify_fixture_name_row(fixture, 1, "anna", 2);
    verify_fixture_name_row(fixture, 9, "eve", 3);
    verify_fixture_assert_only(fixture, FINDING_ROW_UNKNOWN, "coupon c: sequence 9 is only in the store (user eve");
}

static void a_row_that_differs_is_named_with_both_sides(void **state)
{
    struct fixture *fixture = *state;
    verify_fixture_store_coupon(fixture, 1);
    verify_fixture_store_row(fixture, 1, "eve", 2);
    verify_fixture_journal_policy(fixture);
    verify_fixture_journal_issue(fixture, 1, "anna");
    verify_fixture_end(fixture);
    assert_true(verify_wants_rows(&fixture->verify));
    verify_fixture_name_row(fixture, 1, "eve", 2);
    verify_fixture_assert_only(fixture, FINDING_ROW_DIFFERS, "sequence 1: the store has user eve");
    assert_non_null(strstr(fixture->verify.findings.kinds[FINDING_ROW_DIFFERS].lines[0], "the journal has user anna"));
}

static void a_row_of_another_journal_record_differs(void **state)
{
    struct fixture *fixture = *state;
    verify_fixture_store_coupon(fixture, 1);
    verify_fixture_store_row(fixture, 1, "anna", 77);
    verify_fixture_journal_policy(fixture);
    verify_fixture_journal_issue(fixture, 1, "anna");
    verify_fixture_end(fixture);
    verify_fixture_name_row(fixture, 1, "anna", 77);
    verify_fixture_assert_only(fixture, FINDING_ROW_DIFFERS, "journal_seq 77");
}

static void a_coupon_missing_from_the_store_is_named(void **state)
{
    struct fixture *fixture = *state;
    verify_fixture_journal_policy(fixture);
    verify_fixture_end(fixture);
    verify_fixture_assert_only(fixture, FINDING_COUPON_ROW_MISSING, "coupon c");
}

static void a_coupon_that_only_the_store_has_is_named(void **state)
{
    struct fixture *fixture = *state;
    verify_fixture_store_coupon(fixture, 0);
    verify_fixture_end(fixture);
    verify_fixture_assert_only(fixture, FINDING_COUPON_ROW_UNKNOWN, "coupon c");
}

static void a_policy_that_differs_in_the_store_is_named(void **state)
{
    struct fixture *fixture = *state;
    verify_fixture_store_coupon(fixture, 0);
    fixture->policy.quantity = 4;
    verify_fixture_journal_policy(fixture);
    verify_fixture_end(fixture);
    verify_fixture_assert_only(fixture, FINDING_COUPON_ROW_DIFFERS, "coupon c");
}

static void a_policy_older_than_acknowledged_is_named(void **state)
{
    struct fixture *fixture = *state;
    verify_fixture_store_coupon(fixture, 0);
    verify_fixture_journal_policy(fixture);
    fixture->policy.quantity = 4;
    verify_fixture_journal_policy(fixture);
    verify_fixture_end(fixture);
    verify_fixture_assert_only(fixture, FINDING_COUPON_ROW_DIFFERS, "journal_seq 1, but 2 was acknowledged");
}

static void a_count_that_is_not_the_last_sequence_is_named(void **state)
{
    struct fixture *fixture = *state;
    verify_fixture_store_coupon(fixture, 2);
    verify_fixture_store_row(fixture, 1, "anna", 2);
    verify_fixture_journal_policy(fixture);
    verify_fixture_journal_issue(fixture, 1, "anna");
    verify_fixture_end(fixture);
    verify_fixture_assert_only(fixture, FINDING_COUNT_DIFFERS, "issued 2");
}

static void a_store_of_another_journal_is_named(void **state)
{
    struct fixture *fixture = *state;
    struct store_journal stored = {.partition = 0, .partitions = 1};
    verify_store_journal(&fixture->verify, &stored);
    verify_fixture_end(fixture);
    verify_fixture_assert_only(fixture, FINDING_JOURNAL_FOREIGN, "another journal");
}

static void a_store_with_more_partitions_is_named(void **state)
{
    struct fixture *fixture = *state;
    struct store_journal stored = {.partition = 1, .partitions = 2};
    verify_store_journal(&fixture->verify, &stored);
    verify_fixture_end(fixture);
    verify_fixture_assert_only(fixture, FINDING_JOURNAL_FOREIGN, "partition 1");
}

static void a_journal_that_ends_before_acknowledged_records_is_named(void **state)
{
    struct fixture *fixture = *state;
    verify_journal_end(&fixture->verify, 0, 500, NULL);
    verify_finish(&fixture->verify);
    verify_fixture_assert_only(fixture, FINDING_JOURNAL_DAMAGED, "before record 500");
}

static void add_letter(struct fixture *fixture, uint64_t journal_seq, uint32_t sequence, const char *user,
                       uint8_t journal_id)
{
    struct store_dead_letter letter = {.journal_seq = journal_seq,
                                       .sequence = sequence,
                                       .nth = user != NULL,
                                       .coupon_id = "c",
                                       .coupon_id_length = 1,
                                       .user_id = user,
                                       .user_id_length = user ? (uint8_t)strlen(user) : 0,
                                       .reason = "refused by\x1b a trigger"};
    memset(letter.journal_id, journal_id, sizeof letter.journal_id);
    verify_store_dead_letter(&fixture->verify, &letter);
}

static void take_stored_journal(struct fixture *fixture, uint64_t last_seq)
{
    struct store_journal stored = {.partition = 0, .partitions = 1, .last_seq = last_seq};
    memset(stored.journal_id, 0x5a, sizeof stored.journal_id);
    verify_store_journal(&fixture->verify, &stored);
}

static void a_store_that_went_back_to_an_older_copy_is_named(void **state)
{
    struct fixture *fixture = *state;
    verify_fixture_keep_two(fixture);
    take_stored_journal(fixture, 2); /* of the three records that were acknowledged */
    verify_fixture_end(fixture);
    verify_fixture_assert_only(fixture, FINDING_STORE_BEHIND,
                               "partition 0: the store has the records up to 2, but acknowledged them up to 3");
}

static void a_store_that_is_ahead_of_its_acknowledgements_is_fine(void **state)
{
    struct fixture *fixture = *state;
    verify_fixture_keep_two(fixture);
    take_stored_journal(fixture, 4);
    verify_fixture_end(fixture);
    assert_int_equal(fixture->verify.findings.count, 0);
}

static void a_store_without_a_row_of_the_journal_is_behind(void **state)
{
    struct fixture *fixture = *state;
    verify_fixture_keep_two(fixture);
    fixture->verify.journals[0].stored_seq = 0; /* as if verify_store_journal() had not been called */
    verify_fixture_end(fixture);
    verify_fixture_assert_only(fixture, FINDING_STORE_BEHIND, "up to 0, but acknowledged them up to 3");
}

static void a_dead_letter_is_named_and_not_called_missing_too(void **state)
{
    struct fixture *fixture = *state;
    verify_fixture_store_coupon(fixture, 1);
    verify_fixture_store_row(fixture, 1, "anna", 2);
    add_letter(fixture, 3, 2, "bob", 0x5a);
    verify_fixture_journal_policy(fixture);
    verify_fixture_journal_issue(fixture, 1, "anna");
    verify_fixture_journal_issue(fixture, 2, "bob");
    verify_fixture_end(fixture);
    verify_fixture_assert_only(fixture, FINDING_DEAD_LETTER,
                               "coupon c: sequence 2 (user bob, journal_seq 3): refused by? a trigger");
    assert_int_equal(fixture->verify.dead, 1);
}

static void a_coupon_that_is_a_dead_letter_is_not_called_missing_too(void **state)
{
    struct fixture *fixture = *state;
    add_letter(fixture, 1, 0, NULL, 0x5a);
    verify_fixture_journal_policy(fixture);
    verify_fixture_end(fixture);
    verify_fixture_assert_only(fixture, FINDING_DEAD_LETTER, "its policy of journal_seq 1: refused");
}

static void a_dead_letter_of_a_journal_before_excuses_nothing_in_this_one(void **state)
{
    struct fixture *fixture = *state;
    verify_fixture_store_coupon(fixture, 1);
    verify_fixture_store_row(fixture, 1, "anna", 2);
    add_letter(fixture, 3, 2, "bob", 0x11);
    verify_fixture_journal_policy(fixture);
    verify_fixture_journal_issue(fixture, 1, "anna");
    verify_fixture_journal_issue(fixture, 2, "bob");
    verify_fixture_end(fixture);
    assert_int_equal(fixture->verify.findings.kinds[FINDING_DEAD_LETTER].count, 1);
    assert_int_equal(fixture->verify.findings.kinds[FINDING_ROW_MISSING].count, 1);
}

static void twenty_lines_of_a_kind_are_kept_and_all_are_counted(void **state)
{
    struct fixture *fixture = *state;
    char user[24];
    fixture->policy.quantity = 1000;
    verify_fixture_store_coupon(fixture, 0);
    verify_fixture_journal_policy(fixture);
    for (uint32_t i = 1; i <= 50; i++) {
        snprintf(user, sizeof user, "user-%u", i);
        verify_fixture_journal_issue(fixture, i, user);
    }
    verify_fixture_end(fixture);
    assert_int_equal(fixture->verify.findings.kinds[FINDING_ROW_MISSING].count, 50);
    assert_int_equal(findings_lines(&fixture->verify.findings, FINDING_ROW_MISSING), 20);
    char text[16384] = "";
    FILE *out = fmemopen(text, sizeof text, "w");
    verify_report_text(out, &fixture->verify);
    fclose(out);
    assert_non_null(strstr(text, "and 30 more"));
    assert_non_null(strstr(text, "50 violations"));
}

static void unprintable_bytes_are_not_printed(void **state)
{
    struct fixture *fixture = *state;
    verify_fixture_store_coupon(fixture, 1);
    verify_fixture_store_row(fixture, 1, "\x1b[2J\xff", 2);
    verify_fixture_journal_policy(fixture);
    verify_fixture_journal_issue(fixture, 1, "anna");
    verify_fixture_end(fixture);
    verify_fixture_name_row(fixture, 1, "\x1b[2J\xff", 2);
    verify_fixture_assert_only(fixture, FINDING_ROW_DIFFERS, "the store has user ?[2J?");
}

/* The snapshot is of record 5, but the segments begin with record 3: its window applies from record 4 on. */
static void a_window_that_was_changed_before_the_snapshot_says_nothing_of_issues_before_the_change(void **state)
{
    struct fixture *fixture = *state;
    struct ledger *snapshot = ledger_create((const uint8_t[16]){7});
    struct coupon paused = fixture->policy;
    paused.paused = true;
    paused.journal_seq = 4;
    ledger_apply_coupon(snapshot, &paused);
    verify_add_snapshot(&fixture->verify, 0, 3, snapshot);
    fixture->policy.paused = true;
    fixture->policy.journal_seq = 4;
    verify_fixture_store_coupon(fixture, 1);
    verify_fixture_store_row(fixture, 1, "anna", 3);
    fixture->seq = 2;
    verify_fixture_journal_issue(fixture, 1, "anna");
    verify_fixture_journal_policy(fixture);
    assert_int_equal(fixture->verify.findings.count, 0);
    verify_fixture_journal_issue(fixture, 2, "bob");
    assert_int_equal(fixture->verify.findings.kinds[FINDING_OUT_OF_WINDOW].count, 1);
    ledger_destroy(&snapshot);
}

/* As when that segment is removed during the check: only the snapshot tells the expected row of the store. */
static void a_snapshot_s_policy_is_the_store_s_even_when_its_record_is_never_read(void **state)
{
    struct fixture *fixture = *state;
    struct ledger *snapshot = ledger_create((const uint8_t[16]){7});
    fixture->policy.paused = true;
    fixture->policy.journal_seq = 4;
    ledger_apply_coupon(snapshot, &fixture->policy);
    verify_add_snapshot(&fixture->verify, 0, 3, snapshot);
    verify_fixture_store_coupon(fixture, 0);
    fixture->seq = 4;
    verify_fixture_end(fixture);
    assert_int_equal(fixture->verify.findings.kinds[FINDING_COUPON_ROW_DIFFERS].count, 0);
    ledger_destroy(&snapshot);
}

/* The store's row is of record 2, whose segment is removed; the snapshot and the segments have the change in record
 * 4. */
static void look_at_an_overtaken_row(struct fixture *fixture, uint64_t acked)
{
    struct ledger *snapshot = ledger_create((const uint8_t[16]){7});
    struct coupon changed = fixture->policy;
    fixture->verify.journals[0].acked = acked;
    changed.paused = true;
    changed.journal_seq = 4;
    ledger_apply_coupon(snapshot, &changed);
    verify_add_snapshot(&fixture->verify, 0, 3, snapshot);
    fixture->policy.journal_seq = 2;
    verify_fixture_store_coupon(fixture, 0);
    fixture->policy = changed;
    fixture->seq = 3;
    verify_fixture_journal_policy(fixture);
    verify_fixture_end(fixture);
    ledger_destroy(&snapshot);
}

static void a_change_that_is_on_its_way_to_the_store_is_none_that_differs(void **state)
{
    struct fixture *fixture = *state;
    look_at_an_overtaken_row(fixture, 3);
    assert_int_equal(fixture->verify.findings.count, 0);
}

static void a_change_that_was_acknowledged_is_missed_in_the_store(void **state)
{
    struct fixture *fixture = *state;
    look_at_an_overtaken_row(fixture, 4);
    verify_fixture_assert_only(fixture, FINDING_COUPON_ROW_DIFFERS, "but 4 was acknowledged");
}

static void numbers_have_thousands_separators(void **state)
{
    (void)state;
    char text[THOUSANDS_MAX];
    assert_string_equal(thousands(0, text), "0");
    assert_string_equal(thousands(999, text), "999");
    assert_string_equal(thousands(1000, text), "1,000");
    assert_string_equal(thousands(100000000, text), "100,000,000");
    assert_string_equal(thousands(UINT64_MAX, text), "18,446,744,073,709,551,615");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, verify_fixture_setup, verify_fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(kept_promises_give_no_finding),
        TEST(unacknowledged_issues_are_on_the_way),
        TEST(rows_stored_before_their_acknowledgement_are_fine),
        TEST(a_missing_row_is_named),
        TEST(a_row_that_the_journal_does_not_have_is_named),
        TEST(a_row_that_differs_is_named_with_both_sides),
        TEST(a_row_of_another_journal_record_differs),
        TEST(a_coupon_missing_from_the_store_is_named),
        TEST(a_coupon_that_only_the_store_has_is_named),
        TEST(a_policy_that_differs_in_the_store_is_named),
        TEST(a_policy_older_than_acknowledged_is_named),
        TEST(a_count_that_is_not_the_last_sequence_is_named),
        TEST(a_store_of_another_journal_is_named),
        TEST(a_store_with_more_partitions_is_named),
        TEST(a_journal_that_ends_before_acknowledged_records_is_named),
        TEST(a_store_that_went_back_to_an_older_copy_is_named),
        TEST(a_store_that_is_ahead_of_its_acknowledgements_is_fine),
        TEST(a_store_without_a_row_of_the_journal_is_behind),
        TEST(a_dead_letter_is_named_and_not_called_missing_too),
        TEST(a_coupon_that_is_a_dead_letter_is_not_called_missing_too),
        TEST(a_dead_letter_of_a_journal_before_excuses_nothing_in_this_one),
        TEST(twenty_lines_of_a_kind_are_kept_and_all_are_counted),
        TEST(unprintable_bytes_are_not_printed),
        TEST(a_window_that_was_changed_before_the_snapshot_says_nothing_of_issues_before_the_change),
        TEST(a_snapshot_s_policy_is_the_store_s_even_when_its_record_is_never_read),
        TEST(a_change_that_is_on_its_way_to_the_store_is_none_that_differs),
        TEST(a_change_that_was_acknowledged_is_missed_in_the_store),
        TEST(numbers_have_thousands_separators),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
