/* The checker of `coupond verify`: every promise can be found broken, and what is kept is not called broken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "coupond/verify.h"
#include "coupond/verify_report.h"

/* Fixture: partition 0 of 1, all of it acknowledged unless a test says otherwise */

#define TIME_US INT64_C(1763691900000000)

struct fixture {
    struct verify verify;
    uint64_t seq;
    int64_t time_us;
    struct coupon policy;
};

static void add_journal(struct fixture *fixture, uint64_t acked)
{
    struct journal_meta meta = {.partition = 0, .partitions = 1};
    memset(meta.journal_id, 0x5a, sizeof meta.journal_id);
    verify_add_journal(&fixture->verify, &meta, acked);
    struct store_journal stored = {.partition = 0, .partitions = 1, .last_seq = acked};
    memcpy(stored.journal_id, meta.journal_id, sizeof stored.journal_id);
    verify_store_journal(&fixture->verify, &stored);
}

static int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    assert_non_null(fixture);
    verify_init(&fixture->verify, 42);
    fixture->time_us = TIME_US;
    fixture->policy = (struct coupon){.id = "c",
                                      .title = "A coffee",
                                      .quantity = 3,
                                      .per_user_limit = 1,
                                      .starts_at_us = TIME_NONE,
                                      .ends_at_us = TIME_NONE,
                                      .created_at_us = TIME_US,
                                      .updated_at_us = TIME_US,
                                      .journal_seq = 1};
    add_journal(fixture, 1000);
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    verify_deinit(&fixture->verify);
    free(fixture);
    return 0;
}

/* Helpers */

static void store_coupon(struct fixture *fixture, uint32_t issued)
{
    struct coupon there = fixture->policy;
    there.issued = issued;
    verify_store_coupon(&fixture->verify, &there);
}

static void store_row(struct fixture *fixture, uint32_t sequence, const char *user, uint64_t journal_seq)
{
    struct store_issue issue = {.coupon_id = "c",
                                .coupon_id_length = 1,
                                .user_id = user,
                                .user_id_length = (uint8_t)strlen(user),
                                .nth = 1,
                                .sequence = sequence,
                                .issued_at_us = TIME_US,
                                .journal_seq = journal_seq};
    verify_store_issue(&fixture->verify, &issue);
}

static void name_row(struct fixture *fixture, uint32_t sequence, const char *user, uint64_t journal_seq)
{
    struct store_issue issue = {.coupon_id = "c",
                                .coupon_id_length = 1,
                                .user_id = user,
                                .user_id_length = (uint8_t)strlen(user),
                                .nth = 1,
                                .sequence = sequence,
                                .issued_at_us = TIME_US,
                                .journal_seq = journal_seq};
    verify_name_row(&fixture->verify, &issue);
}

static void journal_policy(struct fixture *fixture)
{
    const struct coupon *policy = &fixture->policy;
    struct journal_record record = {.type = JOURNAL_COUPON,
                                    .seq = ++fixture->seq,
                                    .time_us = fixture->time_us,
                                    .coupon_id = policy->id,
                                    .coupon_id_length = strlen(policy->id),
                                    .coupon = {.title = policy->title,
                                               .title_length = strlen(policy->title),
                                               .quantity = policy->quantity,
                                               .per_user_limit = policy->per_user_limit,
                                               .paused = policy->paused,
                                               .starts_at_us = policy->starts_at_us,
                                               .ends_at_us = policy->ends_at_us,
                                               .created_at_us = policy->created_at_us}};
    verify_journal_record(&fixture->verify, 0, &record);
}

static void journal_nth(struct fixture *fixture, uint32_t sequence, const char *user, uint16_t nth)
{
    struct journal_record record = {
        .type = JOURNAL_ISSUE,
        .seq = ++fixture->seq,
        .time_us = fixture->time_us,
        .coupon_id = "c",
        .coupon_id_length = 1,
        .issue = {.user_id = user, .user_id_length = strlen(user), .sequence = sequence, .nth = nth}};
    verify_journal_record(&fixture->verify, 0, &record);
}

static void journal_issue(struct fixture *fixture, uint32_t sequence, const char *user)
{
    journal_nth(fixture, sequence, user, 1);
}

static void end(struct fixture *fixture)
{
    fixture->verify.journals[0].acked = fixture->seq < 1000 ? fixture->seq : 1000;
    verify_journal_end(&fixture->verify, 0, fixture->seq + 1, NULL);
    verify_finish(&fixture->verify);
}

