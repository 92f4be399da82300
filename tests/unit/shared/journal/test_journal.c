/*
 * The journal: it reads back what was written, reports full disks, and a follower reads everything that is synced.
 */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "shared/journal/dir.h"
#include "shared/journal/reader.h"
#include "shared/options/options.h"
#include "tests/unit/shared/journal/journal_fixture.h"

#define SEGMENT (2u << 20)

static void journal_reads_back_what_was_written(void **state)
{
    (void)state;
    struct journal *journal = journal_fixture_open(0);
    journal_fixture_append(journal, 1);
    journal_fixture_append(journal, 100);
    assert_int_equal(journal_written_seq(journal), 101);
    assert_int_equal(journal_synced_seq(journal), 101);
    journal_close(&journal);
    journal = journal_fixture_open(101);
    journal_fixture_append(journal, 5);
    journal_close(&journal);
    journal = journal_fixture_open(106);
    journal_close(&journal);
}

static void journal_keeps_every_member_of_a_coupon(void **state)
{
    (void)state;
    struct coupon coupon = {.id = "C-1",
                            .title = "\xec\xbf\xa0\xed\x8f\xb0",
                            .quantity = QUANTITY_MAX,
                            .per_user_limit = 7,
                            .paused = true,
                            .starts_at_us = 5,
                            .ends_at_us = TIME_NONE,
                            .redeem_until_us = TIME_NONE,
                            .created_at_us = 9};
    unsigned char bytes[sizeof(struct journal_batch_header) + JOURNAL_RECORD_BYTES_MAX];
    const uint8_t id[16] = {1};
    struct journal_batch_header header = {.count = 1, .first_seq = 3, .time_us = 11, .synced_seq = 2};
    header.length = (uint32_t)(sizeof header + journal_encode_coupon(bytes + sizeof header, &coupon, NULL));
    memcpy(bytes, &header, sizeof header);
    header.checksum = journal_batch_checksum(bytes, header.length, id);
    memcpy(bytes, &header, sizeof header);
    assert_int_equal(journal_batch_scan(bytes, sizeof bytes, id, &header, NULL), JOURNAL_SCAN_BATCH);

    struct journal_batch_reader reader;
    struct journal_record record;
    journal_batch_reader_init(&reader, bytes);
    assert_true(journal_batch_reader_next(&reader, &record));
    assert_int_equal(record.type, JOURNAL_COUPON);
    assert_int_equal(record.seq, 3);
    assert_int_equal(record.time_us, 11);
    assert_memory_equal(record.coupon_id, "C-1", 3);
    assert_int_equal(record.coupon.text_lengths[COUPON_TEXT_TITLE], 6);
    assert_memory_equal(record.coupon.texts[COUPON_TEXT_TITLE], coupon.title, 6);
    assert_int_equal(record.coupon.quantity, QUANTITY_MAX);
    assert_int_equal(record.coupon.per_user_limit, 7);
    assert_true(record.coupon.paused);
    assert_int_equal(record.coupon.starts_at_us, 5);
    assert_true(record.coupon.ends_at_us == TIME_NONE);
    assert_int_equal(record.coupon.created_at_us, 9);
    assert_false(journal_batch_reader_next(&reader, &record));
}

static void scan_refuses_every_flipped_bit_of_a_batch(void **state)
{
    (void)state;
    unsigned char bytes[256] = {0};
    const uint8_t id[16] = {1};
    struct journal_batch_header header = {.count = 1, .first_seq = 1};
    header.length = (uint32_t)(sizeof header + journal_encode_issue(bytes + sizeof header, "A", 1, "u", 1, 1, 1));
    memcpy(bytes, &header, sizeof header);
    header.checksum = journal_batch_checksum(bytes, header.length, id);
    memcpy(bytes, &header, sizeof header);
    for (unsigned bit = 0; bit < header.length * 8; bit++) {
        struct journal_batch_header scanned;
        bytes[bit / 8] ^= (unsigned char)(1u << bit % 8);
        assert_int_equal(journal_batch_scan(bytes, sizeof bytes, id, &scanned, NULL), JOURNAL_SCAN_BAD);
        bytes[bit / 8] ^= (unsigned char)(1u << bit % 8);
    }
}

static void journal_goes_on_in_the_next_segment(void **state)
{
    (void)state;
    struct journal *journal = journal_fixture_open(0);
    for (unsigned i = 0; i < 60; i++)
        journal_fixture_append(journal, 4000);
    journal_close(&journal);
    uint64_t *segments;
    size_t count;
    struct error error;
    assert_int_equal(journal_segments_list(journal_fixture_dir, &segments, &count, &error), 0);
    assert_true(count >= 3);
    free(segments);
    journal = journal_fixture_open(240000);
    journal_close(&journal);
}

static struct journal *open_with_segments_of(size_t segment_bytes)
{
    struct journal_config config = {.dir = journal_fixture_dir, .partitions = 1, .segment_bytes = segment_bytes};
    struct journal *journal;
    struct error error;
    uint64_t records = 0;
    assert_int_equal(journal_open(&config, &journal, &error), 0);
    struct journal_recovery recovery;
    assert_int_equal(journal_replay(journal, journal_fixture_count, &records, &recovery, &error), 0);
    return journal;
}

