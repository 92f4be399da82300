/*
 * Contradictory journals are refused wherever the contradiction is, with one thread and with two; and the comparison of
 * a journal with the store.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "issuer/recovery/recovery.h"
#include "issuer/snapshot/snapshot.h"
#include "issuer/store/check.h"
#include "shared/process/memory.h"
#include "tests/unit/shared/journal/journal_fixture.h"

#define TIME_US INT64_C(1700000000000000)

typedef int (*recover_fn)(struct journal *journal, struct ledger **ledger, struct details *details,
                          struct recovery_result *result, struct recovery_progress *progress, struct error *error);

/* --- helpers --- */

static struct journal *open_journal(void)
{
    struct journal *journal;
    struct error error = {{0}};
    struct journal_config config = {.dir = journal_fixture_dir, .partitions = 1, .segment_bytes = 2u << 20};
    if (journal_open(&config, &journal, &error) != 0)
        fail_msg("%s", error.text);
    return journal;
}

static void begin(struct journal *journal)
{
    assert_true(journal_reserve(journal, journal_bytes_max(1000, 0, 1)));
    journal_begin(journal, TIME_US);
}

static void put_titled(struct journal *journal, const char *id, const char *title, uint32_t quantity, uint32_t limit)
{
    struct coupon coupon = {.quantity = quantity, .per_user_limit = limit, .created_at_us = TIME_US};
    coupon.starts_at_us = coupon.ends_at_us = coupon.redeem_until_us = TIME_NONE;
    strcpy(coupon.id, id);
    strcpy(coupon.title, title);
    begin(journal);
    journal_append_coupon(journal, &coupon, NULL);
    journal_commit(journal);
}

static void put_coupon(struct journal *journal, const char *id, uint32_t quantity, uint32_t limit)
{
    put_titled(journal, id, id, quantity, limit);
}

static void put_issue(struct journal *journal, const char *id, const char *user, uint32_t sequence, uint16_t nth)
{
    begin(journal);
    journal_append_issue(journal, id, strlen(id), user, strlen(user), sequence, nth);
    journal_commit(journal);
}

/* Users first to last, a thousand per batch, in order. */
static void put_many(struct journal *journal, const char *id, uint32_t first, uint32_t last)
{
    char user[32];
    for (uint32_t sequence = first; sequence <= last; sequence++) {
        if ((sequence - first) % 1000 == 0)
            begin(journal);
        int length = snprintf(user, sizeof user, "user-%u", sequence);
        journal_append_issue(journal, id, strlen(id), user, (size_t)length, sequence, 1);
        if ((sequence - first) % 1000 == 999 || sequence == last)
            journal_commit(journal);
    }
}

/* A new journal, ready for writing. */
static struct journal *fresh(void)
{
    struct ledger *ledger;
    struct recovery_result result;
    struct error error = {{0}};
    struct journal *journal = open_journal();
    if (recovery_run(journal, &ledger, NULL, &result, NULL, &error) != 0)
        fail_msg("%s", error.text);
    ledger_destroy(&ledger);
    return journal;
}

static void assert_titled(const struct ledger *ledger, const char *id, const char *title)
{
    struct coupon coupon;
    ledger_coupon_read(ledger_entry(ledger, id, strlen(id)), &coupon);
    assert_string_equal(coupon.title, title);
}

