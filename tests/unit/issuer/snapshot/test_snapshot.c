/*
 * Snapshots of a ledger that goes on changing, and recovery from them.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "issuer/snapshot/load.h"
#include "shared/clock.h"
#include "shared/disk.h"
#include "tests/unit/issuer/snapshot/snapshot_fixture.h"

/* --- tests --- */

static void recovery_begins_with_the_snapshot(void **state)
{
    (void)state;
    snapshot_fixture_put_policy("A", 100000, 1);
    snapshot_fixture_put_policy("B", 10, 3);
    snapshot_fixture_issue("A", 0, 5000);
    snapshot_fixture_issue("B", 0, 3);
    snapshot_fixture_issue("B", 0, 3);
    snapshot_fixture_take_snapshot();
    snapshot_fixture_issue("A", 5000, 100);
    snapshot_fixture_assert_recovers(5200);
    assert_true(fixture.recovered.snapshot_bytes > 0);
    assert_true(fixture.recovered.journal_bytes < 10000);
    assert_int_equal(fixture.recovered.last_time_us, fixture.now_us);
}

static void recovery_goes_on_from_the_time_in_the_snapshot(void **state)
{
    (void)state;
    snapshot_fixture_put_policy("A", 100, 1);
    snapshot_fixture_take_snapshot();
    snapshot_fixture_assert_recovers(1);
    assert_int_equal(fixture.recovered.journal_bytes, 0);
    assert_int_equal(fixture.recovered.last_time_us, fixture.now_us);
}

/* Between any two pieces of the walk: issues to new users, repeated ones before and after the walk's position, new
 * coupons on both sides of it, and changed policies. */
static void a_snapshot_of_a_ledger_that_goes_on_is_exact_after_replay(void **state)
{
    (void)state;
    unsigned users = 60000, round = 0;
    snapshot_fixture_stop();
    fixture.step_bytes = 1;
    snapshot_fixture_assert_starts();
    snapshot_fixture_put_policy("K", 1000000, 2);
    snapshot_fixture_put_policy("M", 1000000, 1);
    snapshot_fixture_issue("K", 0, users);
    snapshot_fixture_issue("M", 0, users / 2);
    uint64_t from_seq = journal_written_seq(fixture.journal);
    while (snapshot_step(fixture.snapshot, fixture.ledger) >= 0) {
        char id[16];
        snapshot_fixture_issue("K", round * 100, 100); /* a second time */
        snapshot_fixture_issue("K", users + round * 100, 100);
        snapshot_fixture_issue("M", users / 2 + round * 300, 300);
        snprintf(id, sizeof id, "%c%u", round % 2 ? 'A' : 'Z', round);
        snapshot_fixture_put_policy(id, 5, 1);
        snapshot_fixture_issue(id, 0, 5);
        snapshot_fixture_put_policy("M", 2000000 + round, 1);
        snapshot_work(fixture.snapshot);
        round++;
    }
    assert_true(round > 6);
    while (snapshot_work(fixture.snapshot))
        ;
    snapshot_fixture_issue("K", users + 50000, 20);
    snapshot_fixture_assert_recovers(users + 60000);
    assert_true(fixture.recovered.snapshot_bytes > 0);
    assert_true(fixture.recovered.journal_bytes > 0);
    assert_true(from_seq < journal_written_seq(fixture.journal));
}

static void a_damaged_snapshot_is_passed_over_for_the_one_before(void **state)
{
    (void)state;
    snapshot_fixture_put_policy("A", 100000, 1);
    snapshot_fixture_issue("A", 0, 3000);
    snapshot_fixture_take_snapshot();
    uint64_t first_bytes = 0;
    snapshot_fixture_issue("A", 3000, 3000);
    snapshot_fixture_take_snapshot();
    snapshot_fixture_assert_recovers(6100);
    first_bytes = fixture.recovered.snapshot_bytes;
    snapshot_fixture_damage_newest();
    snapshot_fixture_assert_recovers(6100);
    assert_true(fixture.recovered.snapshot_bytes > 0 && fixture.recovered.snapshot_bytes < first_bytes);
}

