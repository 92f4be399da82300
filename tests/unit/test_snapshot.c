/* Snapshots beside a ledger that goes on, recovery from them, and what may be removed because of them. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* clang-format off */
#include <cmocka.h>
/* clang-format on */

#include "issuer/ledger.h"
#include "issuer/recovery.h"
#include "issuer/retention.h"
#include "issuer/snapshot.h"
#include "issuer/snapshot_load.h"
#include "shared/clock.h"
#include "shared/disk.h"
#include "shared/journal_reader.h"
#include "tests/unit/journal_fixture.h"

#define START_US INT64_C(1700000000000000)
#define BATCH    500

/* --- fixture --- */

static struct journal *journal;
static struct ledger *ledger;
static struct snapshot *snapshot;
static struct recovery_result recovered;
static int64_t now_us, mono_us;
static size_t step_bytes;

static int64_t test_mono(void)
{
    return mono_us;
}

static int64_t test_wall(void)
{
    return now_us;
}

static int start(struct error *error)
{
    struct journal_config config = {
        .dir = journal_fixture_dir, .partitions = 1, .segment_bytes = 2u << 20, .worker_by_hand = true};
    if (journal_open(&journal, &config, error) != 0 || recovery_run(journal, &ledger, &recovered, error) != 0)
        return -1;
    struct snapshot_config snapshots = {
        .bytes_min = 1,
        .step_bytes = step_bytes,
        .worker_by_hand = true,
        .journal_bytes = recovered.journal_bytes,
        .last_bytes = recovered.snapshot_bytes,
    };
    assert_int_equal(snapshot_create(&snapshot, journal, &snapshots, error), 0);
    return 0;
}

static void assert_starts(void)
{
    struct error error = {{0}};
    if (start(&error) != 0)
        fail_msg("%s", error.text);
}

static void stop(void)
{
    snapshot_destroy(&snapshot);
    ledger_destroy(&ledger);
    journal_abandon(&journal);
}

static void assert_refused(const char *reason)
{
    struct error error = {{0}};
    assert_int_equal(start(&error), -1);
    if (strstr(error.text, reason) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", error.text, reason);
    stop();
}

static int setup(void **state)
{
    if (journal_fixture_setup(state) != 0)
        return -1;
    now_us = START_US;
    mono_us = 1;
    step_bytes = 0;
    clock_replace(test_wall, test_mono);
    assert_starts();
    return 0;
}

static int teardown(void **state)
{
    stop();
    disk = &disk_posix;
    clock_replace(NULL, NULL);
    return journal_fixture_teardown(state);
}

/* --- helpers --- */

static void begin(void)
{
    now_us++;
    assert_true(journal_reserve(journal, 65536));
    journal_begin(journal, now_us);
}

static void put_policy(const char *id, uint32_t quantity, uint32_t limit)
{
    const struct coupon *there = ledger_find(ledger, id, strlen(id));
    struct coupon wanted = {.quantity = quantity, .per_user_limit = limit}, result;
    strcpy(wanted.id, id);
    strcpy(wanted.title, id);
    wanted.starts_at_us = wanted.ends_at_us = TIME_NONE;
    begin();
    enum verdict verdict = there == NULL
                               ? ledger_decide_create(ledger, &wanted, now_us, &result)
                               : ledger_decide_change(ledger, &wanted, COUPON_FIELD_QUANTITY, now_us, &result);
    assert_true(verdict == VERDICT_COUPON_CREATED || verdict == VERDICT_COUPON_CHANGED);
    result.journal_seq = journal_append_coupon(journal, &result);
    ledger_apply_coupon(ledger, &result);
    journal_commit(journal);
}

static struct ledger_decision ask(const struct ledger *of, const char *coupon, unsigned number, enum issue_op op)
{
    char user[32];
    struct ledger_decision decision;
    struct ledger_command command = {
        .op = op,
        .coupon_id = coupon,
        .coupon_id_length = strlen(coupon),
        .user_id = user,
        .user_id_length = (size_t)snprintf(user, sizeof user, "user-%u", number),
    };
    ledger_prepare(of, &command, 1);
    ledger_decide_issue(of, &command, now_us, &decision);
    if (decision.verdict == VERDICT_ISSUED) {
        journal_append_issue(journal, command.coupon_id, command.coupon_id_length, user, command.user_id_length,
                             decision.issue.sequence, decision.issue.nth);
        ledger_apply_issue(&command, &decision);
    }
    return decision;
}

static void issue(const char *coupon, unsigned first, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        if (i % BATCH == 0)
            begin();
        assert_int_equal(ask(ledger, coupon, first + i, ISSUE_POST).verdict, VERDICT_ISSUED);
        if (i % BATCH == BATCH - 1 || i + 1 == count)
            journal_commit(journal);
    }
    journal_work(journal);
}

