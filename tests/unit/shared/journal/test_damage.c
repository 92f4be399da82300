/*
 * The journal after a crash, damage or a mistake: a torn tail is cut, everything else is refused with file and offset.
 */
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "shared/journal/dir.h"
#include "shared/journal/reader.h"
#include "tests/unit/shared/journal/journal_fixture.h"

static void journal_survives_the_death_of_its_writer(void **state)
{
    (void)state;
    struct journal *journal = journal_fixture_open(0);
    journal_fixture_append(journal, 10);
    journal_fixture_crash(journal);
    journal = journal_fixture_open(10);
    journal_fixture_append(journal, 10);
    journal_fixture_crash(journal);
    journal = journal_fixture_open(20);
    journal_close(&journal);
}

static void journal_cuts_a_torn_tail(void **state)
{
    (void)state;
    struct journal *journal = journal_fixture_open(0);
    journal_fixture_append(journal, 10);
    off_t end = journal_fixture_end();
    journal_fixture_append(journal, 10);
    journal_fixture_crash(journal);
    journal_fixture_flip(1, end + 100, 0xff);
    journal_fixture_assert_cut(10);
}

static void journal_cuts_a_tail_whose_first_page_never_came_to_the_disk(void **state)
{
    (void)state;
    struct journal *journal = journal_fixture_open(0);
    journal_fixture_append(journal, 10);
    off_t end = journal_fixture_end();
    journal_fixture_append(journal, 1);
    journal_fixture_crash(journal);
    char path[JOURNAL_PATH_MAX];
    journal_segment_path(journal_fixture_dir, 1, path);
    int fd = open(path, O_RDWR);
    const unsigned char zeros[48] = {0};
    assert_int_equal(pwrite(fd, zeros, sizeof zeros, end), sizeof zeros);
    close(fd);
    journal_fixture_assert_cut(10);
}

static void journal_refuses_damage_before_a_batch_that_says_it_was_synced(void **state)
{
    (void)state;
    struct journal *journal = journal_fixture_open(0);
    journal_fixture_append(journal, 10);
    journal_fixture_append(journal, 10);
    journal_fixture_crash(journal);
    journal_fixture_flip(1, 64 + 100, 1);
    journal_fixture_assert_refused("damaged at offset 64");
}

static void journal_refuses_damage_in_the_last_batch_after_an_orderly_end(void **state)
{
    (void)state;
    struct journal *journal = journal_fixture_open(0);
    journal_fixture_append(journal, 10);
    journal_close(&journal);
    journal_fixture_flip(1, 64 + 100, 1);
    journal_fixture_assert_refused("the checksum does not match");
}

static void journal_refuses_damage_of_what_the_store_has(void **state)
{
    (void)state;
    struct journal *journal = journal_fixture_open(0);
    journal_fixture_append(journal, 10);
    struct error error;
    int fd = journal_acked_open(journal_fixture_dir, &error);
    assert_int_equal(journal_acked_write(fd, journal_meta(journal)->journal_id, (uint8_t[16]){0}, 10), 0);
    close(fd);
    journal_fixture_crash(journal);
    journal_fixture_flip(1, 64 + 100, 1);
    journal_fixture_assert_refused("damaged at offset 64");
}

static void journal_refuses_a_missing_segment(void **state)
{
    (void)state;
    struct journal *journal = journal_fixture_open(0);
    for (unsigned i = 0; i < 60; i++)
        journal_fixture_append(journal, 4000);
    journal_close(&journal);
    uint64_t *segments;
    size_t count;
    struct error error;
    char path[JOURNAL_PATH_MAX];
    assert_int_equal(journal_segments_list(journal_fixture_dir, &segments, &count, &error), 0);
    journal_segment_path(journal_fixture_dir, segments[1], path);
    free(segments);
    assert_int_equal(unlink(path), 0);
    journal_fixture_assert_refused("damaged at offset");
}

static void journal_refuses_a_second_writer(void **state)
{
    (void)state;
    struct journal *journal = journal_fixture_open(0);
    journal_fixture_assert_refused("in use by another issuer");
    assert_true(journal_dir_is_locked(journal_fixture_dir));
    journal_close(&journal);
    assert_false(journal_dir_is_locked(journal_fixture_dir));
}

