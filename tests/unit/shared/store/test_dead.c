/*
 * Dead letters in the store: written, read page by page, replaced, and removed; for sqlite and, if there is a server,
 * mysql.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/shared/store/store_fixture.h"

/* --- helpers --- */

static void assert_result(struct store_fixture *fixture, enum store_result result, const char *words)
{
    fixture->error.text[0] = '\0';
    enum store_result got = store_fixture_write(fixture);
    if (got != result)
        fail_msg("result %d instead of %d: %s", (int)got, (int)result, fixture->error.text);
    store_fixture_assert_error(fixture, words);
}

static int64_t count_of(struct store_fixture *fixture, const char *table)
{
    char sql[64];
    snprintf(sql, sizeof sql, "SELECT COUNT(*) FROM %s", table);
    return store_fixture_number(fixture, sql);
}

/* Records first to last of the journal were acknowledged up to `acked`; the rows do not matter. */
static void begin_frame(struct store_fixture *fixture, uint64_t first, uint64_t last, uint64_t acked)
{
    store_fixture_begin(fixture);
    fixture->batch.first_seq = first;
    fixture->batch.last_seq = last;
    fixture->batch.acked_seq = acked;
}

static void assert_has(struct store_fixture *fixture, int64_t last_seq, const char *ahead)
{
    char sql[128];
    assert_int_equal(store_fixture_number(fixture, "SELECT last_seq FROM journal"), last_seq);
    snprintf(sql, sizeof sql, "SELECT COUNT(*) FROM journal WHERE ahead = '%s'", ahead);
    assert_int_equal(store_fixture_number(fixture, sql), 1);
}

/* --- dead letters --- */

static const unsigned char record_bytes[16] = {16, 0, 1, 'x', 0, 0xff, '\'', '\\'};

static struct store_dead_letter letter_of(const struct store_batch *batch, uint64_t journal_seq, const char *reason)
{
    struct store_dead_letter letter = {
        .journal_seq = journal_seq,
        .partition = 3,
        .coupon_id = "dead",
        .coupon_id_length = 4,
        .recorded_at_us = 1763691900000000,
        .dead_at_us = 1763691900999999,
        .record = record_bytes,
        .record_length = sizeof record_bytes,
        .reason = reason,
    };
    memcpy(letter.journal_id, batch->journal_id, sizeof letter.journal_id);
    return letter;
}

static struct store_dead_letter issue_letter_of(const struct store_batch *batch, uint64_t journal_seq,
                                                const char *reason)
{
    struct store_dead_letter letter = letter_of(batch, journal_seq, reason);
    letter.user_id = "user-1";
    letter.user_id_length = 6;
    letter.nth = 2;
    letter.sequence = 4000000000u;
    return letter;
}

struct found {
    struct store_dead_letter letters[8];
    char texts[8][64];
    size_t count;
    size_t stop_at;
};

static bool keep_letter(void *arg, const struct store_dead_letter *letter)
{
    struct found *found = arg;
    assert_in_range(found->count, 0, 7);
    assert_memory_equal(letter->coupon_id, "dead", letter->coupon_id_length);
    assert_int_equal(letter->record_length, sizeof record_bytes);
    assert_memory_equal(letter->record, record_bytes, sizeof record_bytes);
    assert_true(letter->recorded_at_us == 1763691900000000);
    assert_true(letter->dead_at_us == 1763691900999999);
    snprintf(found->texts[found->count], sizeof found->texts[0], "%.*s %s", (int)letter->user_id_length,
             letter->user_id ? letter->user_id : "-", letter->reason);
    found->letters[found->count++] = *letter;
    return found->count != found->stop_at;
}

static struct found letters_behind(struct store_fixture *fixture, const struct store_dead_letter *after, size_t limit)
{
    struct found found = {.stop_at = 8};
    assert_int_equal(store_read_begin(fixture->store, &fixture->error), STORE_OK);
    if (store_each_dead_letter(fixture->store, after, limit, keep_letter, &found, &fixture->error) != STORE_OK)
        fail_msg("%s", fixture->error.text);
    store_read_end(fixture->store);
    return found;
}