/* Steps a snapshot from its beginning to its end. */
static void take_snapshot(void)
{
    uint64_t before = journal_written_seq(journal);
    int guard = 0;
    while (snapshot_step(snapshot, ledger) >= 0 && guard++ < 100000)
        snapshot_work(snapshot);
    mono_us += 10000000;
    while (snapshot_work(snapshot))
        ;
    char path[JOURNAL_PATH_MAX];
    snapshot_path(journal_fixture_dir, before, path);
    assert_int_equal(access(path, F_OK), 0);
}

static size_t count_files(const char *suffix)
{
    uint64_t *numbers;
    size_t count;
    struct error error;
    assert_int_equal(journal_numbered_list(journal_fixture_dir, suffix, &numbers, &count, &error), 0);
    free(numbers);
    return count;
}

/* Every coupon, and every user up to `users`, alike in both ledgers. */
static void assert_same(const struct ledger *one, const struct ledger *other, unsigned users)
{
    const struct coupon *coupons[COUPON_LIST_MAX];
    size_t count = ledger_list(one, "", COUPON_LIST_MAX, coupons);
    assert_int_equal(ledger_coupons(one), ledger_coupons(other));
    for (size_t i = 0; i < count; i++) {
        const struct coupon *there = ledger_find(other, coupons[i]->id, strlen(coupons[i]->id));
        assert_non_null(there);
        assert_memory_equal(there, coupons[i], sizeof *there);
        for (unsigned user = 0; user < users; user++) {
            struct ledger_decision a = ask(one, coupons[i]->id, user, ISSUE_LOOKUP);
            struct ledger_decision b = ask(other, coupons[i]->id, user, ISSUE_LOOKUP);
            assert_int_equal(a.verdict, b.verdict);
            assert_memory_equal(&a.issue, &b.issue, sizeof a.issue);
        }
    }
    assert_null(ledger_check(other));
}

/* Ends as kill -9 does and starts again; the ledger is what it was. */
static void assert_recovers(unsigned users)
{
    struct ledger *before = ledger;
    uint64_t seq = journal_written_seq(journal);
    ledger = NULL;
    stop();
    assert_starts();
    assert_int_equal(journal_written_seq(journal), seq);
    assert_same(before, ledger, users);
    ledger_destroy(&before);
}

static void flip(const char *path, off_t offset)
{
    unsigned char byte;
    int fd = open(path, O_RDWR);
    assert_true(fd >= 0);
    assert_int_equal(pread(fd, &byte, 1, offset), 1);
    byte ^= 0x10;
    assert_int_equal(pwrite(fd, &byte, 1, offset), 1);
    close(fd);
}

static void damage_newest(void)
{
    uint64_t *numbers;
    size_t count;
    struct error error;
    char path[JOURNAL_PATH_MAX];
    struct stat status;
    assert_int_equal(snapshot_list(journal_fixture_dir, &numbers, &count, &error), 0);
    assert_true(count > 0);
    snapshot_path(journal_fixture_dir, numbers[count - 1], path);
    assert_int_equal(stat(path, &status), 0);
    flip(path, status.st_size / 2);
    free(numbers);
}

static void acknowledge(uint64_t seq)
{
    struct error error;
    int fd = journal_acked_open(journal_fixture_dir, &error);
    assert_true(fd >= 0);
    assert_int_equal(journal_acked_write(fd, journal_meta(journal)->journal_id, seq), 0);
    close(fd);
}

/* --- tests --- */

