/* verify: the promises, checked against the journal alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "coupond/verify/report.h"
#include "tests/unit/coupond/verify/verify_fixture.h"

static void a_gap_in_the_sequences_is_named(void **state)
{
    struct fixture *fixture = *state;
    verify_fixture_begin_unstored(fixture);
    verify_fixture_journal_issue(fixture, 1, "anna");
    verify_fixture_journal_issue(fixture, 3, "bob");
    verify_fixture_end_unstored(fixture);
    verify_fixture_assert_only(fixture, FINDING_SEQUENCE_BROKEN, "sequence 3 follows 1");
}

static void a_sequence_given_twice_is_named(void **state)
{
    struct fixture *fixture = *state;
    verify_fixture_begin_unstored(fixture);
    verify_fixture_journal_issue(fixture, 1, "anna");
    verify_fixture_journal_issue(fixture, 1, "bob");
    verify_fixture_end_unstored(fixture);
    verify_fixture_assert_only(fixture, FINDING_SEQUENCE_BROKEN, "sequence 1 follows 1");
}

static void time_that_goes_backwards_is_named(void **state)
{
    struct fixture *fixture = *state;
    verify_fixture_begin_unstored(fixture);
    verify_fixture_journal_issue(fixture, 1, "anna");
    fixture->time_us--;
    verify_fixture_journal_issue(fixture, 2, "bob");
    verify_fixture_end_unstored(fixture);
    verify_fixture_assert_only(fixture, FINDING_TIME_BACKWARDS, "sequence 2");
}

static void one_above_the_quantity_is_named(void **state)
{
    struct fixture *fixture = *state;
    verify_fixture_begin_unstored(fixture);
    const char *users[] = {"a", "b", "c", "d"};
    for (uint32_t i = 0; i < 4; i++)
        verify_fixture_journal_issue(fixture, i + 1, users[i]);
    verify_fixture_end_unstored(fixture);
    verify_fixture_assert_only(fixture, FINDING_ABOVE_QUANTITY, "sequence 4 is above the quantity, 3");
}

static void the_quantity_of_the_moment_counts(void **state)
{
    struct fixture *fixture = *state;
    fixture->policy.quantity = 1;
    verify_fixture_begin_unstored(fixture);
    verify_fixture_journal_issue(fixture, 1, "anna");
    fixture->policy.quantity = 2;
    verify_fixture_journal_policy(fixture);
    verify_fixture_journal_issue(fixture, 2, "bob");
    verify_fixture_end_unstored(fixture);
    assert_int_equal(fixture->verify.findings.count, 0);
}

static void a_quantity_lowered_below_the_issues_is_named(void **state)
{
    struct fixture *fixture = *state;
    verify_fixture_begin_unstored(fixture);
    verify_fixture_journal_issue(fixture, 1, "anna");
    verify_fixture_journal_issue(fixture, 2, "bob");
    fixture->policy.quantity = 1;
    verify_fixture_journal_policy(fixture);
    verify_fixture_end_unstored(fixture);
    verify_fixture_assert_only(fixture, FINDING_LOWERED_BELOW_ISSUED, "lowered to 1 when 2");
}

static void a_user_above_the_limit_is_named(void **state)
{
    struct fixture *fixture = *state;
    verify_fixture_begin_unstored(fixture);
    verify_fixture_journal_nth(fixture, 1, "anna", 1);
    verify_fixture_journal_nth(fixture, 2, "anna", 2);
    verify_fixture_end_unstored(fixture);
    verify_fixture_assert_only(fixture, FINDING_ABOVE_LIMIT, "sequence 2 exceeds the per-user limit, 1");
}

static void a_wrong_nth_is_named(void **state)
{
    struct fixture *fixture = *state;
    fixture->policy.per_user_limit = 3;
    verify_fixture_begin_unstored(fixture);
    verify_fixture_journal_nth(fixture, 1, "anna", 1);
    verify_fixture_journal_nth(fixture, 2, "anna", 2);
    verify_fixture_journal_nth(fixture, 3, "anna", 2);
    verify_fixture_end_unstored(fixture);
    verify_fixture_assert_only(fixture, FINDING_NTH_BROKEN, "issue number 3, not 2");
}

static void an_issue_outside_of_the_window_is_named(void **state)
{
    struct fixture *fixture = *state;
    fixture->policy.starts_at_us = TIME_US + 10;
    fixture->policy.ends_at_us = TIME_US + 20;
    verify_fixture_begin_unstored(fixture);
    fixture->time_us = TIME_US + 10;
    verify_fixture_journal_issue(fixture, 1, "anna");
    fixture->time_us = TIME_US + 20;
    verify_fixture_journal_issue(fixture, 2, "bob");
    verify_fixture_end_unstored(fixture);
    verify_fixture_assert_only(fixture, FINDING_OUT_OF_WINDOW, "sequence 2 is issued after its end");
}

static void an_issue_while_paused_is_named(void **state)
{
    struct fixture *fixture = *state;
    fixture->policy.paused = true;
    verify_fixture_begin_unstored(fixture);
    verify_fixture_journal_issue(fixture, 1, "anna");
    verify_fixture_end_unstored(fixture);
    verify_fixture_assert_only(fixture, FINDING_OUT_OF_WINDOW, "sequence 1 is issued while it was paused");
}

static void an_issue_of_a_coupon_that_was_never_made_is_named(void **state)
{
    struct fixture *fixture = *state;
    fixture->verify.journals[0].acked = 0;
    verify_fixture_journal_issue(fixture, 1, "anna");
    verify_fixture_end_unstored(fixture);
    assert_int_equal(fixture->verify.findings.kinds[FINDING_COUPON_UNKNOWN].count, 1);
}

static void behind_damage_nothing_else_is_called_broken(void **state)
{
    struct fixture *fixture = *state;
    verify_fixture_store_coupon(fixture, 2);
    verify_fixture_store_row(fixture, 1, "anna", 2);
    verify_fixture_store_row(fixture, 2, "bob", 3);
    verify_fixture_journal_policy(fixture);
    verify_fixture_journal_issue(fixture, 1, "anna");
    verify_journal_end(&fixture->verify, 0, 3, "file x at offset 7");
    verify_finish(&fixture->verify);
    verify_fixture_name_row(fixture, 1, "anna", 2);
    verify_fixture_name_row(fixture, 2, "bob", 3);
    verify_fixture_assert_only(fixture, FINDING_JOURNAL_DAMAGED, "file x at offset 7");
}

static void many_users_and_rows_are_distinguished(void **state)
{
    struct fixture *fixture = *state;
    enum { MANY = 100000 };
    char user[24];
    fixture->policy.quantity = MANY;
    verify_fixture_store_coupon(fixture, MANY);
    for (uint32_t i = 1; i <= MANY; i++) {
        snprintf(user, sizeof user, "user-%u", i);
        verify_fixture_store_row(fixture, i, user, i + 1);
    }
    fixture->verify.journals[0].acked = fixture->verify.journals[0].stored_seq = MANY + 1;
    verify_fixture_journal_policy(fixture);
    for (uint32_t i = 1; i <= MANY; i++) {
        snprintf(user, sizeof user, "user-%u", i);
        verify_fixture_journal_issue(fixture, i, user);
    }
    verify_fixture_end_unstored(fixture);
    assert_int_equal(fixture->verify.findings.count, 0);
    assert_int_equal(fixture->verify.last->users.count, MANY);
    assert_false(verify_wants_rows(&fixture->verify));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, verify_fixture_setup, verify_fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_gap_in_the_sequences_is_named),
        TEST(a_sequence_given_twice_is_named),
        TEST(time_that_goes_backwards_is_named),
        TEST(one_above_the_quantity_is_named),
        TEST(the_quantity_of_the_moment_counts),
        TEST(a_quantity_lowered_below_the_issues_is_named),
        TEST(a_user_above_the_limit_is_named),
        TEST(a_wrong_nth_is_named),
        TEST(an_issue_outside_of_the_window_is_named),
        TEST(an_issue_while_paused_is_named),
        TEST(an_issue_of_a_coupon_that_was_never_made_is_named),
        TEST(behind_damage_nothing_else_is_called_broken),
        TEST(many_users_and_rows_are_distinguished),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