/* Exactly one finding, of this kind, whose sentence holds these words. */
static void assert_only(const struct fixture *fixture, enum finding kind, const char *words)
{
    const struct findings *findings = &fixture->verify.findings;
    for (int i = 0; i < FINDING_COUNT; i++)
        if (i != (int)kind && findings->kinds[i].count > 0)
            fail_msg("found %s: %s", finding_name((enum finding)i), findings->kinds[i].lines[0]);
    assert_int_equal(findings->kinds[kind].count, 1);
    assert_int_equal(findings->count, 1);
    if (!strstr(findings->kinds[kind].lines[0], words))
        fail_msg("\"%s\" does not say \"%s\"", findings->kinds[kind].lines[0], words);
}

/* Journal and store of coupon "c" with two issues, to anna and bob. */
static void keep_two(struct fixture *fixture)
{
    store_coupon(fixture, 2);
    store_row(fixture, 1, "anna", 2);
    store_row(fixture, 2, "bob", 3);
    journal_policy(fixture);
    journal_issue(fixture, 1, "anna");
    journal_issue(fixture, 2, "bob");
}

/* Only the journal, none of it acknowledged. */
static void begin_unstored(struct fixture *fixture)
{
    fixture->verify.journals[0].acked = 0;
    journal_policy(fixture);
}

static void end_unstored(struct fixture *fixture)
{
    verify_journal_end(&fixture->verify, 0, fixture->seq + 1, NULL);
    verify_finish(&fixture->verify);
}

/* Tests */

static void what_is_kept_is_not_called_broken(void **state)
{
    struct fixture *fixture = *state;
    keep_two(fixture);
    end(fixture);
    assert_int_equal(fixture->verify.findings.count, 0);
    assert_false(verify_wants_rows(&fixture->verify));
    assert_int_equal(fixture->verify.issues, 2);
    assert_int_equal(fixture->verify.rows, 2);
    assert_int_equal(fixture->verify.lag, 0);
}

static void what_is_not_acknowledged_yet_is_on_the_way(void **state)
{
    struct fixture *fixture = *state;
    begin_unstored(fixture);
    journal_issue(fixture, 1, "anna");
    journal_issue(fixture, 2, "bob");
    end_unstored(fixture);
    assert_int_equal(fixture->verify.findings.count, 0);
    assert_int_equal(fixture->verify.lag, 2);
}

static void what_is_stored_before_its_acknowledgement_is_fine(void **state)
{
    struct fixture *fixture = *state;
    fixture->verify.journals[0].acked = 1;
    store_coupon(fixture, 2);
    store_row(fixture, 2, "bob", 3); /* another persister was faster with the later batch */
    journal_policy(fixture);
    journal_issue(fixture, 1, "anna");
    journal_issue(fixture, 2, "bob");
    end_unstored(fixture);
    assert_int_equal(fixture->verify.findings.count, 0);
    assert_int_equal(fixture->verify.lag, 1);
}

static void a_missing_row_is_named(void **state)
{
    struct fixture *fixture = *state;
    store_coupon(fixture, 2);
    store_row(fixture, 2, "bob", 3);
    journal_policy(fixture);
    journal_issue(fixture, 1, "anna");
    journal_issue(fixture, 2, "bob");
    end(fixture);
    assert_only(fixture, FINDING_ROW_MISSING, "coupon c: sequence 1 is not in the store (user anna");
}

static void a_row_that_the_journal_does_not_have_is_named(void **state)
{
    struct fixture *fixture = *state;
    store_coupon(fixture, 9);
    store_row(fixture, 1, "anna", 2);
    store_row(fixture, 9, "eve", 3);
    journal_policy(fixture);
    journal_issue(fixture, 1, "anna");
    end(fixture);
    assert_true(verify_wants_rows(&fixture->verify));
    name_row(fixture, 1, "anna", 2);
    name_row(fixture, 9, "eve", 3);
    assert_only(fixture, FINDING_ROW_UNKNOWN, "coupon c: sequence 9 is in the store alone (user eve");
}