static void assert_refused_by(recover_fn recover, const char *reason)
{
    struct ledger *ledger = NULL;
    struct recovery_result result;
    struct error error = {{0}};
    struct journal *journal = open_journal();
    assert_int_equal(recover(journal, &ledger, NULL, &result, NULL, &error), -1);
    assert_null(ledger);
    journal_abandon(&journal);
    if (strstr(error.text, reason) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", error.text, reason);
}

static void assert_refused(struct journal *journal, const char *reason)
{
    journal_abandon(&journal);
    assert_refused_by(recovery_run, reason);
    assert_refused_by(recovery_run_alone, reason);
}

/* --- recovery --- */

static void recovery_counts_what_a_long_journal_holds(void **state)
{
    (void)state;
    struct journal *journal = fresh();
    put_coupon(journal, "A", 200000, 1);
    put_many(journal, "A", 1, 100000);
    journal_abandon(&journal);
    for (int alone = 0; alone < 2; alone++) {
        struct ledger *ledger;
        struct recovery_result result;
        struct error error = {{0}};
        journal = open_journal();
        assert_int_equal((alone ? recovery_run_alone : recovery_run)(journal, &ledger, NULL, &result, NULL, &error), 0);
        assert_int_equal(ledger_entry(ledger, "A", 1)->issued, 100000);
        assert_int_equal(result.last_time_us, TIME_US);
        assert_null(ledger_check(ledger));
        ledger_destroy(&ledger);
        journal_abandon(&journal);
    }
}

/* --- many coupons --- */

#define MANY_COUPONS 300u
#define MANY_HOLDERS 3u
#define LARGE_ISSUES 40000u

static void name_coupon(char id[COUPON_ID_MAX + 1], unsigned number)
{
    snprintf(id, COUPON_ID_MAX + 1, "coupon-%u", number * 7919u % MANY_COUPONS);
}

static void put_many_coupons(struct journal *journal)
{
    char id[COUPON_ID_MAX + 1];
    for (unsigned i = 0; i < MANY_COUPONS; i++) {
        name_coupon(id, i);
        put_coupon(journal, id, 100000, 1);
        put_many(journal, id, 1, i % (MANY_HOLDERS + 1));
    }
}

/* Reopens the journal after taking a snapshot of its content. */
static struct journal *reopen_behind_snapshot(struct journal *journal)
{
    struct error error = {{0}};
    uint64_t seq = journal_written_seq(journal);
    journal_abandon(&journal);
    journal = open_journal();
    struct ledger *ledger;
    struct recovery_result result;
    assert_int_equal(recovery_run_alone(journal, &ledger, NULL, &result, NULL, &error), 0);
    assert_int_equal(snapshot_write(journal_fixture_dir, journal_meta(journal), ledger, seq, TIME_US, &error), 0);
    ledger_destroy(&ledger);
    return journal;
}

static void assert_many_coupons(const struct ledger *ledger)
{
    const struct ledger_coupon *page[COUPON_LIST_MAX];
    char id[COUPON_ID_MAX + 1], after[COUPON_ID_MAX + 1] = "";
    size_t seen = 0;
    for (size_t count; (count = ledger_list(ledger, after, COUPON_LIST_MAX, page)) > 0; seen += count) {
        assert_true(strcmp(after, page[0]->id) < 0);
        strcpy(after, page[count - 1]->id);
    }
    assert_int_equal(seen, MANY_COUPONS + 1);
    assert_null(ledger_check(ledger));
    for (unsigned i = 0; i < MANY_COUPONS; i++) {
        struct user_issue issue;
        uint32_t issued = i == 1 ? LARGE_ISSUES : i % (MANY_HOLDERS + 1);
        name_coupon(id, i);
        assert_int_equal(ledger_entry(ledger, id, strlen(id))->issued, issued);
        assert_titled(ledger, id, i == 2 ? "changed" : id);
        assert_int_equal(ledger_lookup(ledger, id, strlen(id), "user-1", 6, &issue), issued > 0);
        assert_int_equal(ledger_lookup(ledger, id, strlen(id), "user-39999", 10, &issue), i == 1);
    }
}

/* The snapshot has a few users of each coupon; one coupon gets so many after it that its set splits. */
static void many_coupons_are_recovered_alike_by_one_thread_and_by_many(void **state)
{
    (void)state;
    char id[COUPON_ID_MAX + 1];
    struct journal *journal = fresh();
    put_many_coupons(journal);
    journal = reopen_behind_snapshot(journal);
    name_coupon(id, 1);
    put_many(journal, id, 2, LARGE_ISSUES);
    put_coupon(journal, "new", 10, 1);
    name_coupon(id, 2);
    put_titled(journal, id, "changed", 100000, 1);
    journal_abandon(&journal);
    for (int alone = 0; alone < 2; alone++) {
        struct ledger *ledger;
        struct recovery_result result;
        struct error error = {{0}};
        journal = open_journal();
        if ((alone ? recovery_run_alone : recovery_run)(journal, &ledger, NULL, &result, NULL, &error) != 0)
            fail_msg("%s", error.text);
        assert_int_equal(result.records, LARGE_ISSUES + 1);
        assert_many_coupons(ledger);
        ledger_destroy(&ledger);
        journal_abandon(&journal);
    }
}

/* Titles that the API no longer accepts, from a snapshot and from the journal. */
static void titles_of_before_are_recovered_as_they_are(void **state)
{
    (void)state;
    struct ledger *ledger;
    struct recovery_result result;
    struct error error = {{0}};
    struct journal *journal = fresh();
    put_titled(journal, "A", "a\u202eb", 10, 1);
    journal = reopen_behind_snapshot(journal);
    put_titled(journal, "B", "\u200b", 10, 1);
    journal_abandon(&journal);
    journal = open_journal();
    if (recovery_run(journal, &ledger, NULL, &result, NULL, &error) != 0)
        fail_msg("%s", error.text);
    assert_int_equal(result.records, 1);
    assert_titled(ledger, "A", "a\u202eb");
    assert_titled(ledger, "B", "\u200b");
    ledger_destroy(&ledger);
    journal_abandon(&journal);
}

static void recovery_says_how_far_it_is(void **state)
{
    (void)state;
    struct ledger *ledger;
    struct recovery_result result;
    struct recovery_progress progress[2] = {{0}};
    struct error error = {{0}};
    char text[128];
    struct journal *journal = fresh();
    put_coupon(journal, "A", 200000, 1);
    put_many(journal, "A", 1, 100000);
    journal_abandon(&journal);
    recovery_progress_describe(progress, 2, text, sizeof text);
    assert_string_equal(text, "recovering: 0 of 2 partitions done");
    recovery_progress_note(&progress[0], RECOVERY_DONE, 0, 0);
    journal = open_journal();
    assert_int_equal(recovery_run(journal, &ledger, NULL, &result, &progress[1], &error), 0);
    assert_int_equal(progress[1].phase, RECOVERY_JOURNAL);
    assert_true(progress[1].bytes_done > 0 && progress[1].bytes_done <= progress[1].bytes_total);
    recovery_progress_note(&progress[1], RECOVERY_SNAPSHOT, UINT64_C(5) << 20, UINT64_C(64) << 20);
    recovery_progress_describe(progress, 2, text, sizeof text);
    assert_string_equal(text, "recovering: 1 of 2 partitions done; partition 1: snapshot, 5 of 64 MiB");
    ledger_destroy(&ledger);
    journal_abandon(&journal);
}

static void assert_told_to_end(void)
{
    struct error error = {{0}};
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    assert_int_equal(pthread_sigmask(SIG_BLOCK, &signals, NULL), 0);
    assert_int_equal(kill(getpid(), SIGTERM), 0);
    struct journal *journal = open_journal();
    struct ledger *ledger;
    struct recovery_result result;
    int status = recovery_run(journal, &ledger, NULL, &result, NULL, &error);
    int received;
    assert_int_equal(sigwait(&signals, &received), 0);
    assert_int_equal(pthread_sigmask(SIG_UNBLOCK, &signals, NULL), 0);
    assert_int_equal(status, -1);
    assert_null(ledger);
    assert_non_null(strstr(error.text, "stopped while recovering"));
    journal_abandon(&journal);
}

/* Simulates a container's memory limit in a control group; NULL: the machine's own. */
static void pretend_memory(const char *stat)
{
    static char dir[] = "/tmp/coupond-memory-XXXXXX";
    static const struct memory_places places = {dir, dir};
    const char *const texts[][2] = {{"cgroup", "0::/\n"}, {"memory.max", "268435456\n"}, {"memory.stat", stat}};
    char path[64];
    if (stat == NULL) {
        for (size_t i = 0; i < 3; i++) {
            snprintf(path, sizeof path, "%s/%s", dir, texts[i][0]);
            unlink(path);
        }
        rmdir(dir);
        memory_begin(NULL, 0);
        return;
    }
    assert_non_null(mkdtemp(dir));
    for (size_t i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s/%s", dir, texts[i][0]);
        FILE *file = fopen(path, "w");
        assert_non_null(file);
        fputs(texts[i][1], file);
        fclose(file);
    }
    memory_begin(&places, 0);
}

static void recovery_says_that_the_journal_does_not_fit_into_memory(void **state)
{
    (void)state;
    struct journal *journal = fresh();
    put_coupon(journal, "A", 200000, 1);
    put_many(journal, "A", 1, 20000);
    pretend_memory("anon 262000000\nfile 99999999\n");
    assert_refused(journal, "does not fit into memory: 249 of 256 MiB used (the control group /)");
    pretend_memory(NULL);
    journal = fresh();
    journal_abandon(&journal);
}

static void recovery_ends_when_the_process_is_told_to_and_begins_anew(void **state)
{
    (void)state;
    struct ledger *ledger;
    struct recovery_result result;
    struct error error = {{0}};
    struct journal *journal = fresh();
    put_coupon(journal, "A", 200000, 1);
    put_many(journal, "A", 1, 50000);
    journal_abandon(&journal);
    assert_told_to_end();
    journal = open_journal();
    assert_int_equal(recovery_run(journal, &ledger, NULL, &result, NULL, &error), 0);
    assert_int_equal(result.records, 50001);
    ledger_destroy(&ledger);
    journal_abandon(&journal);
}

static void an_issue_of_an_unknown_coupon_is_refused(void **state)
{
    (void)state;
    struct journal *journal = fresh();
    put_coupon(journal, "A", 10, 1);
    put_issue(journal, "B", "u", 1, 1);
    assert_refused(journal, "record 2 contradicts those before it: an issue of a coupon that was never created");
}

static void an_issue_out_of_sequence_is_refused_in_the_middle_of_a_long_journal(void **state)
{
    (void)state;
    struct journal *journal = fresh();
    put_coupon(journal, "A", 200000, 1);
    put_many(journal, "A", 1, 30000);
    put_many(journal, "A", 30002, 100000);
    assert_refused(journal, "record 30002 contradicts those before it: an issue out of sequence");
}

static void an_issue_above_the_quantity_is_refused(void **state)
{
    (void)state;
    struct journal *journal = fresh();
    put_coupon(journal, "A", 2, 1);
    put_many(journal, "A", 1, 3);
    assert_refused(journal, "an issue above the coupon's quantity");
}

static void an_issue_above_a_users_limit_is_refused(void **state)
{
    (void)state;
    struct journal *journal = fresh();
    put_coupon(journal, "A", 9, 1);
    put_issue(journal, "A", "u", 1, 1);
    put_issue(journal, "A", "u", 2, 2);
    assert_refused(journal, "an issue above the user's limit");
}

static void an_issue_that_skips_one_of_its_user_is_refused(void **state)
{
    (void)state;
    struct journal *journal = fresh();
    put_coupon(journal, "A", 9, 3);
    put_issue(journal, "A", "u", 1, 2);
    assert_refused(journal, "an issue above the user's limit");
}

static void a_quantity_below_what_is_issued_is_refused(void **state)
{
    (void)state;
    struct journal *journal = fresh();
    put_coupon(journal, "A", 9, 1);
    put_many(journal, "A", 1, 5);
    put_coupon(journal, "A", 4, 1);
    assert_refused(journal, "a coupon's quantity below what is issued");
}

/* --- the store's word --- */

static struct journal_meta meta_of(uint8_t id, uint16_t partitions)
{
    struct journal_meta meta = {.partitions = partitions};
    memset(meta.journal_id, id, sizeof meta.journal_id);
    return meta;
}

static const char *judge(uint8_t stored_id, uint64_t stored_seq, uint8_t id, uint64_t written_seq)
{
    struct journal_meta meta = meta_of(id, 2);
    struct store_journal stored = {.partitions = 2, .last_seq = stored_seq};
    memset(stored.journal_id, stored_id, sizeof stored.journal_id);
    return store_check_judge(&stored, &meta, written_seq);
}

static void the_journal_that_fills_the_store_may_be_ahead_of_it(void **state)
{
    (void)state;
    assert_null(judge(1, 0, 1, 0));
    assert_null(judge(1, 10, 1, 10));
    assert_null(judge(1, 10, 1, 11));
}

static void a_journal_that_lacks_what_the_store_has_is_refused(void **state)
{
    (void)state;
    assert_non_null(strstr(judge(1, 11, 1, 10), "older copy"));
    assert_non_null(strstr(judge(1, 11, 1, 0), "older copy"));
}

static void another_journal_is_refused_and_an_empty_one_hears_of_the_rebuild(void **state)
{
    (void)state;
    assert_non_null(strstr(judge(1, 5, 2, 5), "another journal"));
    assert_non_null(strstr(judge(1, 5, 2, 0), "--rebuild-from-store"));
}

static void another_number_of_partitions_is_refused(void **state)
{
    (void)state;
    struct journal_meta meta = meta_of(1, 4);
    struct store_journal stored = {.partitions = 2};
    memset(stored.journal_id, 1, sizeof stored.journal_id);
    assert_non_null(strstr(store_check_judge(&stored, &meta, 5), "number of partitions"));
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, journal_fixture_setup, journal_fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(recovery_counts_what_a_long_journal_holds),
        TEST(recovery_says_how_far_it_is),
        TEST(recovery_says_that_the_journal_does_not_fit_into_memory),
        TEST(recovery_ends_when_the_process_is_told_to_and_begins_anew),
        TEST(many_coupons_are_recovered_alike_by_one_thread_and_by_many),
        TEST(titles_of_before_are_recovered_as_they_are),
        TEST(an_issue_of_an_unknown_coupon_is_refused),
        TEST(an_issue_out_of_sequence_is_refused_in_the_middle_of_a_long_journal),
        TEST(an_issue_above_the_quantity_is_refused),
        TEST(an_issue_above_a_users_limit_is_refused),
        TEST(an_issue_that_skips_one_of_its_user_is_refused),
        TEST(a_quantity_below_what_is_issued_is_refused),
        cmocka_unit_test(the_journal_that_fills_the_store_may_be_ahead_of_it),
        cmocka_unit_test(a_journal_that_lacks_what_the_store_has_is_refused),
        cmocka_unit_test(another_journal_is_refused_and_an_empty_one_hears_of_the_rebuild),
        cmocka_unit_test(another_number_of_partitions_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
