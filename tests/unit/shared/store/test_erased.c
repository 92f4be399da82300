/*
 * Users are erased from the rows of earlier records, in whichever order records are written and however often; for
 * sqlite and, if there is a server, mysql.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "shared/store/erased.h"
#include "shared/store/letter.h"
#include "tests/unit/shared/store/store_fixture.h"

/* --- helpers --- */

static int64_t number(struct store_fixture *fixture, const char *sql)
{
    return store_fixture_number(fixture, sql);
}

static void begin_frame(struct store_fixture *fixture, uint64_t first, uint64_t last)
{
    store_fixture_begin(fixture);
    store_fixture_add_keys(fixture);
    fixture->batch.first_seq = first;
    fixture->batch.last_seq = last;
}

static void create(struct store_fixture *fixture)
{
    store_fixture_migrate(fixture);
    begin_frame(fixture, 1, 2);
    store_fixture_coupon(fixture, "c", 1);
    store_fixture_coupon(fixture, "d", 2);
    store_fixture_assert_written(fixture);
}

static void write_issue(struct store_fixture *fixture, const char *coupon_id, uint32_t sequence, const char *user_id,
                        uint16_t nth, uint64_t seq)
{
    begin_frame(fixture, seq, seq);
    store_fixture_issue(fixture, coupon_id, sequence, user_id, seq)->nth = nth;
    store_fixture_assert_written(fixture);
}

static void write_erasure(struct store_fixture *fixture, const char *user_id, uint64_t seq)
{
    begin_frame(fixture, seq, seq);
    store_fixture_erasure(fixture, user_id, seq);
    store_fixture_assert_written(fixture);
}

/* The id that the store has in place of `user_id`. */
static const char *erased(struct store_fixture *fixture, const char *user_id)
{
    static char id[ERASED_ID_LENGTH + 1];
    uint8_t fingerprint[16];
    store_fixture_add_keys(fixture);
    store_fingerprint(fixture->batch.fingerprint_key, user_id, strlen(user_id), fingerprint);
    store_erased_id(fingerprint, id);
    return id;
}

static int64_t count_of(struct store_fixture *fixture, const char *user_id)
{
    char sql[192];
    snprintf(sql, sizeof sql, "SELECT COUNT(*) FROM coupon_issue WHERE user_id = '%s'", user_id);
    return number(fixture, sql);
}

static void assert_erased(struct store_fixture *fixture, const char *user_id, int64_t rows)
{
    assert_int_equal(count_of(fixture, user_id), 0);
    assert_int_equal(count_of(fixture, erased(fixture, user_id)), rows);
}

/* --- pure --- */

static void an_erased_id_is_recognised_and_gives_the_fingerprint(void **state)
{
    struct store_fixture *fixture = *state;
    uint8_t fingerprint[16], parsed[16];
    const char *id = erased(fixture, "anna");
    assert_true(user_id_is_erased(id, strlen(id)) && user_id_valid(id, strlen(id)));
    store_fingerprint(fixture->batch.fingerprint_key, "anna", 4, fingerprint);
    assert_true(store_erased_parse(id, strlen(id), parsed));
    assert_memory_equal(parsed, fingerprint, 16);
    assert_false(store_erased_parse(id, strlen(id) - 1, parsed));
    assert_false(store_erased_parse("anna", 4, parsed));
}

static void a_set_of_erasures_finds_the_latest_of_each_user(void **state)
{
    (void)state;
    struct store_erased set = {0};
    uint8_t fingerprint[16] = {0};
    for (uint64_t seq = 1; seq <= 300; seq++) {
        fingerprint[3] = (uint8_t)(seq % 100);
        store_erased_add(&set, fingerprint, seq);
    }
    store_erased_sort(&set);
    fingerprint[3] = 99;
    assert_int_equal(store_erased_seq(&set, fingerprint), 299);
    fingerprint[3] = 0;
    assert_int_equal(store_erased_seq(&set, fingerprint), 300);
    fingerprint[4] = 1;
    assert_int_equal(store_erased_seq(&set, fingerprint), 0);
    store_erased_clear(&set);
    fingerprint[4] = 0;
    assert_int_equal(store_erased_seq(&set, fingerprint), 0);
    store_erased_deinit(&set);
}

/* --- order --- */