static void change_meta(size_t offset, uint32_t value)
{
    char path[JOURNAL_PATH_MAX];
    snprintf(path, sizeof path, "%s/meta", journal_fixture_dir);
    int fd = open(path, O_RDWR);
    assert_int_equal(pwrite(fd, &value, sizeof value, (off_t)offset), sizeof value);
    close(fd);
}

static void journal_refuses_another_version(void **state)
{
    (void)state;
    struct journal *journal = journal_fixture_open(0);
    journal_close(&journal);
    change_meta(offsetof(struct journal_meta, version), 9);
    journal_fixture_assert_refused("version 9");
}

static void journal_refuses_a_damaged_identity(void **state)
{
    (void)state;
    struct journal *journal = journal_fixture_open(0);
    journal_close(&journal);
    change_meta(offsetof(struct journal_meta, journal_id), 0);
    journal_fixture_assert_refused("checksum");
}

static void journal_refuses_another_number_of_partitions(void **state)
{
    (void)state;
    struct journal *journal = journal_fixture_open(0);
    journal_close(&journal);
    struct journal_config config = {.dir = journal_fixture_dir, .partitions = 4, .segment_bytes = 2u << 20};
    struct error error;
    assert_int_equal(journal_open(&config, &journal, &error), -1);
    assert_non_null(strstr(error.text, "created with issuer/partitions = 1, not 4"));
}

static void journal_refuses_segments_without_identity(void **state)
{
    (void)state;
    struct journal *journal = journal_fixture_open(0);
    journal_close(&journal);
    char path[JOURNAL_PATH_MAX];
    snprintf(path, sizeof path, "%s/meta", journal_fixture_dir);
    assert_int_equal(unlink(path), 0);
    journal_fixture_assert_refused("meta is missing");
}

/* Three segments, the last of them with at least one record. Returns where the first ends; *second is where the second
 * begins. */
static struct journal *fill_segments(uint64_t *second)
{
    struct journal *journal = journal_fixture_open(0);
    for (unsigned i = 0; i < 60; i++)
        journal_fixture_append(journal, 4000);
    uint64_t *segments;
    size_t count;
    struct error error;
    assert_int_equal(journal_segments_list(journal_fixture_dir, &segments, &count, &error), 0);
    assert_true(count >= 3);
    *second = segments[1];
    free(segments);
    return journal;
}

static off_t end_of_segment(uint64_t last_seq)
{
    struct journal_reader *reader;
    struct error error;
    const void *batch;
    assert_int_equal(journal_reader_open(journal_fixture_dir, &reader, &error), 0);
    struct journal_position position;
    struct journal_batch_header header;
    do {
        assert_int_equal(journal_reader_next(reader, &batch, &header, &error), JOURNAL_READ_BATCH);
        journal_reader_position(reader, &position);
    } while (position.next_seq <= last_seq);
    journal_reader_close(&reader);
    return (off_t)position.offset;
}

static void journal_refuses_bytes_behind_the_end_of_a_segment_that_has_a_successor(void **state)
{
    (void)state;
    uint64_t second;
    struct journal *journal = fill_segments(&second);
    off_t end = end_of_segment(second - 1);
    journal_fixture_crash(journal);
    journal_fixture_flip(1, end + 8, 1);
    journal_fixture_assert_refused("damaged at offset");
    journal_fixture_flip(1, end + 8, 1);
    journal_fixture_flip(1, end + 4000, 1);
    journal_fixture_assert_refused("data after the end");
}

static void journal_refuses_to_begin_without_its_first_segment(void **state)
{
    (void)state;
    uint64_t second;
    char path[JOURNAL_PATH_MAX];
    struct journal *journal = fill_segments(&second);
    journal_close(&journal);
    journal_segment_path(journal_fixture_dir, 1, path);
    assert_int_equal(unlink(path), 0);
    journal_fixture_assert_refused("is missing");
}

