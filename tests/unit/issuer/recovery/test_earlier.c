/*
 * Ledgers from a snapshot of journal version 1 are completed from the segments that are left and from the store, as far
 * as these have the issues.
 */
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "issuer/ledger/earlier.h"
#include "issuer/ledger/issue_list.h"
#include "issuer/recovery/earlier.h"
#include "tests/unit/shared/journal/journal_fixture.h"
#include "tests/unit/shared/store/store_fixture.h"

#define TIME_US INT64_C(1700000000000000)
#define USERS   10000u /* several pages of the store */
#define ROUNDS  3u     /* issues of each user */
#define ISSUES  (USERS * ROUNDS)

static struct store_fixture *store;
static struct journal *journal;
static struct ledger *ledger;
static struct recovery_earlier_progress progress;
static struct error error;

/* --- helpers --- */

/* Of a length with which the issues fill more than a segment. */
static size_t name_user(uint32_t user, char name[USER_ID_MAX + 1])
{
    return (size_t)snprintf(name, USER_ID_MAX + 1, "user-%059u", user);
}

static uint32_t sequence_of(uint32_t user, uint16_t nth)
{
    return (nth - 1u) * USERS + user + 1;
}

static uint16_t nth_of(uint32_t sequence)
{
    return (uint16_t)((sequence - 1) / USERS + 1);
}

static void replay_coupon(const char *id)
{
    struct coupon coupon = {.quantity = ISSUES, .per_user_limit = ROUNDS, .created_at_us = TIME_US};
    coupon.starts_at_us = coupon.ends_at_us = coupon.redeem_until_us = TIME_NONE;
    strcpy(coupon.id, id);
    strcpy(coupon.title, id);
    assert_null(ledger_replay_policy(ledger, &coupon));
}

/* Each user of coupon "c" has an issue in each round; of these, only the last ones are known. */
static void create_ledger(void)
{
    char user[USER_ID_MAX + 1];
    ledger = ledger_create(journal_meta(journal)->fingerprint_key);
    replay_coupon("b");
    replay_coupon("c");
    struct journal_record record = {
        .type = JOURNAL_ISSUE, .time_us = TIME_US, .coupon_id = "c", .coupon_id_length = 1, .issue = {.user_id = user}};
    for (uint32_t sequence = 1; sequence <= ISSUES; sequence++) {
        record.issue.user_id_length = name_user((sequence - 1) % USERS, user);
        record.issue.sequence = sequence;
        record.issue.nth = nth_of(sequence);
        assert_null(ledger_replay(ledger, &record));
    }
    struct ledger_coupon *coupon = ledger_entry(ledger, "c", 1);
    sequence_map_deinit(ledger_coupon_map(coupon, COUPON_MAP_EARLIER));
    sequence_map_deinit(ledger_coupon_map(coupon, COUPON_MAP_TIMES));
    assert_int_equal(ledger_earlier_missing_all(ledger), ISSUES - USERS);
}

/* The journal gets issues `first` to `last`. */
static void fill_journal(uint32_t first, uint32_t last)
{
    char user[USER_ID_MAX + 1];
    for (uint32_t sequence = first; sequence <= last;) {
        assert_true(journal_reserve(journal, journal_bytes_max(1000, 0, 1)));
        journal_begin(journal, TIME_US);
        for (unsigned i = 0; i < 1000 && sequence <= last; i++, sequence++) {
            size_t length = name_user((sequence - 1) % USERS, user);
            journal_append_issue(journal, "c", 1, user, length, sequence, nth_of(sequence));
        }
        journal_commit(journal);
    }
}

/* The store gets issues 1 to `last` of this journal. */
static void fill_store(uint32_t last)
{
    char user[USER_ID_MAX + 1];
    store_fixture_migrate(store);
    store_fixture_begin(store);
    memcpy(store->batch.journal_id, journal_meta(journal)->journal_id, sizeof store->batch.journal_id);
    struct coupon *coupon = store_fixture_coupon(store, "c", 1);
    coupon->quantity = ISSUES;
    coupon->per_user_limit = ROUNDS;
    for (uint32_t sequence = 1; sequence <= last; sequence++) {
        name_user((sequence - 1) % USERS, user);
        struct store_issue *issue = store_fixture_issue(store, "c", sequence, user, sequence + 1);
        issue->nth = nth_of(sequence);
        issue->issued_at_us = TIME_US;
    }
    store->batch.last_seq = last + 1;
    store_fixture_assert_written(store);
}

/* Completes the ledger; returns how many issues are still unknown. */
static uint64_t complete(void)
{
    const struct recovery_earlier_part part = {journal, ledger};
    progress = (struct recovery_earlier_progress){0};
    if (recovery_earlier_run(&store->options, &part, 1, &progress, &error) != 0)
        fail_msg("%s", error.text);
    uint64_t missing = ledger_earlier_missing_all(ledger);
    assert_int_equal(progress.lacking - progress.added, missing);
    return missing;
}

/* The number of the user's issues that are known, from the latest on. */
static unsigned known(uint32_t user)
{
    char name[USER_ID_MAX + 1];
    struct user_issue issue;
    unsigned count = 0;
    size_t length = name_user(user, name);
    assert_true(ledger_lookup(ledger, "c", 1, name, length, &issue));
    do {
        assert_int_equal(issue.sequence, sequence_of(user, (uint16_t)(ROUNDS - count++)));
        assert_int_equal(issue.issued_at_us, TIME_US);
    } while (issue_list_earlier(ledger_entry(ledger, "c", 1), &issue));
    return count;
}