static void a_user_is_erased_from_all_coupons_and_others_are_not(void **state)
{
    struct store_fixture *fixture = *state;
    create(fixture);
    write_issue(fixture, "c", 1, "anna", 1, 3);
    write_issue(fixture, "d", 1, "anna", 1, 4);
    write_issue(fixture, "c", 2, "anna2", 1, 5);
    write_issue(fixture, "c", 3, "anna", 2, 6);
    write_erasure(fixture, "anna", 7);
    assert_erased(fixture, "anna", 3);
    assert_int_equal(count_of(fixture, "anna2"), 1);
    assert_int_equal(number(fixture, "SELECT COUNT(*) FROM erasure WHERE actor = 'admin'"), 1);
    assert_int_equal(number(fixture, "SELECT erased_seq FROM journal"), 7);
}

static void an_erasure_in_the_frame_of_its_issues_applies_to_those_before_it(void **state)
{
    struct store_fixture *fixture = *state;
    create(fixture);
    begin_frame(fixture, 3, 5);
    store_fixture_issue(fixture, "c", 1, "anna", 3);
    store_fixture_erasure(fixture, "anna", 4);
    store_fixture_issue(fixture, "c", 2, "anna", 5)->nth = 2;
    for (int round = 0; round < 2; round++) {
        store_fixture_assert_written(fixture);
        assert_int_equal(count_of(fixture, "anna"), 1);
        assert_int_equal(count_of(fixture, erased(fixture, "anna")), 1);
        assert_int_equal(number(fixture, "SELECT sequence FROM coupon_issue WHERE user_id = 'anna'"), 2);
    }
}

static void an_issue_that_is_resent_after_the_erasure_stays_erased(void **state)
{
    struct store_fixture *fixture = *state;
    create(fixture);
    write_issue(fixture, "c", 1, "anna", 1, 3);
    write_erasure(fixture, "anna", 4);
    write_issue(fixture, "c", 1, "anna", 1, 3);
    assert_erased(fixture, "anna", 1);
    begin_frame(fixture, 3, 3); /* not the same issue */
    store_fixture_issue(fixture, "c", 1, "anne", 3);
    assert_int_equal(store_fixture_write(fixture), STORE_REJECTED);
    begin_frame(fixture, 3, 3);
    store_fixture_issue(fixture, "c", 1, "anna", 3)->issued_at_us++;
    assert_int_equal(store_fixture_write(fixture), STORE_REJECTED);
}

static void an_issue_that_comes_later_than_a_later_erasure_is_erased_too(void **state)
{
    struct store_fixture *fixture = *state;
    create(fixture);
    write_erasure(fixture, "anna", 9);
    write_erasure(fixture, "bert", 4);
    begin_frame(fixture, 3, 8);
    for (uint32_t i = 0; i < 20; i++) /* also by arrays */
        store_fixture_issue(fixture, "c", i + 1, i % 2 == 0 ? "anna" : "bert", 5)->nth = (uint16_t)(i / 2 + 1);
    for (uint32_t i = 0; i < 20; i++)
        fixture->issues[i].journal_seq = 3 + i / 4;
    store_fixture_assert_written(fixture);
    assert_erased(fixture, "anna", 10);
    assert_int_equal(count_of(fixture, erased(fixture, "bert")), 2); /* of record 3 */
    assert_int_equal(count_of(fixture, "bert"), 8);
    store_fixture_assert_written(fixture);
    assert_erased(fixture, "anna", 10);
}

static void the_issues_after_an_erasure_keep_their_id_until_the_next(void **state)
{
    struct store_fixture *fixture = *state;
    create(fixture);
    write_issue(fixture, "c", 1, "anna", 1, 3);
    write_erasure(fixture, "anna", 4);
    write_issue(fixture, "c", 2, "anna", 2, 5);
    write_erasure(fixture, "anna", 4); /* resent */
    assert_int_equal(count_of(fixture, "anna"), 1);
    write_erasure(fixture, "anna", 6);
    assert_erased(fixture, "anna", 2);
}