static void with_no_sound_snapshot_the_whole_journal_is_replayed(void **state)
{
    (void)state;
    snapshot_fixture_put_policy("A", 100000, 1);
    snapshot_fixture_issue("A", 0, 3000);
    snapshot_fixture_take_snapshot();
    snapshot_fixture_damage_newest();
    snapshot_fixture_assert_recovers(3100);
    assert_int_equal(fixture.recovered.snapshot_bytes, 0);
}

static void no_flipped_byte_of_a_snapshot_goes_unnoticed(void **state)
{
    (void)state;
    char path[JOURNAL_PATH_MAX];
    struct stat status;
    snapshot_fixture_put_policy("A", 100, 2);
    snapshot_fixture_put_policy("B", 100, 2);
    snapshot_fixture_issue("A", 0, 20);
    uint64_t from_seq = journal_written_seq(fixture.journal);
    snapshot_fixture_take_snapshot();
    snapshot_path(journal_fixture_dir, from_seq, path);
    assert_int_equal(stat(path, &status), 0);
    for (off_t offset = 0; offset < status.st_size; offset++) {
        struct ledger *loaded = ledger_create(journal_meta(fixture.journal)->fingerprint_key);
        struct snapshot_header header;
        struct error error;
        snapshot_fixture_flip(path, offset);
        assert_int_equal(snapshot_load(journal_fixture_dir, from_seq, journal_meta(fixture.journal), loaded, &header,
                                       NULL, NULL, &error),
                         SNAPSHOT_DAMAGED);
        snapshot_fixture_flip(path, offset);
        ledger_destroy(&loaded);
    }
}

static void a_journal_that_ends_before_its_snapshot_is_refused(void **state)
{
    (void)state;
    snapshot_fixture_put_policy("A", 100000, 1);
    snapshot_fixture_issue("A", 0, 100);
    snapshot_fixture_take_snapshot();
    snapshot_fixture_stop();
    off_t end = journal_fixture_end();
    journal_fixture_flip(1, end - 64, 0xff);
    snapshot_fixture_assert_refused("damaged");
    journal_fixture_flip(1, end - 64, 0xff);
    snapshot_fixture_assert_starts();
}

static void a_snapshot_waits_until_the_journal_is_synced(void **state)
{
    (void)state;
    snapshot_destroy(&fixture.snapshot);
    ledger_destroy(&fixture.ledger);
    journal_close(&fixture.journal);
    struct error error;
    struct journal_config config = {.dir = journal_fixture_dir,
                                    .partitions = 1,
                                    .segment_bytes = 2u << 20,
                                    .sync_interval_ms = 1000,
                                    .worker_by_hand = true};
    assert_int_equal(journal_open(&config, &fixture.journal, &error), 0);
    assert_int_equal(recovery_run(fixture.journal, &fixture.ledger, NULL, &fixture.recovered, NULL, &error), 0);
    struct snapshot_config snapshots = {.bytes_min = 1, .worker_by_hand = true};
    assert_int_equal(snapshot_create(fixture.journal, &snapshots, &fixture.snapshot, &error), 0);
    journal_work(fixture.journal);
    snapshot_fixture_put_policy("A", 100, 1);
    while (snapshot_step(fixture.snapshot, fixture.ledger) >= 0)
        ;
    while (snapshot_work(fixture.snapshot))
        ;
    assert_int_equal(snapshot_fixture_count_files(".snapshot"), 0);
    fixture.mono_us += 2000000;
    journal_work(fixture.journal);
    assert_int_equal(journal_synced_seq(fixture.journal), 1);
    while (snapshot_work(fixture.snapshot))
        ;
    assert_int_equal(snapshot_fixture_count_files(".snapshot"), 1);
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
    snapshot_fixture_put_policy("A", 100000, 1);
    snapshot_fixture_issue("A", 0, 3000);
    disk = &full;
    while (snapshot_step(fixture.snapshot, fixture.ledger) >= 0)
        snapshot_work(fixture.snapshot);
    while (snapshot_work(fixture.snapshot))
        ;
    assert_int_equal(snapshot_fixture_count_files(".snapshot"), 0);
    char path[JOURNAL_PATH_MAX];
    snapshot_unfinished_path(journal_fixture_dir, path);
    assert_int_equal(access(path, F_OK), -1);
    snapshot_fixture_issue("A", 3000, 10);
    assert_int_equal(snapshot_step(fixture.snapshot, fixture.ledger), -1); /* not immediately again */
    disk = &disk_posix;
    fixture.mono_us += 60000000;
    snapshot_fixture_take_snapshot();
    snapshot_fixture_assert_recovers(3100);
    assert_true(fixture.recovered.snapshot_bytes > 0);
}

