/* The journal: what is written is read, torn tails are cut, damage is refused, full disks are told. */
#include <fcntl.h>
#include <ftw.h>
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
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "shared/journal.h"
#include "shared/journal_dir.h"
#include "shared/journal_reader.h"
#include "shared/options.h"

#define SEGMENT (2u << 20)

/* --- fixture --- */

static char dir[] = "/tmp/coupond-journal-XXXXXX";

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *ftw)
{
    (void)status, (void)type, (void)ftw;
    return remove(path);
}

static int make_dir(void **state)
{
    (void)state;
    strcpy(dir, "/tmp/coupond-journal-XXXXXX");
    return mkdtemp(dir) == NULL;
}

static int remove_dir(void **state)
{
    (void)state;
    return nftw(dir, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

/* --- helpers --- */

static int count_batch(void *arg, const void *batch, const struct journal_progress *progress, struct error *error)
{
    (void)progress, (void)error;
    struct journal_batch_reader reader;
    struct journal_record record;
    uint64_t *records = arg;
    journal_batch_reader_init(&reader, batch);
    while (journal_batch_reader_next(&reader, &record)) {
        (*records)++;
        assert_int_equal(record.seq, *records);
    }
    return 0;
}

static int open_journal(struct journal **journal, int64_t sync, uint64_t *records, struct journal_recovery *recovery,
                        struct error *error)
{
    struct journal_config config = {
        .dir = dir, .partition = 0, .partitions = 1, .segment_bytes = SEGMENT, .sync_interval_ms = sync};
    *records = 0;
    if (journal_open(journal, &config, error) != 0)
        return -1;
    int result = journal_replay(*journal, count_batch, records, recovery, error);
    if (result != 0)
        journal_close(journal);
    return result;
}

static struct journal *must_open(uint64_t expected_records)
{
    struct journal *journal;
    struct journal_recovery recovery;
    struct error error;
    uint64_t records;
    if (open_journal(&journal, SYNC_ALWAYS, &records, &recovery, &error) != 0)
        fail_msg("%s", error.text);
    assert_int_equal(records, expected_records);
    assert_int_equal(recovery.records, expected_records);
    return journal;
}

static void append_issues(struct journal *journal, unsigned count)
{
    char user[32];
    assert_true(journal_reserve(journal, journal_bytes_max(count, 0)));
    journal_begin(journal, 1000);
    for (unsigned i = 0; i < count; i++) {
        uint64_t seq = journal_written_seq(journal) + i + 1;
        int length = snprintf(user, sizeof user, "user-%llu", (unsigned long long)seq);
        assert_int_equal(journal_append_issue(journal, "C1", 2, user, (size_t)length, (uint32_t)seq, 1), seq);
    }
    journal_commit(journal);
}

/* Ends as kill -9 does: nothing is sealed. The lock goes with the copy of the folder that is worked on. */
static void crash(struct journal *journal)
{
    char command[256], copy[64];
    snprintf(copy, sizeof copy, "%s.crashed", dir);
    snprintf(command, sizeof command, "cp -r %s %s", dir, copy);
    assert_int_equal(system(command), 0);
    journal_close(&journal);
    assert_int_equal(nftw(dir, remove_entry, 8, FTW_DEPTH | FTW_PHYS), 0);
    assert_int_equal(rename(copy, dir), 0);
}

static void change_byte(uint64_t segment, off_t offset, unsigned char flip)
{
    char path[JOURNAL_PATH_MAX];
    unsigned char byte;
    journal_segment_path(dir, segment, path);
    int fd = open(path, O_RDWR);
    assert_true(fd >= 0);
    assert_int_equal(pread(fd, &byte, 1, offset), 1);
    byte ^= flip;
    assert_int_equal(pwrite(fd, &byte, 1, offset), 1);
    close(fd);
}

static off_t end_of_batches(void)
{
    struct journal_reader *reader;
    struct journal_batch_header header;
    struct journal_position position;
    struct error error;
    const void *batch;
    assert_int_equal(journal_reader_open(&reader, dir, &error), 0);
    while (journal_reader_next(reader, &batch, &header, &error) == JOURNAL_READ_BATCH)
        ;
    journal_reader_position(reader, &position);
    journal_reader_close(&reader);
    return (off_t)position.offset;
}

static void assert_refused(const char *part_of_the_reason)
{
    struct journal *journal;
    struct journal_recovery recovery;
    struct error error = {{0}};
    uint64_t records;
    assert_int_equal(open_journal(&journal, SYNC_ALWAYS, &records, &recovery, &error), -1);
    if (strstr(error.text, part_of_the_reason) == NULL)
        fail_msg("'%s' lacks '%s'", error.text, part_of_the_reason);
}

static void assert_tail_is_cut(uint64_t records_left)
{
    struct journal *journal;
    struct journal_recovery recovery;
    struct error error;
    uint64_t records;
    assert_int_equal(open_journal(&journal, SYNC_ALWAYS, &records, &recovery, &error), 0);
    assert_true(recovery.cut);
    assert_int_equal(records, records_left);
    append_issues(journal, 3);
    journal_close(&journal);
    journal = must_open(records_left + 3);
    journal_close(&journal);
}

/* --- tests --- */

static void journal_reads_back_what_was_written(void **state)
{
    (void)state;
    struct journal *journal = must_open(0);
    append_issues(journal, 1);
    append_issues(journal, 100);
    assert_int_equal(journal_written_seq(journal), 101);
    assert_int_equal(journal_synced_seq(journal), 101);
    journal_close(&journal);
    journal = must_open(101);
    append_issues(journal, 5);
    journal_close(&journal);
    journal = must_open(106);
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
                            .created_at_us = 9};
    unsigned char bytes[sizeof(struct journal_batch_header) + JOURNAL_RECORD_BYTES_MAX];
    const uint8_t id[16] = {1};
    struct journal_batch_header header = {.count = 1, .first_seq = 3, .time_us = 11, .synced_seq = 2};
    header.length = (uint32_t)(sizeof header + journal_encode_coupon(bytes + sizeof header, &coupon));
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
    assert_int_equal(record.coupon.title_length, 6);
    assert_memory_equal(record.coupon.title, coupon.title, 6);
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
    struct journal *journal = must_open(0);
    for (unsigned i = 0; i < 60; i++)
        append_issues(journal, 4000);
    journal_close(&journal);
    uint64_t *segments;
    size_t count;
    struct error error;
    assert_int_equal(journal_segments_list(dir, &segments, &count, &error), 0);
    assert_true(count >= 3);
    free(segments);
    journal = must_open(240000);
    journal_close(&journal);
}

static void journal_survives_the_death_of_its_writer(void **state)
{
    (void)state;
    struct journal *journal = must_open(0);
    append_issues(journal, 10);
    crash(journal);
    journal = must_open(10);
    append_issues(journal, 10);
    crash(journal);
    journal = must_open(20);
    journal_close(&journal);
}

static void journal_cuts_a_torn_tail(void **state)
{
    (void)state;
    struct journal *journal = must_open(0);
    append_issues(journal, 10);
    off_t end = end_of_batches();
    append_issues(journal, 10);
    crash(journal);
    change_byte(1, end + 100, 0xff);
    assert_tail_is_cut(10);
}

static void journal_cuts_a_tail_whose_first_page_never_came_to_the_disk(void **state)
{
    (void)state;
    struct journal *journal = must_open(0);
    append_issues(journal, 10);
    off_t end = end_of_batches();
    append_issues(journal, 1);
    crash(journal);
    char path[JOURNAL_PATH_MAX];
    journal_segment_path(dir, 1, path);
    int fd = open(path, O_RDWR);
    const unsigned char zeros[48] = {0};
    assert_int_equal(pwrite(fd, zeros, sizeof zeros, end), sizeof zeros);
    close(fd);
    assert_tail_is_cut(10);
}

static void journal_refuses_damage_before_a_batch_that_says_it_was_synced(void **state)
{
    (void)state;
    struct journal *journal = must_open(0);
    append_issues(journal, 10);
    append_issues(journal, 10);
    crash(journal);
    change_byte(1, 64 + 100, 1);
    assert_refused("damaged at offset 64");
}

static void journal_refuses_damage_in_the_last_batch_after_an_orderly_end(void **state)
{
    (void)state;
    struct journal *journal = must_open(0);
    append_issues(journal, 10);
    journal_close(&journal);
    change_byte(1, 64 + 100, 1);
    assert_refused("the checksum does not match");
}

static void journal_refuses_damage_of_what_the_store_has(void **state)
{
    (void)state;
    struct journal *journal = must_open(0);
    append_issues(journal, 10);
    struct error error;
    int fd = journal_acked_open(dir, &error);
    assert_int_equal(journal_acked_write(fd, journal_meta(journal)->journal_id, 10), 0);
    close(fd);
    crash(journal);
    change_byte(1, 64 + 100, 1);
    assert_refused("damaged at offset 64");
}

static void journal_refuses_a_missing_segment(void **state)
{
    (void)state;
    struct journal *journal = must_open(0);
    for (unsigned i = 0; i < 60; i++)
        append_issues(journal, 4000);
    journal_close(&journal);
    uint64_t *segments;
    size_t count;
    struct error error;
    char path[JOURNAL_PATH_MAX];
    assert_int_equal(journal_segments_list(dir, &segments, &count, &error), 0);
    journal_segment_path(dir, segments[1], path);
    free(segments);
    assert_int_equal(unlink(path), 0);
    assert_refused("damaged at offset");
}

static void journal_refuses_a_second_writer(void **state)
{
    (void)state;
    struct journal *journal = must_open(0);
    assert_refused("in use by another issuer");
    assert_true(journal_dir_is_locked(dir));
    journal_close(&journal);
    assert_false(journal_dir_is_locked(dir));
}

static void change_meta(size_t offset, uint32_t value)
{
    char path[JOURNAL_PATH_MAX];
    snprintf(path, sizeof path, "%s/meta", dir);
    int fd = open(path, O_RDWR);
    assert_int_equal(pwrite(fd, &value, sizeof value, (off_t)offset), sizeof value);
    close(fd);
}

static void journal_refuses_another_version(void **state)
{
    (void)state;
    struct journal *journal = must_open(0);
    journal_close(&journal);
    change_meta(offsetof(struct journal_meta, version), 9);
    assert_refused("version 9");
}

static void journal_refuses_a_damaged_identity(void **state)
{
    (void)state;
    struct journal *journal = must_open(0);
    journal_close(&journal);
    change_meta(offsetof(struct journal_meta, journal_id), 0);
    assert_refused("checksum");
}

static void journal_refuses_another_number_of_partitions(void **state)
{
    (void)state;
    struct journal *journal = must_open(0);
    journal_close(&journal);
    struct journal_config config = {.dir = dir, .partitions = 4, .segment_bytes = SEGMENT};
    struct error error;
    assert_int_equal(journal_open(&journal, &config, &error), -1);
    assert_non_null(strstr(error.text, "made with 1 partitions"));
}

static void journal_refuses_segments_without_identity(void **state)
{
    (void)state;
    struct journal *journal = must_open(0);
    journal_close(&journal);
    char path[JOURNAL_PATH_MAX];
    snprintf(path, sizeof path, "%s/meta", dir);
    assert_int_equal(unlink(path), 0);
    assert_refused("meta is missing");
}

static struct journal *open_with_segments_of(size_t segment_bytes)
{
    struct journal_config config = {.dir = dir, .partitions = 1, .segment_bytes = segment_bytes};
    struct journal *journal;
    struct journal_recovery recovery;
    struct error error;
    uint64_t records = 0;
    assert_int_equal(journal_open(&journal, &config, &error), 0);
    assert_int_equal(journal_replay(journal, count_batch, &records, &recovery, &error), 0);
    return journal;
}

/* A limit on the size of files is as good as a full disk: the segment in use is within it, the next one would not be.
 */
static void journal_refuses_to_reserve_on_a_full_disk_and_recovers(void **state)
{
    (void)state;
    struct rlimit limit, small;
    struct journal *journal = must_open(0);
    journal_close(&journal);
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    small = limit;
    small.rlim_cur = 3u << 20;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);

    journal = open_with_segments_of(4u << 20);
    size_t bytes = journal_bytes_max(4000, 0);
    while (journal_reserve(journal, bytes))
        append_issues(journal, 4000);
    uint64_t kept = journal_written_seq(journal);
    assert_true(kept > 0);
    assert_true(journal_is_full(journal));

    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    while (!journal_reserve(journal, bytes))
        sched_yield();
    assert_false(journal_is_full(journal));
    append_issues(journal, 4000);
    journal_close(&journal);
    journal = must_open(kept + 4000);
    journal_close(&journal);
}