static void an_erasure_leaves_the_rows_of_other_partitions_alone(void **state)
{
    struct store_fixture *fixture = *state;
    char mine[8], other[8];
    store_fixture_migrate(fixture);
    for (unsigned i = 0; i < 100; i++) {
        char id[8];
        snprintf(id, sizeof id, "x%u", i);
        strcpy(coupon_partition(id, strlen(id), 2) == 0 ? mine : other, id);
    }
    for (uint16_t partition = 0; partition < 2; partition++) {
        const char *id = partition == 0 ? mine : other;
        begin_frame(fixture, 1, 2);
        memset(fixture->batch.fingerprint_key, 0x30 + partition, 16);
        memset(fixture->batch.journal_id, 0x30 + partition, 16);
        fixture->batch.partition = partition;
        fixture->batch.partitions = 2;
        store_fixture_coupon(fixture, id, 1);
        store_fixture_issue(fixture, id, 1, "anna", 2);
        store_fixture_assert_written(fixture);
    }
    begin_frame(fixture, 3, 3);
    memset(fixture->batch.fingerprint_key, 0x31, 16);
    memset(fixture->batch.journal_id, 0x31, 16);
    fixture->batch.partition = 1;
    fixture->batch.partitions = 2;
    store_fixture_erasure(fixture, "anna", 3);
    store_fixture_assert_written(fixture);
    char sql[128];
    snprintf(sql, sizeof sql, "SELECT COUNT(*) FROM coupon_issue WHERE user_id = 'anna' AND coupon_id = '%s'", mine);
    assert_int_equal(number(fixture, sql), 1);
    assert_int_equal(count_of(fixture, "anna"), 1);
}

/* --- dead letters --- */

static unsigned char records[4][JOURNAL_ISSUE_BYTES_MAX];

static struct store_dead_letter letter_of(unsigned i, uint32_t sequence, const char *user_id, uint64_t seq,
                                          const char *reason)
{
    size_t length = strlen(user_id);
    struct store_dead_letter letter = {
        .journal_seq = seq,
        .coupon_id = "c",
        .coupon_id_length = 1,
        .user_id = user_id,
        .user_id_length = (uint8_t)length,
        .nth = 1,
        .sequence = sequence,
        .record = records[i],
        .recorded_at_us = 1763691900000000,
        .dead_at_us = 1763691900000000,
        .reason = reason,
        .record_length = (uint16_t)journal_encode_issue(records[i], "c", 1, user_id, length, sequence, 1),
    };
    memset(letter.journal_id, 0x5a, 16);
    return letter;
}

static void write_letters(struct store_fixture *fixture, const struct store_dead_letter *letters, size_t count,
                          uint64_t first, uint64_t last)
{
    begin_frame(fixture, first, last);
    fixture->batch.dead = letters;
    fixture->batch.dead_count = count;
    store_fixture_assert_written(fixture);
}

static void assert_letters_forgot(struct store_fixture *fixture, int64_t own)
{
    char sql[192];
    snprintf(sql, sizeof sql, "SELECT COUNT(*) FROM dead_letter WHERE user_id = '%s'", erased(fixture, "anna"));
    assert_int_equal(number(fixture, sql), own);
    assert_int_equal(number(fixture, "SELECT COUNT(*) FROM dead_letter WHERE user_id = 'anna'"), 0);
    assert_int_equal(number(fixture, "SELECT COUNT(*) FROM dead_letter WHERE reason LIKE '%anna%'"), 0);
    assert_int_equal(number(fixture, "SELECT COUNT(*) FROM dead_letter WHERE INSTR(record, x'616e6e61') > 0"), 0);
}

static void dead_letters_forget_the_user_as_well(void **state)
{
    struct store_fixture *fixture = *state;
    const struct store_dead_letter letters[] = {
        letter_of(0, 1, "anna", 3, "because of sequence 1 to user anna, nth 1"),
        letter_of(1, 2, "bert", 4, "the store has sequence 2 to user anna, nth 1"),
        letter_of(2, 3, "carl", 5, "another"),
    };
    create(fixture);
    write_letters(fixture, letters, 3, 3, 5);
    write_erasure(fixture, "anna", 6);
    assert_letters_forgot(fixture, 1);
    assert_int_equal(number(fixture, "SELECT COUNT(*) FROM dead_letter WHERE user_id = 'bert'"), 1);
    assert_int_equal(number(fixture, "SELECT COUNT(*) FROM dead_letter WHERE reason = 'another'"), 1);
    write_letters(fixture, letters, 3, 3, 5); /* resent */
    assert_letters_forgot(fixture, 1);
}

