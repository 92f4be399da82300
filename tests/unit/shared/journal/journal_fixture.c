#include "tests/unit/shared/journal/journal_fixture.h"

#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "shared/journal/dir.h"
#include "shared/journal/reader.h"
#include "shared/options/options.h"

#define SEGMENT_BYTES (2u << 20)

char journal_fixture_dir[64];

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *ftw)
{
    (void)status, (void)type, (void)ftw;
    return remove(path);
}

int journal_fixture_setup(void **state)
{
    (void)state;
    strcpy(journal_fixture_dir, "/tmp/coupond-journal-XXXXXX");
    return mkdtemp(journal_fixture_dir) == NULL;
}

int journal_fixture_teardown(void **state)
{
    (void)state;
    return nftw(journal_fixture_dir, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

int journal_fixture_count(void *arg, const void *batch, const struct journal_progress *progress, struct error *error)
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

int journal_fixture_try_open(int64_t sync, uint64_t *records, struct journal_recovery *recovery,
                             struct journal **journal, struct error *error)
{
    struct journal_config config = {.dir = journal_fixture_dir,
                                    .partition = 0,
                                    .partitions = 1,
                                    .segment_bytes = SEGMENT_BYTES,
                                    .sync_interval_ms = sync};
    *records = 0;
    if (journal_open(&config, journal, error) != 0)
        return -1;
    int result = journal_replay(*journal, journal_fixture_count, records, recovery, error);
    if (result != 0)
        journal_close(journal);
    return result;
}

struct journal *journal_fixture_open(uint64_t expected_records)
{
    struct journal *journal;
    struct journal_recovery recovery;
    struct error error;
    uint64_t records;
    if (journal_fixture_try_open(SYNC_ALWAYS, &records, &recovery, &journal, &error) != 0)
        fail_msg("%s", error.text);
    assert_int_equal(records, expected_records);
    assert_int_equal(recovery.records, expected_records);
    return journal;
}

struct journal *journal_fixture_open_by_hand(int64_t sync_ms)
{
    struct journal *journal;
    struct error error;
    uint64_t records = 0;
    struct journal_config config = {.dir = journal_fixture_dir,
                                    .partitions = 1,
                                    .segment_bytes = SEGMENT_BYTES,
                                    .sync_interval_ms = sync_ms,
                                    .worker_by_hand = true};
    assert_int_equal(journal_open(&config, &journal, &error), 0);
    struct journal_recovery recovery;
    assert_int_equal(journal_replay(journal, journal_fixture_count, &records, &recovery, &error), 0);
    return journal;
}

void journal_fixture_append(struct journal *journal, unsigned count)
{
    journal_fixture_append_at(journal, count, 1000);
}

void journal_fixture_append_at(struct journal *journal, unsigned count, int64_t time_us)
{
    char user[32];
    assert_true(journal_reserve(journal, journal_bytes_max(count, 0, 0)));
    journal_begin(journal, time_us);
    for (unsigned i = 0; i < count; i++) {
        uint64_t seq = journal_written_seq(journal) + i + 1;
        int length = snprintf(user, sizeof user, "user-%llu", (unsigned long long)seq);
        assert_int_equal(journal_append_issue(journal, "C1", 2, user, (size_t)length, (uint32_t)seq, 1), seq);
    }
    journal_commit(journal);
}

/* Ends like kill -9: without a seal. The lock belongs to the old copy of the folder. */
void journal_fixture_crash(struct journal *journal)
{
    journal_abandon(&journal);
}

void journal_fixture_flip(uint64_t segment, off_t offset, unsigned char flip)
{
    char path[JOURNAL_PATH_MAX];
    journal_segment_path(journal_fixture_dir, segment, path);
    int fd = open(path, O_RDWR);
    assert_true(fd >= 0);
    unsigned char byte;
    assert_int_equal(pread(fd, &byte, 1, offset), 1);
    byte ^= flip;
    assert_int_equal(pwrite(fd, &byte, 1, offset), 1);
    close(fd);
}

off_t journal_fixture_end(void)
{
    struct journal_reader *reader;
    struct error error;
    const void *batch;
    assert_int_equal(journal_reader_open(journal_fixture_dir, &reader, &error), 0);
    struct journal_batch_header header;
    while (journal_reader_next(reader, &batch, &header, &error) == JOURNAL_READ_BATCH)
        ;
    struct journal_position position;
    journal_reader_position(reader, &position);
    journal_reader_close(&reader);
    return (off_t)position.offset;
}

void journal_fixture_assert_refused(const char *part_of_the_reason)
{
    struct journal *journal;
    struct journal_recovery recovery;
    struct error error = {{0}};
    uint64_t records;
    assert_int_equal(journal_fixture_try_open(SYNC_ALWAYS, &records, &recovery, &journal, &error), -1);
    if (strstr(error.text, part_of_the_reason) == NULL)
        fail_msg("'%s' lacks '%s'", error.text, part_of_the_reason);
}

void journal_fixture_assert_cut(uint64_t records_left)
{
    struct journal *journal;
    struct journal_recovery recovery;
    struct error error;
    uint64_t records;
    assert_int_equal(journal_fixture_try_open(SYNC_ALWAYS, &records, &recovery, &journal, &error), 0);
    assert_true(recovery.cut);
    assert_int_equal(records, records_left);
    journal_fixture_append(journal, 3);
    journal_close(&journal);
    journal = journal_fixture_open(records_left + 3);
    journal_close(&journal);
}
