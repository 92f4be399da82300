/* verify: what became of issues, in the journal and in the store. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "shared/store/erased.h"
#include "tests/unit/coupond/verify/verify_fixture.h"

/* --- helpers --- */

static struct journal_record change_of(enum journal_change_kind kind, uint32_t sequence, uint64_t seq)
{
    bool revoked = kind == JOURNAL_REVOKED;
    return (struct journal_record){.type = JOURNAL_CHANGE,
                                   .seq = seq,
                                   .time_us = TIME_US,
                                   .coupon_id = "c",
                                   .coupon_id_length = 1,
                                   .origin = {"kim", 3, "", 0},
                                   .change = {.kind = kind,
                                              .sequence = sequence,
                                              .restock = revoked,
                                              .again = revoked,
                                              .user_id = "",
                                              .reference = "order-1",
                                              .reference_length = revoked ? 0 : 7,
                                              .reason = ""}};
}

static void store_state(struct fixture *fixture, enum journal_change_kind kind, uint32_t sequence, uint64_t seq)
{
    struct journal_record record = change_of(kind, sequence, seq);
    struct store_change change = store_change_of(&record);
    verify_store_change(&fixture->verify, &change);
}

static void journal_change(struct fixture *fixture, enum journal_change_kind kind, uint32_t sequence)
{
    struct journal_record record = change_of(kind, sequence, ++fixture->seq);
    verify_journal_record(&fixture->verify, 0, &record);
}

/* The coupon's row with these counters, which come before the states. */
static void store_counters(struct fixture *fixture, uint32_t issued, uint32_t returned, uint32_t redeemed)
{
    struct coupon there = fixture->policy;
    there.issued = issued;
    there.returned = returned;
    there.redeemed = redeemed;
    verify_store_coupon(&fixture->verify, &there);
}

static void store_two(struct fixture *fixture)
{
    verify_fixture_store_row(fixture, 1, "anna", 2);
    verify_fixture_store_row(fixture, 2, "bob", 3);
}

static void journal_two(struct fixture *fixture)
{
    verify_fixture_journal_policy(fixture);
    verify_fixture_journal_issue(fixture, 1, "anna");
    verify_fixture_journal_issue(fixture, 2, "bob");
}

static void assert_kept(const struct fixture *fixture)
{
    const struct findings *findings = &fixture->verify.findings;
    for (int i = 0; i < FINDING_COUNT; i++)
        if (findings->kinds[i].count > 0)
            fail_msg("found %s: %s", finding_name((enum finding)i), findings->kinds[i].lines[0]);
    assert_false(verify_wants_rows(&fixture->verify));
}

/* --- the journal --- */

static void what_was_returned_may_be_issued_again(void **state)
{
    struct fixture *fixture = *state;
    fixture->policy.quantity = 1;
    verify_fixture_begin_unstored(fixture);
    verify_fixture_journal_issue(fixture, 1, "anna");
    journal_change(fixture, JOURNAL_REVOKED, 1);
    verify_fixture_journal_nth(fixture, 2, "anna", 2);
    verify_fixture_end_unstored(fixture);
    assert_kept(fixture);
    assert_int_equal(fixture->verify.changes, 1);
}

static void an_issue_above_the_quantity_is_named_whatever_was_returned(void **state)
{
    struct fixture *fixture = *state;
    fixture->policy.quantity = 1;
    verify_fixture_begin_unstored(fixture);
    verify_fixture_journal_issue(fixture, 1, "anna");
    journal_change(fixture, JOURNAL_REVOKED, 1);
    verify_fixture_journal_issue(fixture, 2, "bob");
    verify_fixture_journal_issue(fixture, 3, "carl");
    verify_fixture_end_unstored(fixture);
    verify_fixture_assert_only(fixture, FINDING_ABOVE_QUANTITY, "sequence 3");
}

static void a_quantity_may_be_lowered_to_what_is_in_force(void **state)
{
    struct fixture *fixture = *state;
    verify_fixture_begin_unstored(fixture);
    verify_fixture_journal_issue(fixture, 1, "anna");
    verify_fixture_journal_issue(fixture, 2, "bob");
    journal_change(fixture, JOURNAL_REVOKED, 1);
    fixture->policy.quantity = 1;
    verify_fixture_journal_policy(fixture);
    verify_fixture_end_unstored(fixture);
    assert_kept(fixture);
}

