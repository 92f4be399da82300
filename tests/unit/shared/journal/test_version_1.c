/*
 * A journal of version 1 becomes one of this version when it is opened, whatever interrupts that.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "shared/journal/dir.h"
#include "tests/unit/shared/journal/journal_fixture.h"
#include "tests/unit/shared/journal/version_1_fixture.h"

#define SEGMENT_1    "00000000000000000001.segment"
#define NEXT_SEGMENT "00000000000000000061.segment"

/* --- fixture --- */

static int setup(void **state)
{
    if (journal_fixture_setup(state) != 0)
        return -1;
    version_1_unpack(journal_fixture_dir, false);
    return 0;
}

/* --- helpers --- */

static struct journal_meta stored_meta(void)
{
    struct journal_meta meta;
    assert_int_equal(version_1_read(journal_fixture_dir, "meta", &meta, sizeof meta), sizeof meta);
    return meta;
}

/* As a reader finds it. */
static struct journal_meta read_meta(void)
{
    struct journal_meta meta;
    struct error error;
    assert_int_equal(journal_meta_read(journal_fixture_dir, &meta, &error), 0);
    return meta;
}

/* 0: no such segment. */
static uint32_t version_of(const char *segment)
{
    struct journal_segment_header header;
    if (version_1_read(journal_fixture_dir, segment, &header, sizeof header) != sizeof header)
        return 0;
    assert_true(header.checksum == journal_checksum(&header, sizeof header));
    return header.version;
}

/* Opens, adds, closes, opens again. */
static void assert_goes_on(uint64_t records)
{
    struct journal *journal = journal_fixture_open(records);
    journal_fixture_append(journal, 5);
    journal_close(&journal);
    journal = journal_fixture_open(records + 5);
    journal_close(&journal);
}