static void recovery_begins_with_the_snapshot(void **state)
{
    (void)state;
    put_policy("A", 100000, 1);
    put_policy("B", 10, 3);
    issue("A", 0, 5000);
    issue("B", 0, 3);
    issue("B", 0, 3);
    take_snapshot();
    issue("A", 5000, 100);
    assert_recovers(5200);
    assert_true(recovered.snapshot_bytes > 0);
    assert_true(recovered.journal_bytes < 10000);
    assert_int_equal(recovered.last_time_us, now_us);
}

static void recovery_goes_on_from_the_time_in_the_snapshot(void **state)
{
    (void)state;
    put_policy("A", 100, 1);
    take_snapshot();
    assert_recovers(1);
    assert_int_equal(recovered.journal_bytes, 0);
    assert_int_equal(recovered.last_time_us, now_us);
}

/* Between any two pieces of the walk: issues to new users, again to users before and behind the walk, new coupons on
 * both sides of it, and changes of policies. */
static void a_snapshot_of_a_ledger_that_goes_on_is_exact_after_replay(void **state)
{
    (void)state;
    unsigned users = 60000, round = 0;
    stop();
    step_bytes = 1;
    assert_starts();
    put_policy("K", 1000000, 2);
    put_policy("M", 1000000, 1);
    issue("K", 0, users);
    issue("M", 0, users / 2);
    uint64_t from_seq = journal_written_seq(journal);
    while (snapshot_step(snapshot, ledger) >= 0) {
        char id[16];
        issue("K", round * 100, 100); /* a second time */
        issue("K", users + round * 100, 100);
        issue("M", users / 2 + round * 300, 300);
        snprintf(id, sizeof id, "%c%u", round % 2 ? 'A' : 'Z', round);
        put_policy(id, 5, 1);
        issue(id, 0, 5);
        put_policy("M", 2000000 + round, 1);
        snapshot_work(snapshot);
        round++;
    }
    assert_true(round > 6);
    while (snapshot_work(snapshot))
        ;
    issue("K", users + 50000, 20);
    assert_recovers(users + 60000);
    assert_true(recovered.snapshot_bytes > 0);
    assert_true(recovered.journal_bytes > 0);
    assert_true(from_seq < journal_written_seq(journal));
}

static void a_damaged_snapshot_is_passed_over_for_the_one_before(void **state)
{
    (void)state;
    put_policy("A", 100000, 1);
    issue("A", 0, 3000);
    take_snapshot();
    uint64_t first_bytes = 0;
    issue("A", 3000, 3000);
    take_snapshot();
    assert_recovers(6100);
    first_bytes = recovered.snapshot_bytes;
    damage_newest();
    assert_recovers(6100);
    assert_true(recovered.snapshot_bytes > 0 && recovered.snapshot_bytes < first_bytes);
}

static void with_no_sound_snapshot_the_whole_journal_is_replayed(void **state)
{
    (void)state;
    put_policy("A", 100000, 1);
    issue("A", 0, 3000);
    take_snapshot();
    damage_newest();
    assert_recovers(3100);
    assert_int_equal(recovered.snapshot_bytes, 0);
}

static void no_flipped_byte_of_a_snapshot_goes_unnoticed(void **state)
{
    (void)state;
    char path[JOURNAL_PATH_MAX];
    struct stat status;
    put_policy("A", 100, 2);
    put_policy("B", 100, 2);
    issue("A", 0, 20);
    uint64_t from_seq = journal_written_seq(journal);
    take_snapshot();
    snapshot_path(journal_fixture_dir, from_seq, path);
    assert_int_equal(stat(path, &status), 0);
    for (off_t offset = 0; offset < status.st_size; offset++) {
        struct ledger *loaded = ledger_create(journal_meta(journal)->fingerprint_key);
        struct snapshot_header header;
        struct error error;
        flip(path, offset);
        assert_int_equal(
            snapshot_load(journal_fixture_dir, from_seq, journal_meta(journal), loaded, &header, NULL, NULL, &error),
            -1);
        flip(path, offset);
        ledger_destroy(&loaded);
    }
}

static void a_journal_that_ends_before_its_snapshot_is_refused(void **state)
{
    (void)state;
    put_policy("A", 100000, 1);
    issue("A", 0, 100);
    take_snapshot();
    stop();
    off_t end = journal_fixture_end();
    journal_fixture_flip(1, end - 64, 0xff);
    assert_refused("damaged");
    journal_fixture_flip(1, end - 64, 0xff);
    assert_starts();
}