#define CONFLICT                                                                                                       \
    "the journal has sequence 2 to user bert, nth 1, but the store already has sequence 2 to user anna, nth 1, at …"

static void letters_of_later_records_are_erased_only_from_their_reasons(void **state)
{
    struct store_fixture *fixture = *state;
    const struct store_dead_letter letters[] = {letter_of(0, 1, "anna", 7, "another"),
                                                letter_of(1, 2, "bert", 8, CONFLICT)};
    create(fixture);
    write_letters(fixture, letters, 2, 7, 8);
    write_erasure(fixture, "anna", 6);
    assert_int_equal(number(fixture, "SELECT COUNT(*) FROM dead_letter WHERE reason LIKE '%anna%'"), 0);
    assert_int_equal(number(fixture, "SELECT COUNT(*) FROM dead_letter WHERE user_id = 'bert'"), 1);
    assert_int_equal(number(fixture, "SELECT COUNT(*) FROM dead_letter WHERE user_id = 'anna'"), 1);
}

/* The conflict was found before the erasure, and its letter is written after it. */
static void a_letter_that_is_written_after_the_erasure_does_not_name_the_user(void **state)
{
    struct store_fixture *fixture = *state;
    const struct store_dead_letter letters[] = {letter_of(1, 2, "bert", 8, CONFLICT)};
    create(fixture);
    write_erasure(fixture, "anna", 6);
    write_letters(fixture, letters, 1, 7, 8);
    assert_int_equal(number(fixture, "SELECT COUNT(*) FROM dead_letter WHERE reason LIKE '%anna%'"), 0);
    assert_int_equal(number(fixture, "SELECT COUNT(*) FROM dead_letter WHERE user_id = 'bert'"), 1);
}

static void retry(struct store_fixture *fixture, const struct store_dead_letter *letter, const uint8_t journal_id[16])
{
    struct store_letter_rows rows;
    struct store_dead_letter adopted = *letter;
    memcpy(adopted.journal_id, journal_id, sizeof adopted.journal_id);
    assert_true(store_letter_rows(&rows, &adopted));
    assert_int_equal(store_write(fixture->store, &rows.batch, &fixture->error), STORE_OK);
}

static void the_dead_letters_of_a_rebuilt_journal_are_erased_and_retried(void **state)
{
    struct store_fixture *fixture = *state;
    struct store_journal rebuilt = {.partitions = 1, .last_seq = 6};
    const struct store_dead_letter letters[] = {
        letter_of(0, 1, "anna", 3, "because of sequence 1 to user anna, nth 1"),
        letter_of(1, 2, "bert", 4, "the store has sequence 2 to user anna, nth 1"),
        letter_of(2, 3, "carl", 5, "another"),
    };
    memset(rebuilt.journal_id, 0x11, sizeof rebuilt.journal_id);
    memset(rebuilt.fingerprint_key, 0x11, sizeof rebuilt.fingerprint_key);
    create(fixture);
    write_letters(fixture, letters, 3, 3, 5);
    store_fixture_sql(fixture, "UPDATE dead_letter SET partition_no = 1 WHERE user_id = 'carl'");
    assert_int_equal(store_adopt_journal(fixture->store, &rebuilt, &fixture->error), STORE_OK);
    begin_frame(fixture, 7, 7);
    memcpy(fixture->batch.journal_id, rebuilt.journal_id, sizeof rebuilt.journal_id);
    store_fixture_erasure(fixture, "anna", 7);
    store_fixture_assert_written(fixture);
    assert_letters_forgot(fixture, 1);
    retry(fixture, &letters[1], rebuilt.journal_id);
    assert_int_equal(number(fixture, "SELECT COUNT(*) FROM dead_letter WHERE user_id = 'bert'"), 0);
    assert_int_equal(count_of(fixture, "bert"), 1);
    assert_int_equal(number(fixture, "SELECT COUNT(*) FROM dead_letter WHERE journal_id LIKE '5a%'"), 1); /* carl's */
}