/* Writes records 1 to 9 with three dead letters: a coupon's and two issues'. */
static void write_letters(struct store_fixture *fixture)
{
    struct store_dead_letter letters[3];
    begin_frame(fixture, 1, 9, 0);
    letters[0] = issue_letter_of(&fixture->batch, 9, "'; DROP TABLE coupon; --");
    letters[1] = letter_of(&fixture->batch, 2, "쿠폰 이름");
    letters[2] = issue_letter_of(&fixture->batch, 5, "");
    fixture->batch.dead = letters;
    fixture->batch.dead_count = 3;
    store_fixture_assert_written(fixture);
    fixture->batch.dead = NULL;
    fixture->batch.dead_count = 0;
}

static void dead_letters_come_back_exactly_as_they_were_written_and_in_order(void **state)
{
    struct store_fixture *fixture = *state;
    store_fixture_migrate(fixture);
    write_letters(fixture);
    struct found found = letters_behind(fixture, NULL, 0);
    assert_int_equal(found.count, 3);
    assert_string_equal(found.texts[0], " 쿠폰 이름");
    assert_string_equal(found.texts[1], "user-1 ");
    assert_string_equal(found.texts[2], "user-1 '; DROP TABLE coupon; --");
    assert_int_equal(found.letters[0].user_id_length, 0);
    assert_int_equal(found.letters[2].sequence, 4000000000u);
    assert_int_equal(found.letters[2].nth, 2);
    assert_int_equal(found.letters[2].journal_seq, 9);
    assert_int_equal(found.letters[2].partition, 3);
    assert_memory_equal(found.letters[2].journal_id, fixture->batch.journal_id, 16);
    assert_has(fixture, 9, "");
}

static void dead_letters_are_read_page_by_page(void **state)
{
    struct store_fixture *fixture = *state;
    store_fixture_migrate(fixture);
    write_letters(fixture);
    struct found page = letters_behind(fixture, NULL, 2);
    assert_int_equal(page.count, 2);
    page = letters_behind(fixture, &page.letters[1], 2);
    assert_int_equal(page.count, 1);
    assert_int_equal(page.letters[0].journal_seq, 9);
    page = letters_behind(fixture, &page.letters[0], 2);
    assert_int_equal(page.count, 0);
}

static void a_frame_that_comes_again_replaces_its_dead_letters(void **state)
{
    struct store_fixture *fixture = *state;
    store_fixture_migrate(fixture);
    write_letters(fixture);
    write_letters(fixture);
    assert_int_equal(count_of(fixture, "dead_letter"), 3);
    begin_frame(fixture, 3, 9, 0);
    struct store_dead_letter still = issue_letter_of(&fixture->batch, 9, "still");
    fixture->batch.dead = &still;
    fixture->batch.dead_count = 1;
    store_fixture_assert_written(fixture);
    struct found found = letters_behind(fixture, NULL, 0);
    assert_int_equal(found.count, 2);
    assert_int_equal(found.letters[0].journal_seq, 2);
    assert_string_equal(found.texts[1], "user-1 still");
}

static void a_letter_that_is_stored_after_all_leaves_the_dead_in_one_transaction(void **state)
{
    struct store_fixture *fixture = *state;
    store_fixture_migrate(fixture);
    store_fixture_begin_issues(fixture, 1);
    store_fixture_assert_written(fixture);
    write_letters(fixture);
    store_fixture_begin(fixture);
    fixture->batch.scope = STORE_LETTER;
    store_fixture_issue(fixture, "nowhere", 2, "u2", 9);
    fixture->batch.first_seq = 9;
    assert_result(fixture, STORE_REJECTED, "coupon nowhere");
    assert_int_equal(count_of(fixture, "dead_letter"), 3);
    fixture->issues[0].coupon_id = "c";
    fixture->issues[0].coupon_id_length = 1;
    store_fixture_sql(fixture, "UPDATE journal SET journal_id = '11111111111111111111111111111111'");
    store_fixture_assert_written(fixture); /* a rebuilt journal has another id */
    assert_int_equal(count_of(fixture, "dead_letter"), 2);
    assert_int_equal(count_of(fixture, "coupon_issue"), 2);
    assert_has(fixture, 9, "");
}