static void segments_go_when_two_snapshots_and_the_store_have_them(void **state)
{
    (void)state;
    put_policy("A", 1000000, 1);
    issue("A", 0, 100000);
    size_t segments = count_files(".segment");
    assert_true(segments >= 2);
    take_snapshot();
    acknowledge(journal_written_seq(journal));
    mono_us += 10000000;
    while (snapshot_work(snapshot))
        ;
    assert_int_equal(count_files(".segment"), segments); /* one snapshot is not enough */
    issue("A", 100000, 100000);
    segments = count_files(".segment");
    acknowledge(1);
    take_snapshot();
    assert_int_equal(count_files(".segment"), segments); /* the store does not have them */
    acknowledge(journal_written_seq(journal));
    mono_us += 10000000;
    while (snapshot_work(snapshot))
        ;
    assert_true(count_files(".segment") < segments);
    assert_recovers(1000);
    damage_newest();
    assert_recovers(1000);
    damage_newest();
    stop();
    uint64_t *numbers;
    size_t count;
    struct error error;
    assert_int_equal(snapshot_list(journal_fixture_dir, &numbers, &count, &error), 0);
    for (size_t i = 0; i < count; i++) {
        char path[JOURNAL_PATH_MAX];
        snapshot_path(journal_fixture_dir, numbers[i], path);
        flip(path, 200);
    }
    free(numbers);
    assert_refused("missing");
}

static void only_two_snapshots_are_kept(void **state)
{
    (void)state;
    put_policy("A", 100000, 1);
    for (unsigned i = 0; i < 4; i++) {
        issue("A", (1u << i) * 4000, (1u << i) * 4000);
        take_snapshot();
    }
    assert_int_equal(count_files(".snapshot"), 2);
    assert_recovers(64000);
}

static void a_snapshot_waits_until_the_journal_is_synced(void **state)
{
    (void)state;
    snapshot_destroy(&snapshot);
    ledger_destroy(&ledger);
    journal_close(&journal);
    struct error error;
    struct journal_config config = {.dir = journal_fixture_dir,
                                    .partitions = 1,
                                    .segment_bytes = 2u << 20,
                                    .sync_interval_ms = 1000,
                                    .worker_by_hand = true};
    assert_int_equal(journal_open(&journal, &config, &error), 0);
    assert_int_equal(recovery_run(journal, &ledger, &recovered, &error), 0);
    struct snapshot_config snapshots = {.bytes_min = 1, .worker_by_hand = true};
    assert_int_equal(snapshot_create(&snapshot, journal, &snapshots, &error), 0);
    journal_work(journal);
    put_policy("A", 100, 1);
    while (snapshot_step(snapshot, ledger) >= 0)
        ;
    while (snapshot_work(snapshot))
        ;
    assert_int_equal(count_files(".snapshot"), 0);
    mono_us += 2000000;
    journal_work(journal);
    assert_int_equal(journal_synced_seq(journal), 1);
    while (snapshot_work(snapshot))
        ;
    assert_int_equal(count_files(".snapshot"), 1);
}

static ssize_t refuse_large_writes(int fd, const void *bytes, size_t length, off_t offset)
{
    if (length > 10000) {
        errno = ENOSPC;
        return -1;
    }
    return pwrite(fd, bytes, length, offset);
}

static void a_full_disk_costs_a_snapshot_and_no_more(void **state)
{
    (void)state;
    struct disk full = disk_posix;
    full.pwrite = refuse_large_writes;
    put_policy("A", 100000, 1);
    issue("A", 0, 3000);
    disk = &full;
    while (snapshot_step(snapshot, ledger) >= 0)
        snapshot_work(snapshot);
    while (snapshot_work(snapshot))
        ;
    assert_int_equal(count_files(".snapshot"), 0);
    char path[JOURNAL_PATH_MAX];
    snapshot_unfinished_path(journal_fixture_dir, path);
    assert_int_equal(access(path, F_OK), -1);
    issue("A", 3000, 10);
    assert_int_equal(snapshot_step(snapshot, ledger), -1); /* not at once again */
    disk = &disk_posix;
    mono_us += 60000000;
    take_snapshot();
    assert_recovers(3100);
    assert_true(recovered.snapshot_bytes > 0);
}