static void a_row_that_differs_is_named_with_both_sides(void **state)
{
    struct fixture *fixture = *state;
    store_coupon(fixture, 1);
    store_row(fixture, 1, "eve", 2);
    journal_policy(fixture);
    journal_issue(fixture, 1, "anna");
    end(fixture);
    assert_true(verify_wants_rows(&fixture->verify));
    name_row(fixture, 1, "eve", 2);
    assert_only(fixture, FINDING_ROW_DIFFERS, "sequence 1: the store has user eve");
    assert_non_null(strstr(fixture->verify.findings.kinds[FINDING_ROW_DIFFERS].lines[0], "the journal has user anna"));
}

static void a_row_of_another_journal_record_differs(void **state)
{
    struct fixture *fixture = *state;
    store_coupon(fixture, 1);
    store_row(fixture, 1, "anna", 77);
    journal_policy(fixture);
    journal_issue(fixture, 1, "anna");
    end(fixture);
    name_row(fixture, 1, "anna", 77);
    assert_only(fixture, FINDING_ROW_DIFFERS, "journal_seq 77");
}

static void a_gap_in_the_sequences_is_named(void **state)
{
    struct fixture *fixture = *state;
    begin_unstored(fixture);
    journal_issue(fixture, 1, "anna");
    journal_issue(fixture, 3, "bob");
    end_unstored(fixture);
    assert_only(fixture, FINDING_SEQUENCE_BROKEN, "sequence 3 follows 1");
}

static void a_sequence_given_twice_is_named(void **state)
{
    struct fixture *fixture = *state;
    begin_unstored(fixture);
    journal_issue(fixture, 1, "anna");
    journal_issue(fixture, 1, "bob");
    end_unstored(fixture);
    assert_only(fixture, FINDING_SEQUENCE_BROKEN, "sequence 1 follows 1");
}

static void time_that_goes_backwards_is_named(void **state)
{
    struct fixture *fixture = *state;
    begin_unstored(fixture);
    journal_issue(fixture, 1, "anna");
    fixture->time_us--;
    journal_issue(fixture, 2, "bob");
    end_unstored(fixture);
    assert_only(fixture, FINDING_TIME_BACKWARDS, "sequence 2");
}

static void one_above_the_quantity_is_named(void **state)
{
    struct fixture *fixture = *state;
    begin_unstored(fixture);
    const char *users[] = {"a", "b", "c", "d"};
    for (uint32_t i = 0; i < 4; i++)
        journal_issue(fixture, i + 1, users[i]);
    end_unstored(fixture);
    assert_only(fixture, FINDING_ABOVE_QUANTITY, "sequence 4 is above the quantity, 3");
}

static void the_quantity_of_the_moment_counts(void **state)
{
    struct fixture *fixture = *state;
    fixture->policy.quantity = 1;
    begin_unstored(fixture);
    journal_issue(fixture, 1, "anna");
    fixture->policy.quantity = 2;
    journal_policy(fixture);
    journal_issue(fixture, 2, "bob");
    end_unstored(fixture);
    assert_int_equal(fixture->verify.findings.count, 0);
}

static void a_quantity_lowered_below_what_is_issued_is_named(void **state)
{
    struct fixture *fixture = *state;
    begin_unstored(fixture);
    journal_issue(fixture, 1, "anna");
    journal_issue(fixture, 2, "bob");
    fixture->policy.quantity = 1;
    journal_policy(fixture);
    end_unstored(fixture);
    assert_only(fixture, FINDING_LOWERED_BELOW_ISSUED, "lowered to 1 when 2");
}

static void a_user_above_the_limit_is_named(void **state)
{
    struct fixture *fixture = *state;
    begin_unstored(fixture);
    journal_nth(fixture, 1, "anna", 1);
    journal_nth(fixture, 2, "anna", 2);
    end_unstored(fixture);
    assert_only(fixture, FINDING_ABOVE_LIMIT, "sequence 2 is one more than the 1");
}

static void a_wrong_nth_is_named(void **state)
{
    struct fixture *fixture = *state;
    fixture->policy.per_user_limit = 3;
    begin_unstored(fixture);
    journal_nth(fixture, 1, "anna", 1);
    journal_nth(fixture, 2, "anna", 2);
    journal_nth(fixture, 3, "anna", 2);
    end_unstored(fixture);
    assert_only(fixture, FINDING_NTH_BROKEN, "issue number 3, not 2");
}

