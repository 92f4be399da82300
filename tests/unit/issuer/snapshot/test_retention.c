/*
 * Files that snapshots and the store make unnecessary are removed, and no others.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "issuer/snapshot/retention.h"
#include "shared/disk.h"
#include "shared/journal/dir.h"
#include "shared/journal/snapshot_format.h"
#include "tests/unit/issuer/snapshot/snapshot_fixture.h"

static void segments_go_when_two_snapshots_and_the_store_have_them(void **state)
{
    (void)state;
    snapshot_fixture_put_policy("A", 1000000, 1);
    snapshot_fixture_issue("A", 0, 100000);
    size_t segments = snapshot_fixture_count_files(".segment");
    assert_true(segments >= 2);
    snapshot_fixture_take_snapshot();
    snapshot_fixture_acknowledge(journal_written_seq(fixture.journal));
    fixture.mono_us += 10000000;
    while (snapshot_work(fixture.snapshot))
        ;
    assert_int_equal(snapshot_fixture_count_files(".segment"), segments); /* one snapshot is not enough */
    snapshot_fixture_issue("A", 100000, 100000);
    segments = snapshot_fixture_count_files(".segment");
    snapshot_fixture_acknowledge(1);
    snapshot_fixture_take_snapshot();
    assert_int_equal(snapshot_fixture_count_files(".segment"), segments); /* the store does not have them */
    snapshot_fixture_acknowledge(journal_written_seq(fixture.journal));
    fixture.mono_us += 10000000;
    while (snapshot_work(fixture.snapshot))
        ;
    assert_true(snapshot_fixture_count_files(".segment") < segments);
    snapshot_fixture_assert_recovers(1000);
    snapshot_fixture_damage_newest();
    snapshot_fixture_assert_recovers(1000);
    snapshot_fixture_damage_newest();
    snapshot_fixture_stop();
    uint64_t *numbers;
    size_t count;
    struct error error;
    assert_int_equal(snapshot_list(journal_fixture_dir, &numbers, &count, &error), 0);
    for (size_t i = 0; i < count; i++) {
        char path[JOURNAL_PATH_MAX];
        snapshot_path(journal_fixture_dir, numbers[i], path);
        snapshot_fixture_flip(path, 200);
    }
    free(numbers);
    snapshot_fixture_assert_refused("missing");
}

/* When the first segment is removed, the store turns out to have lost records. */
static int unlink_and_fall_behind(const char *path)
{
    struct error error;
    int fd = journal_acked_open(journal_fixture_dir, &error);
    assert_int_equal(journal_acked_write(fd, journal_meta(fixture.journal)->journal_id, (uint8_t[16]){0}, 1), 0);
    close(fd);
    return disk_posix.unlink(path);
}

static void segments_stay_when_the_store_falls_behind_while_others_go(void **state)
{
    (void)state;
    struct disk racing = disk_posix;
    struct error error;
    size_t removed;
    racing.unlink = unlink_and_fall_behind;
    snapshot_fixture_put_policy("A", 1000000, 1);
    for (unsigned i = 0; i < 2; i++) {
        snapshot_fixture_issue("A", i * 200000, 200000);
        snapshot_fixture_acknowledge(1);
        snapshot_fixture_take_snapshot();
    }
    size_t segments = snapshot_fixture_count_files(".segment");
    snapshot_fixture_acknowledge(journal_written_seq(fixture.journal));
    disk = &racing;
    int result = retention_segments(journal_fixture_dir, journal_meta(fixture.journal)->journal_id, UINT64_MAX,
                                    &removed, &error);
    disk = &disk_posix;
    if (result != 0)
        fail_msg("%s", error.text);
    assert_int_equal(removed, 1);
    assert_int_equal(snapshot_fixture_count_files(".segment"), segments - 1);
}

/* Otherwise recovery would have to fall back to the damaged one, and the segments for the older one would be gone. */
static void a_snapshot_that_was_found_damaged_does_not_count_among_the_two(void **state)
{
    (void)state;
    snapshot_fixture_put_policy("A", 1000000, 1);
    for (unsigned i = 0; i < 3; i++) {
        snapshot_fixture_issue("A", ((1u << i) - 1) * 100000, (1u << i) * 100000);
        snapshot_fixture_take_snapshot();
        if (i != 1)
            continue;
        snapshot_fixture_damage_newest();
        snapshot_fixture_stop();
        snapshot_fixture_assert_starts();
    }
    snapshot_fixture_acknowledge(journal_written_seq(fixture.journal));
    fixture.mono_us += 10000000;
    while (snapshot_work(fixture.snapshot))
        ;
    snapshot_fixture_damage_newest();
    snapshot_fixture_assert_recovers(1000);
}

static void only_two_snapshots_are_kept(void **state)
{
    (void)state;
    snapshot_fixture_put_policy("A", 100000, 1);
    for (unsigned i = 0; i < 4; i++) {
        snapshot_fixture_issue("A", (1u << i) * 4000, (1u << i) * 4000);
        snapshot_fixture_take_snapshot();
    }
    assert_int_equal(snapshot_fixture_count_files(".snapshot"), 2);
    snapshot_fixture_assert_recovers(64000);
}

static void what_an_ended_process_left_unfinished_is_removed(void **state)
{
    (void)state;
    char path[JOURNAL_PATH_MAX];
    snapshot_fixture_put_policy("A", 100, 1);
    snapshot_unfinished_path(journal_fixture_dir, path);
    int fd = open(path, O_CREAT | O_WRONLY, 0666);
    assert_true(fd >= 0);
    close(fd);
    snapshot_fixture_assert_recovers(1);
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

#define TEST(function) cmocka_unit_test_setup_teardown(function, snapshot_fixture_setup, snapshot_fixture_teardown)

static void segments_outlive_an_acknowledgement_by_the_time_that_is_set(void **state)
{
    (void)state;
    struct retention_memory memory = {0};
    assert_int_equal(retention_recall(&memory, 100, 1000, 6300), 0);
    assert_int_equal(retention_recall(&memory, 200, 4000, 6300), 0);
    assert_int_equal(retention_recall(&memory, 300, 7299, 6300), 0);
    assert_int_equal(retention_recall(&memory, 300, 7300, 6300), 100);
    assert_int_equal(retention_recall(&memory, 300, 10300, 6300), 200);
    assert_int_equal(retention_recall(&memory, 150, 10301, 6300), 150); /* the store has lost records */
    assert_int_equal(retention_recall(&memory, 400, 10302, 0), 400);
}

static void the_memory_of_acknowledgements_never_overflows(void **state)
{
    (void)state;
    struct retention_memory memory = {0};
    for (int64_t now_us = 0; now_us < 100000; now_us++) {
        uint64_t limit = retention_recall(&memory, (uint64_t)now_us, now_us, 6300);
        assert_true(memory.count <= RETENTION_NOTES_MAX);
        assert_true(limit + 6300 <= (uint64_t)now_us || limit == 0);
        assert_true(now_us < 7000 || limit + 6300 + 102 >= (uint64_t)now_us);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(segments_go_when_two_snapshots_and_the_store_have_them),
        TEST(segments_stay_when_the_store_falls_behind_while_others_go),
        TEST(a_snapshot_that_was_found_damaged_does_not_count_among_the_two),
        TEST(only_two_snapshots_are_kept),
        TEST(what_an_ended_process_left_unfinished_is_removed),
        TEST(the_last_segment_always_stays),
        cmocka_unit_test(segments_outlive_an_acknowledgement_by_the_time_that_is_set),
        cmocka_unit_test(the_memory_of_acknowledgements_never_overflows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
