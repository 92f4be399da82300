/*
 * A journal whose files are removed while it is open stops the process, because its writes would be lost.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "shared/disk.h"
#include "shared/journal/dir.h"
#include "shared/journal/journal.h"
#include "shared/journal/state.h"
#include "shared/options/options.h"
#include "tests/unit/shared/journal/journal_fixture.h"

#define MOVED_MAX (sizeof journal_fixture_dir + 8)

/* --- fixture --- */

static struct journal *journal;
static jmp_buf stopped;
static int status;
static struct disk watched;

static void on_stop(int with)
{
    status = with;
    longjmp(stopped, 1);
}

static int setup(void **state)
{
    if (journal_fixture_setup(state) != 0)
        return -1;
    watched = disk_posix;
    watched.stop = on_stop;
    disk = &watched;
    status = -1;
    journal = journal_fixture_open_by_hand(SYNC_ALWAYS);
    journal_fixture_append(journal, 3);
    return 0;
}

static int teardown(void **state)
{
    journal_abandon(&journal);
    disk = &disk_posix;
    return journal_fixture_teardown(state);
}

/* --- helpers --- */

static void moved_path(char out[MOVED_MAX])
{
    snprintf(out, MOVED_MAX, "%s.moved", journal_fixture_dir);
}

static void path_of(const char *name, char out[JOURNAL_PATH_MAX])
{
    snprintf(out, JOURNAL_PATH_MAX, "%s/%s", journal_fixture_dir, name);
}

/* Does the worker's check; true when it ended the process. */
static bool check_stops(void)
{
    if (setjmp(stopped) == 0)
        journal_check_place(journal);
    return status == 1;
}

static void make_file(const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT, 0600);
    assert_true(fd >= 0);
    close(fd);
}

/* --- tests --- */

static void a_journal_whose_files_stay_goes_on(void **state)
{
    (void)state;
    assert_false(check_stops());
    journal_fixture_append(journal, 3);
    assert_true(journal_roll(journal));
    assert_false(check_stops());
}

static void a_folder_that_is_renamed_stops_the_process(void **state)
{
    (void)state;
    char moved[MOVED_MAX];
    moved_path(moved);
    assert_int_equal(rename(journal_fixture_dir, moved), 0);
    bool noticed = check_stops();
    assert_int_equal(rename(moved, journal_fixture_dir), 0);
    assert_true(noticed);
}

static void a_folder_that_is_replaced_stops_the_process(void **state)
{
    (void)state;
    char moved[MOVED_MAX], lock[JOURNAL_PATH_MAX];
    moved_path(moved);
    path_of("lock", lock);
    assert_int_equal(rename(journal_fixture_dir, moved), 0);
    assert_int_equal(mkdir(journal_fixture_dir, 0700), 0);
    make_file(lock);
    bool noticed = check_stops();
    assert_int_equal(unlink(lock), 0);
    assert_int_equal(rmdir(journal_fixture_dir), 0);
    assert_int_equal(rename(moved, journal_fixture_dir), 0);
    assert_true(noticed);
}

static void a_lock_that_is_replaced_stops_the_process(void **state)
{
    (void)state;
    char lock[JOURNAL_PATH_MAX], other[JOURNAL_PATH_MAX];
    path_of("lock", lock);
    path_of("other", other);
    make_file(other);
    assert_int_equal(rename(other, lock), 0);
    assert_true(check_stops());
}

static void a_segment_that_is_unlinked_stops_the_process(void **state)
{
    (void)state;
    char path[JOURNAL_PATH_MAX];
    journal_segment_path(journal_fixture_dir, 1, path);
    assert_int_equal(unlink(path), 0);
    assert_true(check_stops());
}

static void a_segment_that_is_replaced_stops_the_process(void **state)
{
    (void)state;
    char path[JOURNAL_PATH_MAX], other[JOURNAL_PATH_MAX];
    journal_segment_path(journal_fixture_dir, 1, path);
    path_of("other", other);
    make_file(other);
    assert_int_equal(rename(other, path), 0);
    assert_true(check_stops());
}

/* Retention removes such a segment, once a snapshot and the store have it. */
static void a_segment_that_is_no_longer_written_may_go(void **state)
{
    (void)state;
    char path[JOURNAL_PATH_MAX];
    assert_true(journal_roll(journal));
    journal_segment_path(journal_fixture_dir, 1, path);
    assert_int_equal(unlink(path), 0);
    assert_false(check_stops());
}

