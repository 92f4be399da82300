/*
 * A partition's start with a journal of version 1: coupons get numbers, and the issues of before can be redeemed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "issuer/issuer_clock.h"
#include "issuer/ledger/change.h"
#include "issuer/ledger/issue_list.h"
#include "issuer/partition.h"
#include "issuer/recovery/recovery.h"
#include "shared/options/options.h"
#include "tests/unit/shared/journal/journal_fixture.h"
#include "tests/unit/shared/journal/version_1_fixture.h"

#define COUPONS 4

static const char *const ids[COUPONS] = {"one", "three", "still", "behind"};
static const uint32_t issued[COUPONS] = {45, 9, 0, 1};

/* --- fixture --- */

static struct issuer_clock *issuer_clock;
static struct journal *journal;
static struct ledger *ledger;

static int setup(void **state)
{
    issuer_clock = issuer_clock_create(30000);
    return journal_fixture_setup(state);
}

static int teardown(void **state)
{
    ledger_destroy(&ledger);
    journal_close(&journal);
    issuer_clock_destroy(&issuer_clock);
    return journal_fixture_teardown(state);
}

/* --- helpers --- */

static void open_journal(void)
{
    struct journal_config config = {.dir = journal_fixture_dir,
                                    .partitions = 1,
                                    .segment_bytes = VERSION_1_SEGMENT_BYTES,
                                    .sync_interval_ms = SYNC_ALWAYS};
    struct error error;
    if (journal_open(&config, &journal, &error) != 0)
        fail_msg("%s", error.text);
}

/* Starts a partition and ends it. */
static void start_partition(void)
{
    static struct options options;
    static unsigned starts;
    struct partition *partition;
    struct recovery_progress progress = {0};
    struct error error;
    options_init(&options);
    snprintf(options.issuer_requests, sizeof options.issuer_requests, "inproc://partition-%u", starts++);
    open_journal();
    if (partition_create(&options, journal, issuer_clock, &progress, &partition, &error) != 0)
        fail_msg("%s", error.text);
    partition_destroy(&partition);
}

static void end_journal(bool properly)
{
    ledger_destroy(&ledger);
    if (properly)
        journal_close(&journal);
    else
        journal_abandon(&journal);
}

/* Recovers what a partition left behind. */
static void recover(void)
{
    struct recovery_result result;
    struct error error;
    open_journal();
    if (recovery_run(journal, &ledger, NULL, &result, NULL, &error) != 0)
        fail_msg("%s", error.text);
    assert_null(ledger_check(ledger));
}

static uint32_t number_of(const char *id)
{
    return ledger_entry(ledger, id, strlen(id))->number;
}

static enum verdict redeem(const char *coupon, const char *user, const char *reference)
{
    struct ledger_change change = {.op = CHANGE_REDEEM,
                                   .coupon_id = coupon,
                                   .coupon_id_length = strlen(coupon),
                                   .user_id = user,
                                   .user_id_length = strlen(user),
                                   .reference = reference,
                                   .reference_length = strlen(reference)};
    struct ledger_change_decision decision;
    ledger_decide_change_of(ledger, &change, 0, &decision);
    if (ledger_change_changes(decision.verdict))
        ledger_apply_change(&decision);
    return decision.verdict;
}

static unsigned issues_known(const char *coupon, const char *user)
{
    struct user_issue issue;
    unsigned known = 0;
    if (!ledger_lookup(ledger, coupon, strlen(coupon), user, strlen(user), &issue))
        return 0;
    do
        known++;
    while (issue_list_earlier(ledger_entry(ledger, coupon, strlen(coupon)), &issue));
    return known;
}

static void assert_numbered(void)
{
    bool seen[COUPONS + 1] = {false};
    for (unsigned i = 0; i < COUPONS; i++) {
        uint32_t number = number_of(ids[i]);
        assert_in_range(number, 1, COUPONS);
        assert_false(seen[number]);
        seen[number] = true;
        assert_int_equal(ledger_entry(ledger, ids[i], strlen(ids[i]))->issued, issued[i]);
    }
}

/* --- tests --- */

static void the_coupons_of_version_1_get_numbers_once(void **state)
{
    (void)state;
    for (int with_snapshot = 0; with_snapshot < 2; with_snapshot++) {
        uint32_t numbers[COUPONS];
        version_1_unpack(journal_fixture_dir, with_snapshot);
        start_partition();
        assert_int_equal(journal_written_seq(journal), VERSION_1_RECORDS + COUPONS);
        end_journal(false);
        recover();
        assert_numbered();
        for (unsigned i = 0; i < COUPONS; i++)
            numbers[i] = number_of(ids[i]);
        end_journal(true);
        start_partition();
        assert_int_equal(journal_written_seq(journal), VERSION_1_RECORDS + COUPONS);
        end_journal(true);
        recover();
        for (unsigned i = 0; i < COUPONS; i++)
            assert_int_equal(number_of(ids[i]), numbers[i]);
        end_journal(true);
        journal_fixture_teardown(state);
        journal_fixture_setup(state);
    }
}