/* --- past the page cache --- */

static unsigned direct_writes;
static unsigned cached_writes; /* of a snapshot's blocks */

static bool is_direct(int fd)
{
    return (fcntl(fd, F_GETFL) & O_DIRECT) != 0;
}

static ssize_t count_writes(int fd, const void *bytes, size_t length, off_t offset)
{
    direct_writes += is_direct(fd);
    cached_writes += !is_direct(fd) && length > 10000;
    return pwrite(fd, bytes, length, offset);
}

static int open_never_direct(const char *path, int flags)
{
    if ((flags & O_DIRECT) == 0)
        return disk_posix.open(path, flags);
    errno = EINVAL;
    return -1;
}

/* Like a device with blocks larger than ours. */
static ssize_t refuse_direct_writes(int fd, const void *bytes, size_t length, off_t offset)
{
    if (!is_direct(fd))
        return count_writes(fd, bytes, length, offset);
    errno = EINVAL;
    return -1;
}

/* The rest is then not a whole page. */
static ssize_t write_short(int fd, const void *bytes, size_t length, off_t offset)
{
    if (!is_direct(fd))
        return count_writes(fd, bytes, length, offset);
    if (length % 4096 != 0) {
        errno = EINVAL;
        return -1;
    }
    direct_writes++;
    assert_int_equal(pwrite(fd, bytes, 8192, offset), 8192);
    return 5000;
}

static void take_snapshot_on(const struct disk *other)
{
    direct_writes = cached_writes = 0;
    snapshot_fixture_put_policy("A", 100000, 1);
    snapshot_fixture_issue("A", 0, 30000);
    disk = other;
    snapshot_fixture_take_snapshot();
    disk = &disk_posix;
    snapshot_fixture_assert_recovers(30100);
    assert_true(fixture.recovered.snapshot_bytes > 700000);
}

static bool folder_takes_direct_writes(void)
{
    char path[JOURNAL_PATH_MAX];
    snapshot_unfinished_path(journal_fixture_dir, path);
    int fd = open(path, O_RDWR | O_CREAT | O_DIRECT | O_CLOEXEC, 0600);
    if (fd >= 0)
        close(fd);
    unlink(path);
    return fd >= 0;
}

static void a_snapshot_goes_past_the_page_cache(void **state)
{
    (void)state;
    if (!folder_takes_direct_writes())
        skip();
    struct disk counting = disk_posix;
    counting.pwrite = count_writes;
    take_snapshot_on(&counting);
    assert_true(direct_writes > 2);
    assert_true(cached_writes <= 1); /* the end does not fill a page */
}

static void a_filesystem_that_only_caches_gets_snapshots_too(void **state)
{
    (void)state;
    struct disk caching = disk_posix;
    caching.open = open_never_direct;
    caching.pwrite = count_writes;
    take_snapshot_on(&caching);
    assert_int_equal(direct_writes, 0);
    assert_true(cached_writes > 2);
}

static void a_device_that_refuses_direct_writes_gets_snapshots_too(void **state)
{
    (void)state;
    struct disk refusing = disk_posix;
    refusing.pwrite = refuse_direct_writes;
    take_snapshot_on(&refusing);
    assert_true(cached_writes > 2);
}

static void a_short_direct_write_is_made_whole(void **state)
{
    (void)state;
    struct disk shortening = disk_posix;
    shortening.pwrite = write_short;
    take_snapshot_on(&shortening);
    assert_int_equal(direct_writes, 1);
    assert_true(cached_writes > 2);
}