struct follower {
    struct journal *journal;
    struct journal_signal *signal;
    uint64_t until;
};

/* Reads behind the writer as the stream does. */
static void *follow(void *arg)
{
    struct follower *follower = arg;
    struct journal_reader *reader;
    struct journal_batch_header header;
    struct error error;
    const void *batch;
    uint64_t records = 0, value;
    if (journal_reader_open(&reader, dir, &error) != 0)
        return NULL;
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
    struct journal_config config = {
        .dir = dir, .partitions = 1, .segment_bytes = SEGMENT, .sync_interval_ms = sync_interval_ms, .signal = &signal};
    struct journal *journal;
    struct journal_recovery recovery;
    struct error error;
    uint64_t records = 0;
    pthread_t thread;
    void *followed;
    assert_int_equal(journal_open(&journal, &config, &error), 0);
    assert_int_equal(journal_replay(journal, count_batch, &records, &recovery, &error), 0);
    struct follower follower = {.journal = journal, .signal = &signal, .until = 120000};
    assert_int_equal(pthread_create(&thread, NULL, follow, &follower), 0);
    for (unsigned i = 0; i < 240; i++)
        append_issues(journal, 500);
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
    struct journal *journal = must_open(0);
    for (unsigned i = 0; i < 60; i++)
        append_issues(journal, 4000);
    journal_close(&journal);
    struct journal_reader *reader;
    struct journal_batch_header header;
    struct error error;
    const void *batch;
    assert_int_equal(journal_reader_open(&reader, dir, &error), 0);
    for (uint64_t seq = 1; seq <= 240000; seq += 3999) {
        assert_int_equal(journal_reader_seek(reader, seq, &error), JOURNAL_READ_BATCH);
        assert_int_equal(journal_reader_next(reader, &batch, &header, &error), JOURNAL_READ_BATCH);
        assert_true(header.first_seq <= seq && seq < header.first_seq + header.count);
    }
    assert_int_equal(journal_reader_seek(reader, 240001, &error), JOURNAL_READ_END);
    journal_reader_close(&reader);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, make_dir, remove_dir)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(journal_reads_back_what_was_written),
        TEST(journal_keeps_every_member_of_a_coupon),
        TEST(scan_refuses_every_flipped_bit_of_a_batch),
        TEST(journal_goes_on_in_the_next_segment),
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
        TEST(journal_refuses_to_reserve_on_a_full_disk_and_recovers),
        TEST(follower_reads_all_that_is_synced_before_every_answer),
        TEST(follower_reads_all_that_is_synced_every_few_milliseconds),
        TEST(follower_reads_all_that_is_synced_by_the_system),
        TEST(reader_seeks_to_the_batch_of_a_record),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