static void what_an_ended_process_left_unfinished_is_removed(void **state)
{
    (void)state;
    char path[JOURNAL_PATH_MAX];
    put_policy("A", 100, 1);
    snapshot_unfinished_path(journal_fixture_dir, path);
    int fd = open(path, O_CREAT | O_WRONLY, 0666);
    assert_true(fd >= 0);
    close(fd);
    assert_recovers(1);
    assert_int_equal(access(path, F_OK), -1);
}

static void the_last_segment_always_stays(void **state)
{
    (void)state;
    const uint64_t segments[] = {1, 100, 200, 300};
    assert_int_equal(retention_removable(segments, 4, 0), 0);
    assert_int_equal(retention_removable(segments, 4, 98), 0);
    assert_int_equal(retention_removable(segments, 4, 99), 1);
    assert_int_equal(retention_removable(segments, 4, 250), 2);
    assert_int_equal(retention_removable(segments, 4, UINT64_MAX), 3);
    assert_int_equal(retention_removable(segments, 1, UINT64_MAX), 0);
    assert_int_equal(retention_removable(segments, 0, UINT64_MAX), 0);
}

static void a_snapshot_written_at_once_is_the_same(void **state)
{
    (void)state;
    struct error error;
    struct snapshot_header header;
    put_policy("A", 100000, 3);
    issue("A", 0, 40000);
    issue("A", 0, 1000);
    uint64_t seq = journal_written_seq(journal);
    assert_int_equal(snapshot_write(journal_fixture_dir, journal_meta(journal), ledger, seq, now_us, &error), 0);
    struct ledger *loaded = ledger_create(journal_meta(journal)->fingerprint_key);
    assert_int_equal(
        snapshot_load(journal_fixture_dir, seq, journal_meta(journal), loaded, &header, NULL, NULL, &error), 0);
    assert_same(ledger, loaded, 40100);
    assert_int_equal(header.users, 40000);
    ledger_destroy(&loaded);
}

static void a_snapshot_is_written_by_its_own_thread_while_issuing_goes_on(void **state)
{
    (void)state;
    struct error error;
    struct snapshot_config threaded = {.bytes_min = 1, .step_bytes = 100000, .bytes_per_s = 20u << 20};
    unsigned user = 0;
    clock_replace(NULL, NULL);
    snapshot_destroy(&snapshot);
    assert_int_equal(snapshot_create(&snapshot, journal, &threaded, &error), 0);
    put_policy("A", 10000000, 1);
    issue("A", user, 50000);
    for (user = 50000; count_files(".snapshot") == 0; user += 10) {
        issue("A", user, 10);
        snapshot_step(snapshot, ledger);
    }
    snapshot_destroy(&snapshot); /* its thread reads the clock */
    clock_replace(test_wall, test_mono);
    assert_recovers(60000);
    assert_true(recovered.snapshot_bytes > 0);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(recovery_begins_with_the_snapshot),
        TEST(recovery_goes_on_from_the_time_in_the_snapshot),
        TEST(a_snapshot_of_a_ledger_that_goes_on_is_exact_after_replay),
        TEST(a_damaged_snapshot_is_passed_over_for_the_one_before),
        TEST(with_no_sound_snapshot_the_whole_journal_is_replayed),
        TEST(no_flipped_byte_of_a_snapshot_goes_unnoticed),
        TEST(a_journal_that_ends_before_its_snapshot_is_refused),
        TEST(segments_go_when_two_snapshots_and_the_store_have_them),
        TEST(only_two_snapshots_are_kept),
        TEST(a_snapshot_waits_until_the_journal_is_synced),
        TEST(a_full_disk_costs_a_snapshot_and_no_more),
        TEST(what_an_ended_process_left_unfinished_is_removed),
        TEST(the_last_segment_always_stays),
        TEST(a_snapshot_written_at_once_is_the_same),
        TEST(a_snapshot_is_written_by_its_own_thread_while_issuing_goes_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