static void a_redemption_may_be_taken_back_and_made_again(void **state)
{
    struct fixture *fixture = *state;
    verify_fixture_begin_unstored(fixture);
    verify_fixture_journal_issue(fixture, 1, "anna");
    journal_change(fixture, JOURNAL_REDEEMED, 1);
    journal_change(fixture, JOURNAL_UNDONE, 1);
    journal_change(fixture, JOURNAL_REDEEMED, 1);
    verify_fixture_end_unstored(fixture);
    assert_kept(fixture);
    assert_int_equal(fixture->verify.lag, 4);
}

static void changes_that_contradict_those_before_are_named(void **state)
{
    (void)state;
    static const struct {
        enum journal_change_kind before, after;
        enum finding finding;
        const char *words;
    } wrong[] = {
        {JOURNAL_REDEEMED, JOURNAL_REDEEMED, FINDING_REDEEMED_TWICE, "follows its redemption"},
        {JOURNAL_REDEEMED, JOURNAL_REVOKED, FINDING_CHANGE_BROKEN, "follows its redemption"},
        {JOURNAL_REVOKED, JOURNAL_REDEEMED, FINDING_CHANGE_BROKEN, "follows its revocation"},
        {JOURNAL_REVOKED, JOURNAL_UNDONE, FINDING_CHANGE_BROKEN, "follows its revocation"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        void *own;
        assert_int_equal(verify_fixture_setup(&own), 0);
        struct fixture *fixture = own;
        verify_fixture_begin_unstored(fixture);
        verify_fixture_journal_issue(fixture, 1, "anna");
        journal_change(fixture, wrong[i].before, 1);
        journal_change(fixture, wrong[i].after, 1);
        verify_fixture_end_unstored(fixture);
        verify_fixture_assert_only(fixture, wrong[i].finding, wrong[i].words);
        verify_fixture_teardown(&own);
    }
}

static void a_redemption_taken_back_that_was_never_made_is_named(void **state)
{
    struct fixture *fixture = *state;
    verify_fixture_begin_unstored(fixture);
    verify_fixture_journal_issue(fixture, 1, "anna");
    journal_change(fixture, JOURNAL_UNDONE, 1);
    verify_fixture_end_unstored(fixture);
    verify_fixture_assert_only(fixture, FINDING_CHANGE_BROKEN, "sequence 1, issued by record 3, takes back");
}

static void a_number_that_changes_is_named(void **state)
{
    struct fixture *fixture = *state;
    fixture->policy.number = 3;
    verify_fixture_begin_unstored(fixture);
    fixture->policy.number = 4;
    verify_fixture_journal_policy(fixture);
    verify_fixture_end_unstored(fixture);
    verify_fixture_assert_only(fixture, FINDING_NUMBER_BROKEN, "its number changes from 3 to 4");
}

static void a_number_of_two_coupons_is_named(void **state)
{
    struct fixture *fixture = *state;
    fixture->policy.number = 3;
    verify_fixture_begin_unstored(fixture);
    strcpy(fixture->policy.id, "d");
    verify_fixture_journal_policy(fixture);
    verify_fixture_end_unstored(fixture);
    verify_fixture_assert_only(fixture, FINDING_NUMBER_BROKEN, "its number 3 is also that of");
}

static void a_change_of_an_issue_that_was_never_made_is_named(void **state)
{
    struct fixture *fixture = *state;
    verify_fixture_begin_unstored(fixture);
    verify_fixture_journal_issue(fixture, 1, "anna");
    journal_change(fixture, JOURNAL_REDEEMED, 2);
    verify_fixture_end_unstored(fixture);
    verify_fixture_assert_only(fixture, FINDING_CHANGE_UNKNOWN, "sequence 2");
}

/* --- the store --- */

static void states_that_equal_the_journal_s_are_kept(void **state)
{
    struct fixture *fixture = *state;
    store_counters(fixture, 2, 1, 1);
    store_state(fixture, JOURNAL_REDEEMED, 1, 6);
    store_state(fixture, JOURNAL_REVOKED, 2, 7);
    store_two(fixture);
    journal_two(fixture);
    journal_change(fixture, JOURNAL_REDEEMED, 1);
    journal_change(fixture, JOURNAL_UNDONE, 1);
    journal_change(fixture, JOURNAL_REDEEMED, 1);
    journal_change(fixture, JOURNAL_REVOKED, 2);
    verify_fixture_end(fixture);
    assert_kept(fixture);
}

static void a_state_that_the_store_lacks_is_named_once_it_was_acknowledged(void **state)
{
    struct fixture *fixture = *state;
    store_counters(fixture, 2, 0, 1);
    store_state(fixture, JOURNAL_REDEEMED, 1, 4);
    store_two(fixture);
    journal_two(fixture);
    journal_change(fixture, JOURNAL_REDEEMED, 1);
    journal_change(fixture, JOURNAL_REVOKED, 2);
    fixture->verify.journals[0].acked = 5;
    verify_fixture_end(fixture);
    verify_fixture_assert_only(fixture, FINDING_STATE_MISSING, "sequence 2, revoked by record 5, is not in the store");
}

static void a_state_that_is_on_its_way_is_lag(void **state)
{
    struct fixture *fixture = *state;
    verify_fixture_store_coupon(fixture, 2);
    store_two(fixture);
    fixture->verify.journals[0].acked = 3;
    journal_two(fixture);
    journal_change(fixture, JOURNAL_REDEEMED, 1);
    verify_fixture_end_unstored(fixture);
    assert_kept(fixture);
    assert_int_equal(fixture->verify.lag, 1);
}

static void a_state_that_differs_is_named(void **state)
{
    struct fixture *fixture = *state;
    store_counters(fixture, 2, 1, 0);
    store_state(fixture, JOURNAL_REVOKED, 1, 4);
    store_two(fixture);
    journal_two(fixture);
    journal_change(fixture, JOURNAL_REDEEMED, 1);
    verify_fixture_end(fixture);
    verify_fixture_assert_only(fixture, FINDING_STATE_DIFFERS, "sequence 1, redeemed by record 4");
}

static void a_state_that_only_the_store_has_is_named(void **state)
{
    struct fixture *fixture = *state;
    store_counters(fixture, 2, 0, 1);
    store_state(fixture, JOURNAL_REDEEMED, 2, 4);
    store_two(fixture);
    journal_two(fixture);
    verify_fixture_end(fixture);
    verify_fixture_assert_only(fixture, FINDING_STATE_UNKNOWN, "sequence 2 is redeemed in the store by record 4");
}

static void counters_that_the_states_do_not_give_are_named(void **state)
{
    struct fixture *fixture = *state;
    store_counters(fixture, 2, 1, 0);
    store_state(fixture, JOURNAL_REDEEMED, 1, 4);
    store_two(fixture);
    journal_two(fixture);
    journal_change(fixture, JOURNAL_REDEEMED, 1);
    verify_fixture_end(fixture);
    verify_fixture_assert_only(fixture, FINDING_COUNT_DIFFERS, "returned 1 and redeemed 0, the states there 0 and 1");
}

static void a_change_that_is_a_dead_letter_is_not_called_missing_too(void **state)
{
    struct fixture *fixture = *state;
    struct store_dead_letter letter = {.journal_seq = 4,
                                       .sequence = 1,
                                       .coupon_id = "c",
                                       .coupon_id_length = 1,
                                       .user_id = "anna",
                                       .user_id_length = 4,
                                       .reason = "refused"};
    memset(letter.journal_id, 0x5a, sizeof letter.journal_id);
    verify_fixture_store_coupon(fixture, 2);
    store_two(fixture);
    verify_store_dead_letter(&fixture->verify, &letter);
    journal_two(fixture);
    journal_change(fixture, JOURNAL_REDEEMED, 1);
    verify_fixture_end(fixture);
    verify_fixture_assert_only(fixture, FINDING_DEAD_LETTER, "the change of sequence 1 (user anna, journal_seq 4)");
}

/* --- erased users --- */

static struct store_erasure erasure_of(const struct fixture *fixture, const char *user_id, uint64_t seq)
{
    struct store_erasure erasure = {.journal_seq = seq};
    store_fingerprint(fixture->verify.journals[0].meta.fingerprint_key, user_id, strlen(user_id), erasure.fingerprint);
    return erasure;
}

static const char *erased_id_of(const struct store_erasure *erasure)
{
    static char id[ERASED_ID_LENGTH + 1];
    store_erased_id(erasure->fingerprint, id);
    return id;
}

static void journal_erasure(struct fixture *fixture, const struct store_erasure *erasure, const char *user_id)
{
    struct journal_record record = {.type = JOURNAL_ERASURE,
                                    .seq = ++fixture->seq,
                                    .coupon_id = "",
                                    .erasure = {.user_id = user_id, .user_id_length = strlen(user_id)}};
    memcpy(record.erasure.fingerprint, erasure->fingerprint, 16);
    verify_journal_record(&fixture->verify, 0, &record);
}

static void a_row_whose_user_was_erased_equals_the_journal_s_issue(void **state)
{
    struct fixture *fixture = *state;
    struct store_erasure erasure = erasure_of(fixture, "anna", 4);
    verify_store_erasure(&fixture->verify, &erasure);
    verify_store_erasures_end(&fixture->verify);
    verify_fixture_store_coupon(fixture, 2);
    verify_fixture_store_row(fixture, 1, erased_id_of(&erasure), 2);
    verify_fixture_store_row(fixture, 2, "bob", 3);
    journal_two(fixture);
    journal_erasure(fixture, &erasure, "anna");
    verify_fixture_end(fixture);
    assert_kept(fixture);
}

static void a_row_that_is_erased_without_an_erasure_differs(void **state)
{
    struct fixture *fixture = *state;
    struct store_erasure erasure = erasure_of(fixture, "anna", 4);
    verify_fixture_store_coupon(fixture, 2);
    verify_fixture_store_row(fixture, 1, erased_id_of(&erasure), 2);
    verify_fixture_store_row(fixture, 2, "bob", 3);
    journal_two(fixture);
    verify_fixture_end(fixture);
    assert_true(verify_wants_rows(&fixture->verify));
    verify_fixture_name_row(fixture, 1, erased_id_of(&erasure), 2);
    verify_fixture_assert_only(fixture, FINDING_ROW_DIFFERS, "sequence 1");
}

static void a_row_that_still_has_the_id_of_an_erased_user_is_named(void **state)
{
    struct fixture *fixture = *state;
    struct store_erasure erasure = erasure_of(fixture, "anna", 4);
    verify_store_erasure(&fixture->verify, &erasure);
    verify_store_erasures_end(&fixture->verify);
    verify_fixture_store_coupon(fixture, 2);
    store_two(fixture);
    journal_two(fixture);
    journal_erasure(fixture, &erasure, "anna");
    verify_fixture_end(fixture);
    verify_fixture_assert_only(fixture, FINDING_USER_NOT_ERASED, "sequence 1 still has the id of its user");
}

static void an_erasure_that_the_store_lacks_is_named_once_it_was_acknowledged(void **state)
{
    struct fixture *fixture = *state;
    struct store_erasure erasure = erasure_of(fixture, "anna", 4);
    verify_fixture_store_coupon(fixture, 2);
    store_two(fixture);
    journal_two(fixture);
    journal_erasure(fixture, &erasure, "anna");
    verify_fixture_end(fixture);
    verify_fixture_assert_only(fixture, FINDING_ERASURE_MISSING, "the erasure of journal_seq 4");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, verify_fixture_setup, verify_fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_was_returned_may_be_issued_again),
        TEST(an_issue_above_the_quantity_is_named_whatever_was_returned),
        TEST(a_quantity_may_be_lowered_to_what_is_in_force),
        TEST(a_redemption_may_be_taken_back_and_made_again),
        TEST(changes_that_contradict_those_before_are_named),
        TEST(a_redemption_taken_back_that_was_never_made_is_named),
        TEST(a_number_that_changes_is_named),
        TEST(a_number_of_two_coupons_is_named),
        TEST(a_change_of_an_issue_that_was_never_made_is_named),
        TEST(states_that_equal_the_journal_s_are_kept),
        TEST(a_state_that_the_store_lacks_is_named_once_it_was_acknowledged),
        TEST(a_state_that_is_on_its_way_is_lag),
        TEST(a_state_that_differs_is_named),
        TEST(a_state_that_only_the_store_has_is_named),
        TEST(counters_that_the_states_do_not_give_are_named),
        TEST(a_change_that_is_a_dead_letter_is_not_called_missing_too),
        TEST(a_row_whose_user_was_erased_equals_the_journal_s_issue),
        TEST(a_row_that_is_erased_without_an_erasure_differs),
        TEST(a_row_that_still_has_the_id_of_an_erased_user_is_named),
        TEST(an_erasure_that_the_store_lacks_is_named_once_it_was_acknowledged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