/* A limit on file sizes simulates a full disk: the active segment is within it, the next one is not. */
static void journal_refuses_to_reserve_on_a_full_disk_and_recovers(void **state)
{
    (void)state;
    struct rlimit limit, small;
    struct journal *journal = journal_fixture_open(0);
    journal_close(&journal);
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    small = limit;
    small.rlim_cur = 3u << 20;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);

    journal = open_with_segments_of(4u << 20);
    size_t bytes = journal_bytes_max(4000, 0, 0);
    while (journal_reserve(journal, bytes))
        journal_fixture_append(journal, 4000);
    uint64_t kept = journal_written_seq(journal);
    assert_true(kept > 0);
    assert_true(journal_is_full(journal));
    assert_true(journal_reserve(
        journal, journal_bytes_max(0, 0, 0))); /* room for small batches is no room for the next segment */
    assert_true(journal_is_full(journal));

    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    while (journal_is_full(journal)) /* until the worker has found room by itself */
        sched_yield();
    assert_true(journal_reserve(journal, bytes));
    journal_fixture_append(journal, 4000);
    journal_close(&journal);
    journal = journal_fixture_open(kept + 4000);
    journal_close(&journal);
}

struct follower {
    struct journal *journal;
    struct journal_signal *signal;
    uint64_t until;
};

/* Reads behind the writer, like the stream. */
static void *follow(void *arg)
{
    struct follower *follower = arg;
    struct journal_reader *reader;
    struct error error;
    const void *batch;
    uint64_t records = 0, value;
    if (journal_reader_open(journal_fixture_dir, &reader, &error) != 0)
        return NULL;
    struct journal_batch_header header;
    while (records < follower->until) {
        atomic_store(&follower->signal->waiting, true);
        if (journal_synced_seq(follower->journal) == records) {
            if (read(follower->signal->fd, &value, sizeof value) < 0)
                break;
            continue;
        }
        if (journal_reader_next(reader, &batch, &header, &error) != JOURNAL_READ_BATCH)
            break;
        records += header.count;
    }
    journal_reader_close(&reader);
    return (void *)(uintptr_t)records;
}

static void follow_while_writing(int64_t sync_interval_ms)
{
    struct journal_signal signal = {.fd = eventfd(0, EFD_CLOEXEC)};
    struct journal_config config = {.dir = journal_fixture_dir,
                                    .partitions = 1,
                                    .segment_bytes = SEGMENT,
                                    .sync_interval_ms = sync_interval_ms,
                                    .signal = &signal};
    struct journal *journal;
    struct error error;
    uint64_t records = 0;
    void *followed;
    assert_int_equal(journal_open(&config, &journal, &error), 0);
    struct journal_recovery recovery;
    assert_int_equal(journal_replay(journal, journal_fixture_count, &records, &recovery, &error), 0);
    struct follower follower = {.journal = journal, .signal = &signal, .until = 120000};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, follow, &follower), 0);
    for (unsigned i = 0; i < 240; i++)
        journal_fixture_append(journal, 500);
    assert_int_equal(pthread_join(thread, &followed), 0);
    assert_int_equal((uintptr_t)followed, 120000);
    journal_close(&journal);
    close(signal.fd);
}

static void follower_reads_all_that_is_synced_before_every_answer(void **state)
{
    (void)state;
    follow_while_writing(SYNC_ALWAYS);
}

static void follower_reads_all_that_is_synced_every_few_milliseconds(void **state)
{
    (void)state;
    follow_while_writing(5);
}

static void follower_reads_all_that_is_synced_by_the_system(void **state)
{
    (void)state;
    follow_while_writing(SYNC_OS);
}

static void reader_seeks_to_the_batch_of_a_record(void **state)
{
    (void)state;
    struct journal *journal = journal_fixture_open(0);
    for (unsigned i = 0; i < 60; i++)
        journal_fixture_append(journal, 4000);
    journal_close(&journal);
    struct journal_reader *reader;
    struct journal_batch_header header;
    struct error error;
    const void *batch;
    assert_int_equal(journal_reader_open(journal_fixture_dir, &reader, &error), 0);
    for (uint64_t seq = 1; seq <= 240000; seq += 3999) {
        assert_int_equal(journal_reader_seek(reader, seq, &error), JOURNAL_READ_BATCH);
        assert_int_equal(journal_reader_next(reader, &batch, &header, &error), JOURNAL_READ_BATCH);
        assert_true(header.first_seq <= seq && seq < header.first_seq + header.count);
    }
    assert_int_equal(journal_reader_seek(reader, 240001, &error), JOURNAL_READ_END);
    journal_reader_close(&reader);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, journal_fixture_setup, journal_fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(journal_reads_back_what_was_written),
        TEST(journal_keeps_every_member_of_a_coupon),
        TEST(scan_refuses_every_flipped_bit_of_a_batch),
        TEST(journal_goes_on_in_the_next_segment),
        TEST(journal_refuses_to_reserve_on_a_full_disk_and_recovers),
        TEST(follower_reads_all_that_is_synced_before_every_answer),
        TEST(follower_reads_all_that_is_synced_every_few_milliseconds),
        TEST(follower_reads_all_that_is_synced_by_the_system),
        TEST(reader_seeks_to_the_batch_of_a_record),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
