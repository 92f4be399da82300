/*
 * A journal that takes over the batches of another one: the same records with the same numbers and times, and nothing
 * that does not belong there.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "shared/journal/dir.h"
#include "shared/journal/reader.h"
#include "shared/options/options.h"
#include "tests/unit/shared/journal/journal_fixture.h"

#define SEGMENT_BYTES (2u << 20)

/* --- helpers --- */

static char copy_dir[100];

static struct journal *try_open_copy(size_t segment_bytes)
{
    struct journal *copy;
    struct journal_recovery recovery;
    struct error error;
    uint64_t records = 0;
    struct journal_config config = {
        .dir = copy_dir, .partitions = 1, .segment_bytes = segment_bytes, .sync_interval_ms = SYNC_ALWAYS};
    if (journal_open(&config, &copy, &error) != 0 ||
        journal_replay(copy, journal_fixture_count, &records, &recovery, &error) != 0)
        fail_msg("%s", error.text);
    return copy;
}

/* An empty journal of the same identity as the fixture's, in a folder in it. */
static struct journal *create_copy(const struct journal *source, size_t segment_bytes)
{
    struct error error;
    snprintf(copy_dir, sizeof copy_dir, "%s/copy", journal_fixture_dir);
    assert_int_equal(journal_dir_create(copy_dir, &error), 0);
    assert_int_equal(journal_meta_write(copy_dir, journal_meta(source), &error), 0);
    return try_open_copy(segment_bytes);
}

static struct journal_reader *read_from_start(const char *dir)
{
    struct journal_reader *reader;
    struct error error;
    if (journal_reader_open(dir, &reader, &error) != 0)
        fail_msg("%s", error.text);
    return reader;
}

static const void *next_batch(struct journal_reader *reader, struct journal_batch_header *header)
{
    const void *batch;
    struct error error;
    enum journal_read read = journal_reader_next(reader, &batch, header, &error);
    return read == JOURNAL_READ_BATCH ? batch : NULL;
}

static int copy_batch(struct journal *copy, const void *batch, size_t length, struct error *error)
{
    bool full;
    int result = journal_copy_batch(copy, batch, length, &full, error);
    assert_false(full);
    if (result == 0)
        assert_int_equal(journal_commit(copy), length);
    return result;
}

static void copy_all(struct journal *copy)
{
    struct journal_reader *reader = read_from_start(journal_fixture_dir);
    struct journal_batch_header header;
    struct error error;
    for (const void *batch; (batch = next_batch(reader, &header)) != NULL;) {
        if (copy_batch(copy, batch, header.length, &error) != 0)
            fail_msg("%s", error.text);
    }
    journal_reader_close(&reader);
}

/* The batches are the same but for what was synced before them. */
static void assert_same_batches(void)
{
    struct journal_reader *source = read_from_start(journal_fixture_dir), *copy = read_from_start(copy_dir);
    struct journal_batch_header a, b;
    for (;;) {
        const char *left = next_batch(source, &a), *right = next_batch(copy, &b);
        assert_int_equal(left == NULL, right == NULL);
        if (left == NULL)
            break;
        assert_int_equal(a.length, b.length);
        assert_int_equal(a.first_seq, b.first_seq);
        assert_int_equal(a.time_us, b.time_us);
        assert_memory_equal(left + sizeof a, right + sizeof b, a.length - sizeof a);
    }
    journal_reader_close(&source);
    journal_reader_close(&copy);
}

static void append_term(struct journal *journal, uint64_t epoch)
{
    assert_true(journal_reserve(journal, journal_bytes_max(0, 1, 0)));
    journal_begin(journal, 5000);
    journal_append_term(journal, epoch, "issuer-2", 8);
    journal_commit(journal);
}

/* --- tests --- */

static void a_copy_has_the_same_records_and_goes_on_after_a_restart(void **state)
{
    (void)state;
    struct journal *source = journal_fixture_open(0);
    for (unsigned i = 1; i <= 40; i++)
        journal_fixture_append_at(source, i, 100000 - i); /* times may go back */
    append_term(source, 7);
    struct journal *copy = create_copy(source, SEGMENT_BYTES);
    copy_all(copy);
    assert_int_equal(journal_synced_seq(copy), 821);
    assert_int_equal(journal_last_time_us(copy), 5000);
    journal_close(&copy);
    assert_same_batches();
    copy = try_open_copy(SEGMENT_BYTES);
    assert_int_equal(journal_written_seq(copy), 821);
    append_term(copy, 8); /* it decides itself from now on */
    assert_int_equal(journal_written_seq(copy), 822);
    journal_close(&copy);
    journal_close(&source);
}