static void assert_all_known(void)
{
    for (uint32_t user = 0; user < USERS; user++)
        assert_int_equal(known(user), ROUNDS);
}

/* --- fixture --- */

static int setup(void **state)
{
    void *fixture;
    store_fixture_setup_sqlite(&fixture);
    store = fixture;
    journal_fixture_setup(state);
    journal = journal_fixture_open(0);
    create_ledger();
    return 0;
}

static int teardown(void **state)
{
    void *fixture = store;
    ledger_destroy(&ledger);
    journal_fixture_crash(journal);
    journal_fixture_teardown(state);
    return store_fixture_teardown(&fixture);
}

/* --- tests --- */

static void issues_are_read_from_the_store(void **state)
{
    (void)state;
    fill_store(ISSUES);
    assert_int_equal(complete(), 0);
    assert_all_known();
    assert_int_equal(complete(), 0);
    assert_int_equal(progress.lacking, 0);
}

static void issues_are_read_from_segments_without_a_store(void **state)
{
    (void)state;
    fill_journal(1, ISSUES);
    assert_int_equal(complete(), 0);
    assert_all_known();
}

/* The store need not have what is in segments, and segments before are removed. */
static void issues_are_read_from_segments_and_from_the_store(void **state)
{
    (void)state;
    fill_journal(USERS + USERS / 2, ISSUES);
    fill_store(USERS + USERS / 2);
    assert_int_equal(complete(), 0);
    assert_all_known();
}

static void without_a_store_only_segments_are_read(void **state)
{
    (void)state;
    fill_journal(2 * USERS - 9, ISSUES);
    assert_int_equal(complete(), ISSUES - USERS - 10);
    assert_int_equal(known(USERS - 11), 1);
    assert_int_equal(known(USERS - 10), 2);
    fill_store(ISSUES);
    assert_int_equal(complete(), 0);
    assert_all_known();
}

static void a_store_that_must_not_be_checked_is_not_read(void **state)
{
    (void)state;
    fill_store(ISSUES);
    store->options.issuer_check_store = 0;
    assert_int_equal(complete(), ISSUES - USERS);
}

static void a_store_with_another_id_is_not_read(void **state)
{
    (void)state;
    fill_store(ISSUES);
    strcpy(store->options.issuer_store_id, "000102030405060708090a0b0c0d0e0f");
    assert_int_equal(complete(), ISSUES - USERS);
}

static void the_store_of_another_journal_is_not_read(void **state)
{
    (void)state;
    fill_store(ISSUES);
    store_fixture_sql(store, "UPDATE journal SET journal_id = '000102030405060708090a0b0c0d0e0f'");
    assert_int_equal(complete(), ISSUES - USERS);
}

static void issues_that_the_store_lacks_or_contradicts_stay_unknown(void **state)
{
    (void)state;
    fill_store(ISSUES);
    store_fixture_sql(store, "DELETE FROM coupon_issue WHERE sequence = 10005"); /* the second of user 4 */
    store_fixture_sql(store, "DELETE FROM coupon_issue WHERE sequence = 6");     /* the first of user 5 */
    store_fixture_sql(store,
                      "UPDATE coupon_issue SET user_id = 'nobody' WHERE sequence = 10007"); /* the second of user 6 */
    store_fixture_sql(store, "UPDATE coupon_issue SET issued_at = '2100-01-01T00:00:00.000000Z' WHERE sequence = 8");
    assert_int_equal(complete(), 2 + 1 + 2 + 1);
    assert_int_equal(known(3), 3);
    assert_int_equal(known(4), 1);
    assert_int_equal(known(5), 2);
    assert_int_equal(known(6), 1);
    assert_int_equal(known(7), 2);
    assert_int_equal(known(8), 3);
}

static void reading_ends_when_the_process_is_asked_to_stop(void **state)
{
    (void)state;
    const struct recovery_earlier_part part = {journal, ledger};
    sigset_t signals;
    int received;
    fill_store(ISSUES);
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    assert_int_equal(pthread_sigmask(SIG_BLOCK, &signals, NULL), 0);
    assert_int_equal(raise(SIGTERM), 0); /* this thread's own: the journal's do not block it */
    int status = recovery_earlier_run(&store->options, &part, 1, &progress, &error);
    assert_int_equal(sigwait(&signals, &received), 0);
    assert_int_equal(pthread_sigmask(SIG_UNBLOCK, &signals, NULL), 0);
    assert_int_equal(status, -1);
    assert_non_null(strstr(error.text, "stopped while reading"));
    assert_int_equal(ledger_earlier_missing_all(ledger), ISSUES - USERS);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(issues_are_read_from_the_store),
        TEST(issues_are_read_from_segments_without_a_store),
        TEST(issues_are_read_from_segments_and_from_the_store),
        TEST(without_a_store_only_segments_are_read),
        TEST(a_store_that_must_not_be_checked_is_not_read),
        TEST(a_store_with_another_id_is_not_read),
        TEST(the_store_of_another_journal_is_not_read),
        TEST(issues_that_the_store_lacks_or_contradicts_stay_unknown),
        TEST(reading_ends_when_the_process_is_asked_to_stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
