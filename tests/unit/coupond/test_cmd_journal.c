/* `coupond journal` beside an issuer that removes segments, and with files that are damaged or cannot be read. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "coupond/commands.h"
#include "shared/disk.h"
#include "shared/journal/dir.h"
#include "shared/journal/snapshot_format.h"
#include "tests/unit/shared/journal/journal_fixture.h"

/* --- fixture --- */

static struct journal *journal;
static uint64_t *segments;
static size_t segments_count;

static void list_segments(void)
{
    free(segments);
    struct error error;
    if (journal_segments_list(journal_fixture_dir, &segments, &segments_count, &error) != 0)
        fail_msg("%s", error.text);
}

/* A journal of three segments, none of them removed yet. */
static int setup(void **state)
{
    if (journal_fixture_setup(state) != 0)
        return -1;
    journal = journal_fixture_open(0);
    do {
        journal_fixture_append(journal, 4000);
        list_segments();
    } while (segments_count < 3);
    return 0;
}

static int teardown(void **state)
{
    journal_close(&journal);
    free(segments);
    segments = NULL;
    return journal_fixture_teardown(state);
}

/* --- helpers --- */

/* Removes the first two segments as soon as the first is read. */
static void *map_and_remove(int fd, size_t length)
{
    void *map = disk_posix.map(fd, length);
    for (size_t i = 0; i < 2; i++) {
        char path[JOURNAL_PATH_MAX];
        journal_segment_path(journal_fixture_dir, segments[i], path);
        remove(path);
    }
    return map;
}

static int run(const char *action)
{
    char *argv[] = {(char *)(uintptr_t) "journal", (char *)(uintptr_t)action, journal_fixture_dir, NULL};
    return cmd_journal(3, argv);
}

static const char *refused; /* the end of the paths that cannot be opened */

static int open_unless_refused(const char *path, int flags)
{
    size_t length = strlen(path), of_end = strlen(refused);
    if (length < of_end || strcmp(path + length - of_end, refused) != 0)
        return disk_posix.open(path, flags);
    errno = EACCES;
    return -1;
}

static int check_without(const char *end)
{
    struct disk refusing = disk_posix;
    refusing.open = open_unless_refused;
    refused = end;
    disk = &refusing;
    int status = run("check");
    disk = &disk_posix;
    return status;
}

/* --- tests --- */

static void a_journal_that_keeps_its_segments_is_sound(void **state)
{
    (void)state;
    assert_int_equal(run("check"), 0);
}

static void segments_that_are_removed_while_they_are_read_are_no_damage(void **state)
{
    (void)state;
    struct disk racing = disk_posix;
    racing.map = map_and_remove;
    disk = &racing;
    int status = run("check");
    disk = &disk_posix;
    assert_int_equal(status, 2);
}

static void a_segment_that_is_missing_in_the_middle_is_damage(void **state)
{
    (void)state;
    char path[JOURNAL_PATH_MAX];
    journal_segment_path(journal_fixture_dir, segments[1], path);
    remove(path);
    assert_int_equal(run("check"), 1);
}

static void a_file_that_cannot_be_read_is_no_damage(void **state)
{
    (void)state;
    assert_int_equal(check_without("/meta"), 2);
    assert_int_equal(check_without(".segment"), 2);
    assert_int_equal(check_without("/uncompared"), 2);
    assert_int_equal(check_without("/former_stores"), 2);
}

static ssize_t cannot_pread(int fd, void *bytes, size_t length, off_t offset)
{
    if (offset == 0 && length == sizeof(struct journal_segment_header)) {
        errno = EIO;
        return -1;
    }
    return disk_posix.pread(fd, bytes, length, offset);
}

static void a_segment_whose_header_cannot_be_read_is_no_damage(void **state)
{
    (void)state;
    struct disk failing = disk_posix;
    failing.pread = cannot_pread;
    disk = &failing;
    int status = run("check");
    disk = &disk_posix;
    assert_int_equal(status, 2);
}

static void a_snapshot_is_damaged_only_if_its_bytes_are(void **state)
{
    (void)state;
    char path[JOURNAL_PATH_MAX];
    snapshot_path(journal_fixture_dir, 1, path);
    fclose(fopen(path, "w"));
    assert_int_equal(check_without(".snapshot"), 2);
    assert_int_equal(run("check"), 1);
}

static void damage_in_the_meta_is_damage(void **state)
{
    (void)state;
    char path[JOURNAL_PATH_MAX + 8];
    snprintf(path, sizeof path, "%s/meta", journal_fixture_dir);
    assert_int_equal(truncate(path, 10), 0);
    assert_int_equal(run("check"), 1);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_journal_that_keeps_its_segments_is_sound),
        TEST(segments_that_are_removed_while_they_are_read_are_no_damage),
        TEST(a_segment_that_is_missing_in_the_middle_is_damage),
        TEST(a_file_that_cannot_be_read_is_no_damage),
        TEST(a_segment_whose_header_cannot_be_read_is_no_damage),
        TEST(a_snapshot_is_damaged_only_if_its_bytes_are),
        TEST(damage_in_the_meta_is_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