static void a_copy_survives_a_kill_between_any_batches(void **state)
{
    (void)state;
    struct journal *source = journal_fixture_open(0), *copy = create_copy(source, SEGMENT_BYTES);
    struct journal_reader *reader = NULL;
    struct journal_batch_header header;
    struct error error;
    for (unsigned i = 0; i < 10; i++) {
        journal_fixture_append(source, 3);
        if (reader == NULL)
            reader = read_from_start(journal_fixture_dir);
        const void *batch = next_batch(reader, &header);
        assert_non_null(batch);
        assert_int_equal(copy_batch(copy, batch, header.length, &error), 0);
        journal_abandon(&copy);
        copy = try_open_copy(SEGMENT_BYTES);
    }
    assert_same_batches();
    journal_reader_close(&reader);
    journal_close(&copy);
    journal_close(&source);
}

static void a_copy_may_have_smaller_segments(void **state)
{
    (void)state;
    struct journal *source = journal_fixture_open(0);
    for (unsigned i = 0; i < 200; i++)
        journal_fixture_append(source, 300);
    struct journal *copy = create_copy(source, 1u << 20);
    copy_all(copy);
    assert_same_batches();
    journal_close(&copy);
    journal_close(&source);
}

static void assert_not_copied(struct journal *copy, const void *batch, size_t length, const char *words)
{
    struct error error = {""};
    bool full;
    assert_int_equal(journal_copy_batch(copy, batch, length, &full, &error), -1);
    if (strstr(error.text, words) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", error.text, words);
    assert_int_equal(journal_commit(copy), 0);
}

static void what_does_not_follow_is_refused(void **state)
{
    (void)state;
    struct journal *source = journal_fixture_open(0);
    journal_fixture_append(source, 3);
    journal_fixture_append(source, 3);
    struct journal *copy = create_copy(source, SEGMENT_BYTES);
    struct journal_reader *reader = read_from_start(journal_fixture_dir);
    struct journal_batch_header header;
    struct error error;
    uint64_t first[512], second[512];
    memcpy(first, next_batch(reader, &header), sizeof first);
    size_t length = header.length;
    memcpy(second, next_batch(reader, &header), sizeof second);
    assert_not_copied(copy, second, length, "the batch begins with record 4, and 1 is next");
    assert_int_equal(copy_batch(copy, first, length, &error), 0);
    assert_not_copied(copy, first, length, "the batch begins with record 1, and 4 is next");
    assert_int_equal(copy_batch(copy, second, length, &error), 0);
    journal_reader_close(&reader);
    journal_close(&copy);
    journal_close(&source);
}

static void damaged_bytes_and_other_journals_are_refused(void **state)
{
    (void)state;
    struct journal *source = journal_fixture_open(0);
    journal_fixture_append(source, 2);
    struct journal *copy = create_copy(source, SEGMENT_BYTES);
    struct journal_reader *reader = read_from_start(journal_fixture_dir);
    struct journal_batch_header header;
    uint64_t bytes[512];
    memcpy(bytes, next_batch(reader, &header), sizeof bytes);
    for (size_t i = 0; i < header.length; i++) {
        ((unsigned char *)bytes)[i] ^= 0x10;
        assert_not_copied(copy, bytes, header.length, "not a batch of this journal");
        ((unsigned char *)bytes)[i] ^= 0x10;
        assert_not_copied(copy, bytes, i / 8 * 8, "not a batch of this journal");
    }
    journal_close(&copy);
    strcat(copy_dir, "-of-another"); /* with an identity of its own */
    copy = try_open_copy(SEGMENT_BYTES);
    assert_not_copied(copy, bytes, header.length, "not a batch of this journal");
    journal_reader_close(&reader);
    journal_close(&copy);
    journal_close(&source);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, journal_fixture_setup, journal_fixture_teardown)
        TEST(a_copy_has_the_same_records_and_goes_on_after_a_restart),
        TEST(a_copy_survives_a_kill_between_any_batches),
        TEST(a_copy_may_have_smaller_segments),
        TEST(what_does_not_follow_is_refused),
        TEST(damaged_bytes_and_other_journals_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