static void a_snapshot_written_at_once_is_the_same(void **state)
{
    (void)state;
    struct error error;
    struct snapshot_header header;
    snapshot_fixture_put_policy("A", 100000, 3);
    snapshot_fixture_issue("A", 0, 40000);
    snapshot_fixture_issue("A", 0, 1000);
    uint64_t seq = journal_written_seq(fixture.journal);
    assert_int_equal(
        snapshot_write(journal_fixture_dir, journal_meta(fixture.journal), fixture.ledger, seq, fixture.now_us, &error),
        0);
    struct ledger *loaded = ledger_create(journal_meta(fixture.journal)->fingerprint_key);
    assert_int_equal(
        snapshot_load(journal_fixture_dir, seq, journal_meta(fixture.journal), loaded, &header, NULL, NULL, &error), 0);
    snapshot_fixture_assert_same(fixture.ledger, loaded, 40100);
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
    snapshot_destroy(&fixture.snapshot);
    assert_int_equal(snapshot_create(fixture.journal, &threaded, &fixture.snapshot, &error), 0);
    snapshot_fixture_put_policy("A", 10000000, 1);
    snapshot_fixture_issue("A", user, 50000);
    for (user = 50000; snapshot_fixture_count_files(".snapshot") == 0; user += 10) {
        snapshot_fixture_issue("A", user, 10);
        snapshot_step(fixture.snapshot, fixture.ledger);
    }
    snapshot_destroy(&fixture.snapshot); /* its thread reads the clock */
    snapshot_fixture_clock();
    snapshot_fixture_assert_recovers(60000);
    assert_true(fixture.recovered.snapshot_bytes > 0);
}

/* --- a start that is told to end --- */

#define MANY_COUPONS 40000u /* with long titles: a snapshot larger than what is loaded between two checks */

/* Writes a snapshot named after the first record, although it contains more. */
static void write_large_snapshot(void)
{
    struct error error = {{0}};
    struct coupon coupon = {.quantity = 1, .per_user_limit = 1, .created_at_us = 1, .updated_at_us = 1};
    struct ledger *ledger = ledger_create(journal_meta(fixture.journal)->fingerprint_key);
    coupon.starts_at_us = coupon.ends_at_us = coupon.redeem_until_us = TIME_NONE;
    coupon.journal_seq = 1;
    memset(coupon.title, 'x', TITLE_MAX);
    for (unsigned i = 0; i < MANY_COUPONS; i++) {
        snprintf(coupon.id, sizeof coupon.id, "%05u", i);
        assert_null(ledger_load_coupon(ledger, &coupon));
    }
    assert_null(ledger_load_end(ledger, 1));
    assert_int_equal(snapshot_write(journal_fixture_dir, journal_meta(fixture.journal), ledger, 1, 1, &error), 0);
    ledger_destroy(&ledger);
}

/* SIGTERM arrives once the loading of the snapshot has begun. */
static void *map_and_signal(int fd, size_t length)
{
    if (length > MANY_COUPONS * TITLE_MAX)
        assert_int_equal(kill(getpid(), SIGTERM), 0);
    return disk_posix.map(fd, length);
}

/* The signal is still pending after the start and must not end the test. */
static void take_signal(int number)
{
    (void)number;
}

static void a_start_ends_when_it_is_told_to_while_a_snapshot_loads(void **state)
{
    (void)state;
    struct disk signalling = disk_posix;
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    signal(SIGTERM, take_signal);
    snapshot_fixture_put_policy("00000", 1, 1);
    write_large_snapshot();
    snapshot_fixture_stop();
    signalling.map = map_and_signal;
    disk = &signalling;
    assert_int_equal(pthread_sigmask(SIG_BLOCK, &signals, NULL), 0);
    snapshot_fixture_assert_refused("stopped while recovering");
    assert_int_equal(pthread_sigmask(SIG_UNBLOCK, &signals, NULL), 0);
    signal(SIGTERM, SIG_DFL);
    disk = &disk_posix;
    snapshot_fixture_assert_starts();
    assert_int_equal(ledger_coupons(fixture.ledger), MANY_COUPONS);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, snapshot_fixture_setup, snapshot_fixture_teardown)

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
        TEST(a_snapshot_waits_until_the_journal_is_synced),
        TEST(a_full_disk_costs_a_snapshot_and_no_more),
        TEST(a_snapshot_goes_past_the_page_cache),
        TEST(a_filesystem_that_only_caches_gets_snapshots_too),
        TEST(a_device_that_refuses_direct_writes_gets_snapshots_too),
        TEST(a_short_direct_write_is_made_whole),
        TEST(a_snapshot_written_at_once_is_the_same),
        TEST(a_snapshot_is_written_by_its_own_thread_while_issuing_goes_on),
        TEST(a_start_ends_when_it_is_told_to_while_a_snapshot_loads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