static void journal_refuses_to_begin_anew_once_it_was_streamed(void **state)
{
    (void)state;
    char path[JOURNAL_PATH_MAX];
    struct error error;
    struct journal *journal = journal_fixture_open(0);
    journal_fixture_append(journal, 10);
    int fd = journal_acked_open(journal_fixture_dir, &error);
    close(fd);
    journal_close(&journal);
    journal_segment_path(journal_fixture_dir, 1, path);
    assert_int_equal(unlink(path), 0);
    journal_fixture_assert_refused("is missing");
}

/* With an interval, a power loss may take unsynced records, but not those of a finished segment. */
static void journal_that_is_synced_at_intervals_cuts_an_unsynced_tail_behind_a_roll(void **state)
{
    (void)state;
    struct journal *journal;
    struct journal_recovery recovery;
    struct error error;
    uint64_t records, *segments;
    size_t count;
    assert_int_equal(journal_fixture_try_open(3600000, &records, &recovery, &journal, &error), 0);
    do {
        journal_fixture_append(journal, 4000);
        assert_int_equal(journal_segments_list(journal_fixture_dir, &segments, &count, &error), 0);
        records = segments[count - 1];
        free(segments);
    } while (count < 2);
    journal_fixture_crash(journal);
    journal_fixture_flip(records, 64 + 100, 1); /* the first batch of the new segment */
    journal_fixture_assert_cut(records - 1);
}

struct watcher {
    _Atomic bool stop;
    unsigned alarms;
};

/* Reads a live journal to its end, again and again. */
static void *watch(void *arg)
{
    struct watcher *watcher = arg;
    while (!atomic_load(&watcher->stop)) {
        struct journal_reader *reader;
        struct journal_batch_header header;
        struct error error;
        const void *batch;
        enum journal_read read;
        if (journal_reader_open(journal_fixture_dir, &reader, &error) != 0)
            break;
        while ((read = journal_reader_next(reader, &batch, &header, &error)) == JOURNAL_READ_BATCH)
            ;
        watcher->alarms += read != JOURNAL_READ_END;
        journal_reader_close(&reader);
    }
    return NULL;
}

static void live_journal_never_looks_damaged(void **state)
{
    (void)state;
    struct watcher watcher = {.alarms = 0};
    pthread_t thread;
    struct journal *journal = journal_fixture_open(0);
    journal_fixture_append(journal, 1);
    assert_int_equal(pthread_create(&thread, NULL, watch, &watcher), 0);
    for (unsigned i = 0; i < 150; i++)
        journal_fixture_append(journal, 8000);
    atomic_store(&watcher.stop, true);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(watcher.alarms, 0);
    journal_close(&journal);
}

static void writer_does_not_wait_for_the_interval_at_the_end_of_a_segment(void **state)
{
    (void)state;
    struct journal *journal;
    struct journal_recovery recovery;
    struct error error;
    uint64_t records;
    assert_int_equal(journal_fixture_try_open(3600000, &records, &recovery, &journal, &error), 0);
    for (unsigned i = 0; i < 100; i++) /* several segments; with an hour's wait at each this would never end */
        journal_fixture_append(journal, 4000);
    journal_close(&journal);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, journal_fixture_setup, journal_fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(journal_survives_the_death_of_its_writer),
        TEST(journal_cuts_a_torn_tail),
        TEST(journal_cuts_a_tail_whose_first_page_never_came_to_the_disk),
        TEST(journal_refuses_damage_before_a_batch_that_says_it_was_synced),
        TEST(journal_refuses_damage_in_the_last_batch_after_an_orderly_end),
        TEST(journal_refuses_damage_of_what_the_store_has),
        TEST(journal_refuses_a_missing_segment),
        TEST(journal_refuses_a_second_writer),
        TEST(journal_refuses_another_version),
        TEST(journal_refuses_a_damaged_identity),
        TEST(journal_refuses_another_number_of_partitions),
        TEST(journal_refuses_segments_without_identity),
        TEST(journal_refuses_bytes_behind_the_end_of_a_segment_that_has_a_successor),
        TEST(journal_refuses_to_begin_without_its_first_segment),
        TEST(journal_refuses_to_begin_anew_once_it_was_streamed),
        TEST(journal_that_is_synced_at_intervals_cuts_an_unsynced_tail_behind_a_roll),
        TEST(live_journal_never_looks_damaged),
        TEST(writer_does_not_wait_for_the_interval_at_the_end_of_a_segment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