static void letters_that_a_rebuilt_journal_could_confuse_with_its_own_keep_their_journal(void **state)
{
    struct store_fixture *fixture = *state;
    struct store_journal rebuilt = {.partitions = 1, .last_seq = 4};
    const struct store_dead_letter letters[] = {letter_of(0, 1, "anna", 3, "one"), letter_of(1, 2, "bert", 4, "two"),
                                                letter_of(2, 3, "carl", 5, "behind")};
    memset(rebuilt.journal_id, 0x11, sizeof rebuilt.journal_id);
    create(fixture);
    write_letters(fixture, letters, 3, 3, 5);
    store_fixture_sql(fixture, "UPDATE dead_letter SET journal_id = '11111111111111111111111111111111', "
                               "journal_seq = 4 WHERE journal_seq = 3");
    assert_int_equal(store_adopt_journal(fixture->store, &rebuilt, &fixture->error), STORE_OK);
    assert_int_equal(number(fixture, "SELECT COUNT(*) FROM dead_letter"), 3);
    assert_int_equal(number(fixture, "SELECT COUNT(*) FROM dead_letter WHERE journal_id LIKE '5a%'"), 2);
}

/* --- writers at the same time --- */

#define ROUNDS 40

struct writer {
    struct store *store;
    struct store_batch batch;
    struct store_issue issue;
    struct store_erasure erasure;
};

static void *write_until_stored(void *arg)
{
    struct writer *writer = arg;
    struct error error;
    enum store_result result;
    do
        result = store_write(writer->store, &writer->batch, &error);
    while (result == STORE_RETRY);
    assert_int_equal(result, STORE_OK);
    return NULL;
}

/* One writes an issue, another the erasure of its user; who is first depends on the moment. */
static void of_two_writers_the_second_sees_what_the_first_has_written(void **state)
{
    struct store_fixture *fixture = *state;
    struct writer writers[2] = {{.store = store_fixture_another(fixture)}, {.store = store_fixture_another(fixture)}};
    create(fixture);
    for (uint32_t round = 0; round < ROUNDS; round++) {
        pthread_t threads[2];
        uint64_t seq = 3 + 2 * round;
        begin_frame(fixture, seq, seq);
        writers[0].issue = *store_fixture_issue(fixture, "c", round + 1, "anna", seq);
        writers[0].issue.nth = (uint16_t)(round + 1);
        writers[0].batch = fixture->batch;
        writers[0].batch.issues = &writers[0].issue;
        begin_frame(fixture, seq + 1, seq + 1);
        writers[1].erasure = *store_fixture_erasure(fixture, "anna", seq + 1);
        writers[1].batch = fixture->batch;
        writers[1].batch.erasures = &writers[1].erasure;
        for (size_t i = 0; i < 2; i++)
            assert_int_equal(pthread_create(&threads[i], NULL, write_until_stored, &writers[i]), 0);
        for (size_t i = 0; i < 2; i++)
            pthread_join(threads[i], NULL);
        assert_erased(fixture, "anna", round + 1);
    }
    store_destroy(&writers[0].store);
    store_destroy(&writers[1].store);
}

#define PROMISES(X)                                                                                                    \
    X(an_erased_id_is_recognised_and_gives_the_fingerprint)                                                            \
    X(a_set_of_erasures_finds_the_latest_of_each_user)                                                                 \
    X(a_user_is_erased_from_all_coupons_and_others_are_not)                                                            \
    X(an_erasure_in_the_frame_of_its_issues_applies_to_those_before_it)                                                \
    X(an_issue_that_is_resent_after_the_erasure_stays_erased)                                                          \
    X(an_issue_that_comes_later_than_a_later_erasure_is_erased_too)                                                    \
    X(the_issues_after_an_erasure_keep_their_id_until_the_next)                                                        \
    X(an_erasure_leaves_the_rows_of_other_partitions_alone)                                                            \
    X(dead_letters_forget_the_user_as_well)                                                                            \
    X(letters_of_later_records_are_erased_only_from_their_reasons)                                                     \
    X(a_letter_that_is_written_after_the_erasure_does_not_name_the_user)                                               \
    X(the_dead_letters_of_a_rebuilt_journal_are_erased_and_retried)                                                    \
    X(letters_that_a_rebuilt_journal_could_confuse_with_its_own_keep_their_journal)                                    \
    X(of_two_writers_the_second_sees_what_the_first_has_written)

#include "tests/unit/shared/store/store_main.h"