static void an_issue_outside_of_the_window_is_named(void **state)
{
    struct fixture *fixture = *state;
    fixture->policy.starts_at_us = TIME_US + 10;
    fixture->policy.ends_at_us = TIME_US + 20;
    begin_unstored(fixture);
    fixture->time_us = TIME_US + 10;
    journal_issue(fixture, 1, "anna");
    fixture->time_us = TIME_US + 20;
    journal_issue(fixture, 2, "bob");
    end_unstored(fixture);
    assert_only(fixture, FINDING_OUT_OF_WINDOW, "sequence 2 is issued after its end");
}

static void an_issue_while_paused_is_named(void **state)
{
    struct fixture *fixture = *state;
    fixture->policy.paused = true;
    begin_unstored(fixture);
    journal_issue(fixture, 1, "anna");
    end_unstored(fixture);
    assert_only(fixture, FINDING_OUT_OF_WINDOW, "sequence 1 is issued while it was paused");
}

static void an_issue_of_a_coupon_that_was_never_made_is_named(void **state)
{
    struct fixture *fixture = *state;
    fixture->verify.journals[0].acked = 0;
    journal_issue(fixture, 1, "anna");
    end_unstored(fixture);
    assert_int_equal(fixture->verify.findings.kinds[FINDING_COUPON_UNKNOWN].count, 1);
}

static void a_coupon_missing_from_the_store_is_named(void **state)
{
    struct fixture *fixture = *state;
    journal_policy(fixture);
    end(fixture);
    assert_only(fixture, FINDING_COUPON_ROW_MISSING, "coupon c");
}

static void a_coupon_that_only_the_store_has_is_named(void **state)
{
    struct fixture *fixture = *state;
    store_coupon(fixture, 0);
    end(fixture);
    assert_only(fixture, FINDING_COUPON_ROW_UNKNOWN, "coupon c");
}

static void a_policy_that_differs_in_the_store_is_named(void **state)
{
    struct fixture *fixture = *state;
    store_coupon(fixture, 0);
    fixture->policy.quantity = 4;
    journal_policy(fixture);
    end(fixture);
    assert_only(fixture, FINDING_COUPON_ROW_DIFFERS, "coupon c");
}

static void a_policy_older_than_acknowledged_is_named(void **state)
{
    struct fixture *fixture = *state;
    store_coupon(fixture, 0);
    journal_policy(fixture);
    fixture->policy.quantity = 4;
    journal_policy(fixture);
    end(fixture);
    assert_only(fixture, FINDING_COUPON_ROW_DIFFERS, "journal_seq 1, but 2 was acknowledged");
}

static void a_count_that_is_not_the_last_sequence_is_named(void **state)
{
    struct fixture *fixture = *state;
    store_coupon(fixture, 2);
    store_row(fixture, 1, "anna", 2);
    journal_policy(fixture);
    journal_issue(fixture, 1, "anna");
    end(fixture);
    assert_only(fixture, FINDING_COUNT_DIFFERS, "issued 2");
}

static void a_store_of_another_journal_is_named(void **state)
{
    struct fixture *fixture = *state;
    struct store_journal stored = {.partition = 0, .partitions = 1};
    verify_store_journal(&fixture->verify, &stored);
    end(fixture);
    assert_only(fixture, FINDING_JOURNAL_FOREIGN, "another journal");
}

static void a_store_with_more_partitions_is_named(void **state)
{
    struct fixture *fixture = *state;
    struct store_journal stored = {.partition = 1, .partitions = 2};
    verify_store_journal(&fixture->verify, &stored);
    end(fixture);
    assert_only(fixture, FINDING_JOURNAL_FOREIGN, "partition 1");
}

static void a_journal_that_ends_before_what_was_acknowledged_is_named(void **state)
{
    struct fixture *fixture = *state;
    verify_journal_end(&fixture->verify, 0, 500, NULL);
    verify_finish(&fixture->verify);
    assert_only(fixture, FINDING_JOURNAL_DAMAGED, "before record 500");
}

static void behind_damage_nothing_else_is_called_broken(void **state)
{
    struct fixture *fixture = *state;
    store_coupon(fixture, 2);
    store_row(fixture, 1, "anna", 2);
    store_row(fixture, 2, "bob", 3);
    journal_policy(fixture);
    journal_issue(fixture, 1, "anna");
    verify_journal_end(&fixture->verify, 0, 3, "file x at offset 7");
    verify_finish(&fixture->verify);
    name_row(fixture, 1, "anna", 2);
    name_row(fixture, 2, "bob", 3);
    assert_only(fixture, FINDING_JOURNAL_DAMAGED, "file x at offset 7");
}