static bool note_coupon(void *arg, const char *coupon_id, const char *reason)
{
    snprintf(arg, 64, "%s %s", coupon_id, reason);
    return true;
}

static void only_coupons_that_are_not_in_the_store_are_told_as_dead(void **state)
{
    struct store_fixture *fixture = *state;
    char told[64] = "nobody";
    uint8_t other[16] = {0};
    store_fixture_migrate(fixture);
    write_letters(fixture);
    struct store *store = fixture->store;
    const uint8_t *ours = fixture->batch.journal_id;
    assert_int_equal(store_each_dead_coupon(store, other, note_coupon, told, &fixture->error), STORE_OK);
    assert_string_equal(told, "nobody");
    assert_int_equal(store_each_dead_coupon(store, ours, note_coupon, told, &fixture->error), STORE_OK);
    assert_string_equal(told, "dead 쿠폰 이름");
    store_fixture_begin(fixture);
    store_fixture_coupon(fixture, "dead", 12);
    store_fixture_assert_written(fixture);
    write_letters(fixture); /* a dead change of it */
    snprintf(told, sizeof told, "nobody");
    assert_int_equal(store_each_dead_coupon(store, ours, note_coupon, told, &fixture->error), STORE_OK);
    assert_string_equal(told, "nobody");
}

static void a_dead_letter_that_coupond_never_wrote_is_told_and_not_believed(void **state)
{
    struct store_fixture *fixture = *state;
    struct found found = {.stop_at = 8};
    store_fixture_migrate(fixture);
    write_letters(fixture);
    store_fixture_sql(fixture, "UPDATE dead_letter SET journal_id = 'nonsense' WHERE journal_seq = 2");
    assert_int_equal(store_read_begin(fixture->store, &fixture->error), STORE_OK);
    assert_int_equal(store_each_dead_letter(fixture->store, NULL, 0, keep_letter, &found, &fixture->error),
                     STORE_FAILED);
    store_fixture_assert_error(fixture, "never writes");
    store_read_end(fixture->store);
}

static void mysql_is_not_tested_because_COUPOND_TEST_MYSQL_is_not_set(void **state)
{
    (void)state;
    skip();
}

#define PROMISES(X)                                                                                                    \
    X(dead_letters_come_back_exactly_as_they_were_written_and_in_order)                                                \
    X(dead_letters_are_read_page_by_page)                                                                              \
    X(a_frame_that_comes_again_replaces_its_dead_letters)                                                              \
    X(a_letter_that_is_stored_after_all_leaves_the_dead_in_one_transaction)                                            \
    X(only_coupons_that_are_not_in_the_store_are_told_as_dead)                                                         \
    X(a_dead_letter_that_coupond_never_wrote_is_told_and_not_believed)

#define ON_SQLITE(test) cmocka_unit_test_setup_teardown(test, store_fixture_setup_sqlite, store_fixture_teardown),
#define ON_MYSQL(test)  cmocka_unit_test_setup_teardown(test, store_fixture_setup_mysql, store_fixture_teardown),

int main(void)
{
    const struct CMUnitTest sqlite[] = {PROMISES(ON_SQLITE)};
    const struct CMUnitTest mysql[] = {PROMISES(ON_MYSQL)};
    const struct CMUnitTest no_mysql[] = {cmocka_unit_test(mysql_is_not_tested_because_COUPOND_TEST_MYSQL_is_not_set)};
    int failures = cmocka_run_group_tests_name("store sqlite", sqlite, NULL, NULL);
    failures += store_fixture_has_mysql() ? cmocka_run_group_tests_name("store mysql", mysql, NULL, NULL)
                                          : cmocka_run_group_tests_name("store mysql", no_mysql, NULL, NULL);
    return failures;
}