static void a_numbered_coupon_is_otherwise_as_it_was(void **state)
{
    (void)state;
    version_1_unpack(journal_fixture_dir, true);
    recover();
    struct coupon before[COUPONS], after;
    for (unsigned i = 0; i < COUPONS; i++)
        ledger_coupon_read(ledger_entry(ledger, ids[i], strlen(ids[i])), &before[i]);
    end_journal(true);
    start_partition();
    end_journal(true);
    recover();
    for (unsigned i = 0; i < COUPONS; i++) {
        ledger_coupon_read(ledger_entry(ledger, ids[i], strlen(ids[i])), &after);
        assert_int_equal(before[i].number, 0);
        assert_true(after.journal_seq > VERSION_1_RECORDS);
        assert_string_equal(after.title, before[i].title);
        assert_int_equal(after.quantity, before[i].quantity);
        assert_int_equal(after.per_user_limit, before[i].per_user_limit);
        assert_int_equal(after.paused, before[i].paused);
        assert_true(after.starts_at_us == before[i].starts_at_us && after.ends_at_us == before[i].ends_at_us);
        assert_true(after.created_at_us == before[i].created_at_us);
        assert_true(after.updated_at_us == before[i].updated_at_us);
        assert_true(after.redeem_until_us == TIME_NONE);
    }
    assert_string_equal(before[0].title, "First 60");
    assert_true(before[0].paused);
}

/* A partition that ended after it had numbered some of them. */
static void numbering_goes_on_where_it_ended(void **state)
{
    (void)state;
    struct coupon coupon;
    version_1_unpack(journal_fixture_dir, true);
    recover();
    assert_true(journal_reserve(journal, journal_bytes_max(0, 0, 2)));
    journal_begin(journal, journal_last_time_us(journal));
    for (unsigned i = 0; i < 2; i++) {
        assert_true(ledger_next_unnumbered(ledger, &coupon));
        coupon.journal_seq = journal_append_coupon(journal, &coupon, NULL);
        ledger_apply_coupon(ledger, &coupon);
    }
    journal_commit(journal);
    end_journal(false);
    start_partition();
    assert_int_equal(journal_written_seq(journal), VERSION_1_RECORDS + COUPONS);
    end_journal(false);
    recover();
    assert_numbered();
}

static void every_issue_of_version_1_can_be_redeemed_that_its_segments_have(void **state)
{
    (void)state;
    version_1_unpack(journal_fixture_dir, false);
    start_partition();
    end_journal(true);
    recover();
    assert_int_equal(issues_known("three", "alice"), 3);
    assert_int_equal(issues_known("three", "bob"), 2);
    assert_int_equal(issues_known("three", "carol"), 3);
    assert_int_equal(redeem("three", "alice", "r1"), VERDICT_REDEEMED);
    assert_int_equal(redeem("three", "alice", "r2"), VERDICT_REDEEMED);
    assert_int_equal(redeem("three", "alice", "r3"), VERDICT_REDEEMED);
    assert_int_equal(redeem("three", "alice", "r4"), VERDICT_ALREADY_REDEEMED);
    assert_int_equal(redeem("one", "user-45", "r"), VERDICT_REDEEMED);
    assert_int_equal(redeem("behind", "alice", "r"), VERDICT_REDEEMED);
    assert_int_equal(redeem("still", "alice", "r"), VERDICT_NOT_ISSUED);
}

/* A snapshot of version 1 has each user's latest issue only: what depends on those before it is put off. */
static void of_a_snapshot_of_version_1_the_users_with_one_issue_can_redeem(void **state)
{
    (void)state;
    version_1_unpack(journal_fixture_dir, true);
    start_partition();
    end_journal(true);
    recover();
    assert_int_equal(issues_known("three", "alice"), 1);
    assert_int_equal(issues_known("three", "carol"), 3); /* her first was the latest in the snapshot */
    assert_int_equal(redeem("three", "alice", "r1"), VERDICT_OVERLOADED);
    assert_int_equal(redeem("three", "carol", "r1"), VERDICT_REDEEMED);
    for (unsigned i = 1; i <= 45; i++) {
        char user[16];
        snprintf(user, sizeof user, "user-%u", i);
        assert_int_equal(redeem("one", user, "r"), VERDICT_REDEEMED);
    }
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_coupons_of_version_1_get_numbers_once),
        TEST(a_numbered_coupon_is_otherwise_as_it_was),
        TEST(numbering_goes_on_where_it_ended),
        TEST(every_issue_of_version_1_can_be_redeemed_that_its_segments_have),
        TEST(of_a_snapshot_of_version_1_the_users_with_one_issue_can_redeem),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