static void many_users_and_rows_are_told_apart(void **state)
{
    struct fixture *fixture = *state;
    enum { MANY = 100000 };
    char user[24];
    fixture->policy.quantity = MANY;
    store_coupon(fixture, MANY);
    for (uint32_t i = 1; i <= MANY; i++) {
        snprintf(user, sizeof user, "user-%u", i);
        store_row(fixture, i, user, i + 1);
    }
    fixture->verify.journals[0].acked = MANY + 1;
    journal_policy(fixture);
    for (uint32_t i = 1; i <= MANY; i++) {
        snprintf(user, sizeof user, "user-%u", i);
        journal_issue(fixture, i, user);
    }
    end_unstored(fixture);
    assert_int_equal(fixture->verify.findings.count, 0);
    assert_int_equal(fixture->verify.last->users.count, MANY);
    assert_false(verify_wants_rows(&fixture->verify));
}

static void twenty_lines_of_a_kind_are_kept_and_all_are_counted(void **state)
{
    struct fixture *fixture = *state;
    char user[24];
    fixture->policy.quantity = 1000;
    store_coupon(fixture, 0);
    journal_policy(fixture);
    for (uint32_t i = 1; i <= 50; i++) {
        snprintf(user, sizeof user, "user-%u", i);
        journal_issue(fixture, i, user);
    }
    end(fixture);
    assert_int_equal(fixture->verify.findings.kinds[FINDING_ROW_MISSING].count, 50);
    assert_int_equal(findings_lines(&fixture->verify.findings, FINDING_ROW_MISSING), 20);
    char text[16384] = "";
    FILE *out = fmemopen(text, sizeof text, "w");
    verify_report_text(out, &fixture->verify);
    fclose(out);
    assert_non_null(strstr(text, "and 30 more"));
    assert_non_null(strstr(text, "50 things broken"));
}

static void what_no_terminal_should_see_is_not_printed(void **state)
{
    struct fixture *fixture = *state;
    store_coupon(fixture, 1);
    store_row(fixture, 1, "\x1b[2J\xff", 2);
    journal_policy(fixture);
    journal_issue(fixture, 1, "anna");
    end(fixture);
    name_row(fixture, 1, "\x1b[2J\xff", 2);
    assert_only(fixture, FINDING_ROW_DIFFERS, "the store has user ?[2J?");
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

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_kept_is_not_called_broken),
        TEST(what_is_not_acknowledged_yet_is_on_the_way),
        TEST(what_is_stored_before_its_acknowledgement_is_fine),
        TEST(a_missing_row_is_named),
        TEST(a_row_that_the_journal_does_not_have_is_named),
        TEST(a_row_that_differs_is_named_with_both_sides),
        TEST(a_row_of_another_journal_record_differs),
        TEST(a_gap_in_the_sequences_is_named),
        TEST(a_sequence_given_twice_is_named),
        TEST(time_that_goes_backwards_is_named),
        TEST(one_above_the_quantity_is_named),
        TEST(the_quantity_of_the_moment_counts),
        TEST(a_quantity_lowered_below_what_is_issued_is_named),
        TEST(a_user_above_the_limit_is_named),
        TEST(a_wrong_nth_is_named),
        TEST(an_issue_outside_of_the_window_is_named),
        TEST(an_issue_while_paused_is_named),
        TEST(an_issue_of_a_coupon_that_was_never_made_is_named),
        TEST(a_coupon_missing_from_the_store_is_named),
        TEST(a_coupon_that_only_the_store_has_is_named),
        TEST(a_policy_that_differs_in_the_store_is_named),
        TEST(a_policy_older_than_acknowledged_is_named),
        TEST(a_count_that_is_not_the_last_sequence_is_named),
        TEST(a_store_of_another_journal_is_named),
        TEST(a_store_with_more_partitions_is_named),
        TEST(a_journal_that_ends_before_what_was_acknowledged_is_named),
        TEST(behind_damage_nothing_else_is_called_broken),
        TEST(many_users_and_rows_are_told_apart),
        TEST(twenty_lines_of_a_kind_are_kept_and_all_are_counted),
        TEST(what_no_terminal_should_see_is_not_printed),
        TEST(numbers_have_thousands_separators),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