static void write_file(const char *name, const void *bytes, size_t size)
{
    char path[JOURNAL_PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", journal_fixture_dir, name);
    FILE *file = fopen(path, "r+b");
    file = file != NULL ? file : fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

/* --- tests --- */

static void a_journal_of_version_1_becomes_one_of_this_version(void **state)
{
    (void)state;
    struct journal_meta before = stored_meta(), after;
    const uint8_t zeros[16] = {0};
    assert_int_equal(before.version, JOURNAL_VERSION_1);
    assert_memory_equal(before.code_key, zeros, sizeof zeros);
    struct journal *journal = journal_fixture_open(VERSION_1_RECORDS);
    after = stored_meta();
    assert_int_equal(after.version, JOURNAL_VERSION);
    assert_memory_not_equal(after.code_key, zeros, sizeof zeros);
    assert_memory_equal(after.journal_id, before.journal_id, sizeof before.journal_id);
    assert_memory_equal(after.fingerprint_key, before.fingerprint_key, sizeof before.fingerprint_key);
    assert_int_equal(after.created_at_us, before.created_at_us);
    assert_true(after.checksum == journal_checksum(&after, sizeof after));
    assert_memory_equal(journal_meta(journal), &after, sizeof after);
    assert_int_equal(version_of(SEGMENT_1), JOURNAL_VERSION_1); /* as it was written */
    assert_int_equal(version_of(NEXT_SEGMENT), JOURNAL_VERSION);
    journal_close(&journal);
    assert_goes_on(VERSION_1_RECORDS);
}

static void the_key_of_the_codes_is_the_same_for_every_reader_and_after_every_start(void **state)
{
    (void)state;
    struct journal_meta before = read_meta(); /* before the journal is changed */
    for (unsigned i = 0; i < 3; i++) {
        struct journal *journal = journal_fixture_open(VERSION_1_RECORDS);
        assert_memory_equal(journal_meta(journal)->code_key, before.code_key, sizeof before.code_key);
        journal_close(&journal);
        struct journal_meta after = read_meta();
        assert_memory_equal(after.code_key, before.code_key, sizeof before.code_key);
    }
    assert_memory_not_equal(before.code_key, before.fingerprint_key, sizeof before.code_key);
}

static void reading_changes_nothing(void **state)
{
    (void)state;
    struct journal_meta before = stored_meta(), after;
    read_meta();
    after = stored_meta();
    assert_memory_equal(&before, &after, sizeof before);
}

static void a_start_that_ended_after_the_meta_was_written_is_made_up_for(void **state)
{
    (void)state;
    struct journal_meta meta = read_meta();
    struct error error;
    assert_int_equal(journal_meta_upgrade(journal_fixture_dir, &meta, &error), 0);
    assert_int_equal(version_of(NEXT_SEGMENT), 0);
    struct journal *journal = journal_fixture_open(VERSION_1_RECORDS);
    assert_memory_equal(journal_meta(journal), &meta, sizeof meta);
    assert_int_equal(version_of(NEXT_SEGMENT), JOURNAL_VERSION);
    journal_close(&journal);
    assert_goes_on(VERSION_1_RECORDS);
}

static void a_start_that_ended_while_the_meta_was_written_is_made_up_for(void **state)
{
    (void)state;
    write_file("meta.new", "CPND", 4);
    assert_goes_on(VERSION_1_RECORDS);
    assert_int_equal(stored_meta().version, JOURNAL_VERSION);
}

static void a_start_that_ended_after_the_next_segment_is_made_up_for(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        struct journal *journal = journal_fixture_open(VERSION_1_RECORDS);
        journal_fixture_crash(journal);
    }
    assert_int_equal(version_of(NEXT_SEGMENT), JOURNAL_VERSION);
    assert_goes_on(VERSION_1_RECORDS);
}

static void a_torn_tail_of_version_1_is_cut_before_the_next_segment_begins(void **state)
{
    (void)state;
    off_t end = journal_fixture_end();
    journal_fixture_flip(1, end - 8, 0xff);
    struct journal *journal = journal_fixture_open(VERSION_1_RECORDS - 1);
    assert_int_equal(version_of("00000000000000000060.segment"), JOURNAL_VERSION);
    journal_close(&journal);
    assert_goes_on(VERSION_1_RECORDS - 1);
}

static void an_empty_segment_of_version_1_becomes_one_of_this_version(void **state)
{
    (void)state;
    struct journal_segment_header header;
    static const unsigned char zeros[4096];
    assert_int_equal(version_1_read(journal_fixture_dir, SEGMENT_1, &header, sizeof header), sizeof header);
    char bytes[sizeof header + sizeof zeros] = "";
    memcpy(bytes, &header, sizeof header);
    write_file(SEGMENT_1, bytes, sizeof bytes); /* as before its first record */
    struct journal *journal = journal_fixture_open(0);
    assert_int_equal(version_of(SEGMENT_1), JOURNAL_VERSION);
    journal_fixture_crash(journal);
    assert_goes_on(0);
    assert_int_equal(version_of(SEGMENT_1), JOURNAL_VERSION);
}

static void a_journal_of_a_later_version_is_left_alone(void **state)
{
    (void)state;
    struct journal_meta meta = stored_meta();
    meta.version = JOURNAL_VERSION + 1;
    meta.checksum = journal_checksum(&meta, sizeof meta);
    write_file("meta", &meta, sizeof meta);
    journal_fixture_assert_refused("version 3");
    assert_int_equal(version_of(NEXT_SEGMENT), 0);
}

static void a_damaged_journal_of_version_1_is_refused(void **state)
{
    (void)state;
    journal_fixture_flip(1, 3000, 1);
    journal_fixture_assert_refused("damaged");
    assert_int_equal(version_of(NEXT_SEGMENT), 0);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, journal_fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_journal_of_version_1_becomes_one_of_this_version),
        TEST(the_key_of_the_codes_is_the_same_for_every_reader_and_after_every_start),
        TEST(reading_changes_nothing),
        TEST(a_start_that_ended_after_the_meta_was_written_is_made_up_for),
        TEST(a_start_that_ended_while_the_meta_was_written_is_made_up_for),
        TEST(a_start_that_ended_after_the_next_segment_is_made_up_for),
        TEST(a_torn_tail_of_version_1_is_cut_before_the_next_segment_begins),
        TEST(an_empty_segment_of_version_1_becomes_one_of_this_version),
        TEST(a_journal_of_a_later_version_is_left_alone),
        TEST(a_damaged_journal_of_version_1_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