static void the_worker_looks_by_itself(void **state)
{
    (void)state;
    char path[JOURNAL_PATH_MAX];
    journal_segment_path(journal_fixture_dir, 1, path);
    assert_int_equal(unlink(path), 0);
    journal->next_check_us = 0; /* it is due */
    if (setjmp(stopped) == 0)
        journal_work(journal);
    assert_int_equal(status, 1);
}

/* --- a slow disk --- */

static pthread_mutex_t slow_mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t slow_changed = PTHREAD_COND_INITIALIZER;
static pthread_t tester;
static bool syncing, noticed, released;

/* Makes the worker take as long for the next segment as the test wants. */
static int sync_slowly(int fd)
{
    if (pthread_equal(pthread_self(), tester))
        return fsync(fd);
    pthread_mutex_lock(&slow_mutex);
    syncing = true;
    pthread_cond_broadcast(&slow_changed);
    while (!released)
        pthread_cond_wait(&slow_changed, &slow_mutex);
    pthread_mutex_unlock(&slow_mutex);
    return 0;
}

static void end_thread(int with)
{
    pthread_mutex_lock(&slow_mutex);
    noticed = with == 1;
    pthread_cond_broadcast(&slow_changed);
    pthread_mutex_unlock(&slow_mutex);
    pthread_exit(NULL);
}

/* False when it does not happen within ten seconds. */
static bool wait_until(const bool *flag)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 10;
    pthread_mutex_lock(&slow_mutex);
    while (!*flag && pthread_cond_timedwait(&slow_changed, &slow_mutex, &until) == 0)
        ;
    bool came = *flag;
    pthread_mutex_unlock(&slow_mutex);
    return came;
}

static void release_sync(void)
{
    pthread_mutex_lock(&slow_mutex);
    released = true;
    pthread_cond_broadcast(&slow_changed);
    pthread_mutex_unlock(&slow_mutex);
}

static void the_folder_is_looked_at_while_a_segment_is_synced_slowly(void **state)
{
    (void)state;
    char lock[JOURNAL_PATH_MAX], moved[JOURNAL_PATH_MAX];
    path_of("lock", lock);
    path_of("moved", moved);
    journal_abandon(&journal);
    tester = pthread_self();
    watched.fsync = sync_slowly;
    watched.stop = end_thread;
    journal = journal_fixture_open(3);
    assert_true(wait_until(&syncing));
    assert_int_equal(rename(lock, moved), 0);
    bool came = wait_until(&noticed);
    release_sync();
    journal_abandon(&journal);
    assert_true(came);
}

/* --- no descriptors left --- */

static int open_none(const char *path, int flags)
{
    (void)path, (void)flags;
    errno = EMFILE;
    return -1;
}

static int sync_no_dir(const char *path)
{
    (void)path;
    errno = EMFILE;
    return -1;
}

static void a_journal_without_descriptors_refuses_when_its_segments_are_full_and_goes_on_later(void **state)
{
    (void)state;
    journal_work(journal); /* the next segment is ready */
    watched.open = open_none;
    watched.sync_dir = sync_no_dir;
    if (setjmp(stopped) == 0) {
        assert_true(journal_roll(journal));
        journal_fixture_append(journal, 3);
        assert_false(journal_roll(journal));
    }
    assert_int_equal(status, -1);
    watched = disk_posix;
    watched.stop = on_stop;
    journal_work(journal);
    assert_true(journal_roll(journal));
    journal_fixture_append(journal, 3);
    assert_false(check_stops());
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_journal_whose_files_stay_goes_on),
        TEST(a_folder_that_is_renamed_stops_the_process),
        TEST(a_folder_that_is_replaced_stops_the_process),
        TEST(a_lock_that_is_replaced_stops_the_process),
        TEST(a_segment_that_is_unlinked_stops_the_process),
        TEST(a_segment_that_is_replaced_stops_the_process),
        TEST(a_segment_that_is_no_longer_written_may_go),
        TEST(the_worker_looks_by_itself),
        TEST(the_folder_is_looked_at_while_a_segment_is_synced_slowly),
        TEST(a_journal_without_descriptors_refuses_when_its_segments_are_full_and_goes_on_later),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
