/*
 * From a dead letter's record back to its row; the table may contain anything.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "shared/store/letter.h"

#define TIME_US INT64_C(1763691900123456)

/* --- helpers --- */

static unsigned char record[JOURNAL_RECORD_BYTES_MAX];

static struct store_dead_letter letter_with(size_t length)
{
    struct store_dead_letter letter = {
        .journal_seq = 77,
        .partition = 3,
        .coupon_id = "c",
        .coupon_id_length = 1,
        .recorded_at_us = TIME_US,
        .record = record,
        .record_length = (uint16_t)length,
        .reason = "because",
    };
    memset(letter.journal_id, 0x5a, sizeof letter.journal_id);
    return letter;
}

static struct store_dead_letter issue_letter(void)
{
    struct store_dead_letter letter = letter_with(journal_encode_issue(record, "c", 1, "anna", 4, 9, 2));
    letter.user_id = "anna";
    letter.user_id_length = 4;
    letter.sequence = 9;
    letter.nth = 2;
    return letter;
}

static struct store_dead_letter coupon_letter(int64_t created_at_us)
{
    struct coupon coupon = {.id = "c",
                            .title = "A coffee",
                            .quantity = 5,
                            .per_user_limit = 1,
                            .starts_at_us = TIME_NONE,
                            .ends_at_us = 1,
                            .created_at_us = created_at_us};
    return letter_with(journal_encode_coupon(record, &coupon, NULL));
}

static struct store_dead_letter change_letter(enum journal_change_kind kind)
{
    bool revoked = kind == JOURNAL_REVOKED;
    struct journal_record change = {
        .type = JOURNAL_CHANGE,
        .time_us = TIME_US,
        .coupon_id = "c",
        .coupon_id_length = 1,
        .origin = {"kim", 3, "req-9", 5},
        .change = {.kind = kind,
                   .sequence = 9,
                   .restock = revoked,
                   .user_id = "anna",
                   .user_id_length = 4,
                   .reference = "order-1",
                   .reference_length = revoked ? 0 : 7,
                   .reason = "why",
                   .reason_length = revoked ? 3 : 0},
    };
    struct store_dead_letter letter = letter_with(journal_encode_change(record, &change));
    letter.user_id = "anna";
    letter.user_id_length = 4;
    letter.sequence = 9;
    return letter;
}

static struct store_dead_letter erasure_letter(void)
{
    struct journal_record erasure = {
        .type = JOURNAL_ERASURE,
        .origin = {"kim", 3, "req-9", 5},
        .erasure = {.user_id = "anna", .user_id_length = 4, .fingerprint = {1, 2, 3}},
    };
    struct store_dead_letter letter = letter_with(journal_encode_erasure(record, &erasure));
    letter.coupon_id = "";
    letter.coupon_id_length = 0;
    letter.user_id = "anna";
    letter.user_id_length = 4;
    return letter;
}

/* --- tests --- */

static void an_issue_comes_back_as_it_was(void **state)
{
    (void)state;
    struct store_letter_rows rows;
    struct store_dead_letter letter = issue_letter();
    assert_true(store_letter_rows(&rows, &letter));
    assert_int_equal(rows.batch.scope, STORE_LETTER);
    assert_int_equal(rows.batch.first_seq, 77);
    assert_int_equal(rows.batch.last_seq, 77);
    assert_int_equal(rows.batch.partition, 3);
    assert_memory_equal(rows.batch.journal_id, letter.journal_id, 16);
    assert_int_equal(rows.batch.coupons_count, 0);
    assert_int_equal(rows.batch.issues_count, 1);
    const struct store_issue *issue = &rows.batch.issues[0];
    assert_memory_equal(issue->user_id, "anna", issue->user_id_length);
    assert_int_equal(issue->sequence, 9);
    assert_int_equal(issue->nth, 2);
    assert_int_equal(issue->journal_seq, 77);
    assert_true(issue->issued_at_us == TIME_US);
}

static void a_coupon_comes_back_as_it_was(void **state)
{
    (void)state;
    struct store_letter_rows rows;
    struct store_dead_letter letter = coupon_letter(TIME_US - 5);
    assert_true(store_letter_rows(&rows, &letter));
    assert_int_equal(rows.batch.issues_count, 0);
    assert_int_equal(rows.batch.coupons_count, 1);
    const struct store_coupon *coupon = &rows.batch.coupons[0];
    assert_int_equal(coupon->text_lengths[COUPON_TEXT_TITLE], 8);
    assert_memory_equal(coupon->texts[COUPON_TEXT_TITLE], "A coffee", 8);
    assert_int_equal(coupon->journal_seq, 77);
    assert_true(coupon->created_at_us == TIME_US - 5);
    assert_true(coupon->updated_at_us == TIME_US);
}

static void a_change_comes_back_as_it_was(void **state)
{
    (void)state;
    static const enum issue_state states[] = {ISSUE_NONE, ISSUE_REDEEMED, ISSUE_ISSUED, ISSUE_REVOKED};
    for (enum journal_change_kind kind = JOURNAL_REDEEMED; kind <= JOURNAL_REVOKED; kind++) {
        struct store_letter_rows rows;
        struct store_dead_letter letter = change_letter(kind);
        assert_true(store_letter_rows(&rows, &letter));
        assert_int_equal(rows.batch.issues_count + rows.batch.coupons_count, 0);
        assert_int_equal(rows.batch.changes_count, 1);
        const struct store_change *change = &rows.batch.changes[0];
        assert_int_equal(change->state, states[kind]);
        assert_int_equal(change->sequence, 9);
        assert_int_equal(change->restock, kind == JOURNAL_REVOKED);
        assert_int_equal(change->actor_length, 3);
        assert_true(change->changed_at_us == TIME_US && change->journal_seq == 77);
        letter.sequence++;
        assert_false(store_letter_rows(&rows, &letter));
    }
}

static void an_erasure_comes_back_as_it_was(void **state)
{
    (void)state;
    struct store_letter_rows rows;
    struct store_dead_letter letter = erasure_letter();
    assert_true(store_letter_rows(&rows, &letter));
    assert_int_equal(rows.batch.erasures_count, 1);
    assert_memory_equal(rows.batch.erasures[0].user_id, "anna", 4);
    assert_int_equal(rows.batch.erasures[0].fingerprint[2], 3);
    assert_true(rows.batch.erasures[0].journal_seq == 77 && rows.batch.erasures[0].erased_at_us == TIME_US);
    letter.user_id = "anne";
    assert_false(store_letter_rows(&rows, &letter));
}

#define ERASED "erased:000102030405060708090a0b0c0d0e0f"

static void erase_anna(struct store_letter *letter, uint64_t journal_seq)
{
    struct store_erasure erasure = {.user_id = "anna", .user_id_length = 4, .journal_seq = journal_seq};
    for (uint8_t i = 0; i < 16; i++)
        erasure.fingerprint[i] = i;
    store_letter_erase(letter, &erasure);
}

static void a_letter_can_be_erased_and_still_be_stored(void **state)
{
    (void)state;
    static struct store_letter copy;
    struct store_letter_rows rows;
    const struct store_dead_letter letters[] = {issue_letter(), change_letter(JOURNAL_REVOKED)};
    for (size_t i = 0; i < 2; i++) {
        struct store_dead_letter letter = i == 0 ? issue_letter() : change_letter(JOURNAL_REVOKED);
        letter.reason = "it contradicts an issue to user anna, and so on";
        store_letter_copy(&copy, &letter);
        erase_anna(&copy, copy.letter.journal_seq + 1);
        assert_null(memmem(copy.record, copy.letter.record_length, "anna", 4));
        assert_null(strstr(copy.reason, "anna"));
        assert_true(store_letter_rows(&rows, &copy.letter));
        const char *user_id = i == 0 ? rows.issue.user_id : rows.change.user_id;
        assert_memory_equal(user_id, ERASED, ERASED_ID_LENGTH);
        assert_int_equal(copy.letter.sequence, letters[i].sequence);
    }
}

static void only_the_reason_of_a_later_letter_or_of_another_user_is_hidden(void **state)
{
    (void)state;
    static struct store_letter copy;
    struct store_dead_letter letter = issue_letter();
    letter.reason = "it contradicts an issue to user anna, and so on";
    store_letter_copy(&copy, &letter);
    erase_anna(&copy, letter.journal_seq - 1);
    assert_null(strstr(copy.reason, "anna"));
    assert_string_equal(copy.user_id, "anna");
    assert_memory_equal(copy.record, letter.record, letter.record_length);
    letter.user_id = "bert";
    store_letter_copy(&copy, &letter);
    erase_anna(&copy, letter.journal_seq + 1);
    assert_null(strstr(copy.reason, "anna"));
    assert_string_equal(copy.user_id, "bert");
    assert_memory_equal(copy.record, letter.record, letter.record_length);
}

static void a_malformed_record_is_dropped_when_it_is_erased(void **state)
{
    (void)state;
    static struct store_letter copy;
    struct store_letter_rows rows;
    struct store_dead_letter letter = issue_letter();
    letter.record_length = 7;
    store_letter_copy(&copy, &letter);
    erase_anna(&copy, copy.letter.journal_seq + 1);
    assert_int_equal(copy.letter.record_length, 1);
    assert_false(store_letter_rows(&rows, &copy.letter));
}

static void a_record_that_is_not_what_the_columns_say_is_refused(void **state)
{
    (void)state;
    struct store_letter_rows rows;
    struct store_dead_letter bad[9];
    for (size_t i = 0; i < 9; i++)
        bad[i] = issue_letter();
    bad[0].coupon_id = "d";
    bad[1].user_id = "anne";
    bad[2].sequence++;
    bad[3].nth++;
    bad[4].user_id_length = 0;
    bad[5].journal_seq = 0;
    bad[6].record_length = 0;
    bad[7].record_length -= 8;
    bad[8].record_length = JOURNAL_RECORD_BYTES_MAX + 8;
    for (size_t i = 0; i < 9; i++)
        assert_false(store_letter_rows(&rows, &bad[i]));
    struct store_dead_letter coupon = coupon_letter(TIME_US);
    coupon.user_id = "anna";
    coupon.user_id_length = 4;
    assert_false(store_letter_rows(&rows, &coupon));
    coupon = coupon_letter(-1);
    assert_false(store_letter_rows(&rows, &coupon));
}

static void any_bytes_at_all_do_no_harm(void **state)
{
    (void)state;
    struct store_letter_rows rows;
    unsigned seed = 1;
    for (unsigned round = 0; round < 20000; round++) {
        struct store_dead_letter letter = round % 4 == 0   ? issue_letter()
                                          : round % 4 == 1 ? coupon_letter(TIME_US)
                                          : round % 4 == 2 ? change_letter(JOURNAL_REVOKED)
                                                           : erasure_letter();
        unsigned char *copy = malloc(letter.record_length); /* so that the sanitizer detects a read past the end */
        memcpy(copy, record, letter.record_length);
        copy[(unsigned)rand_r(&seed) % letter.record_length] ^= (unsigned char)(1 + rand_r(&seed) % 255);
        letter.record = copy;
        if (store_letter_rows(&rows, &letter))
            assert_int_equal(rows.batch.coupons_count + rows.batch.issues_count + rows.batch.changes_count +
                                 rows.batch.erasures_count,
                             1);
        free(copy);
    }
}

static void a_copy_outlives_the_row_that_it_came_from(void **state)
{
    (void)state;
    static struct store_letter copy;
    char reason[2000];
    struct store_dead_letter letter = issue_letter();
    memset(reason, 'x', sizeof reason);
    reason[sizeof reason - 1] = '\0';
    letter.reason = reason;
    store_letter_copy(&copy, &letter);
    reason[0] = 'y';
    memset(record, 0, sizeof record);
    struct store_letter_rows rows;
    assert_true(store_letter_rows(&rows, &copy.letter));
    assert_int_equal(strlen(copy.letter.reason), STORE_REASON_MAX);
    assert_int_equal(copy.letter.reason[0], 'x');
}

static bool is_id(const char *text)
{
    struct store_dead_letter letter;
    return store_letter_id_parse(text, strlen(text), &letter);
}

static void an_id_names_the_journal_and_the_record(void **state)
{
    (void)state;
    struct store_dead_letter letter = issue_letter(), read;
    char id[STORE_LETTER_ID_MAX];
    size_t length = store_letter_id_format(&letter, id);
    assert_string_equal(id, "5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a-77");
    assert_true(store_letter_id_parse(id, length, &read));
    assert_memory_equal(read.journal_id, letter.journal_id, sizeof read.journal_id);
    assert_int_equal(read.journal_seq, 77);
    letter.journal_seq = UINT64_MAX;
    assert_int_equal(store_letter_id_format(&letter, id), STORE_LETTER_ID_MAX - 1);
}

static void other_texts_are_no_ids(void **state)
{
    (void)state;
    assert_true(is_id("5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a-999999999999999999"));
    assert_false(is_id(""));
    assert_false(is_id("77"));
    assert_false(is_id("5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a"));
    assert_false(is_id("5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a-"));
    assert_false(is_id("5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a-0"));
    assert_false(is_id("5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a-07"));
    assert_false(is_id("5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a-7x"));
    assert_false(is_id("5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a 77"));
    assert_false(is_id("5A5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a-77"));
    assert_false(is_id("5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a-1000000000000000000"));
}

static void the_kind_follows_from_the_columns(void **state)
{
    (void)state;
    struct store_dead_letter letter = issue_letter();
    assert_string_equal(store_letter_kind(&letter), "issue");
    letter.nth = 0;
    assert_string_equal(store_letter_kind(&letter), "change");
    letter = coupon_letter(1);
    assert_string_equal(store_letter_kind(&letter), "coupon");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_issue_comes_back_as_it_was),
        cmocka_unit_test(a_coupon_comes_back_as_it_was),
        cmocka_unit_test(a_change_comes_back_as_it_was),
        cmocka_unit_test(an_erasure_comes_back_as_it_was),
        cmocka_unit_test(a_letter_can_be_erased_and_still_be_stored),
        cmocka_unit_test(only_the_reason_of_a_later_letter_or_of_another_user_is_hidden),
        cmocka_unit_test(a_malformed_record_is_dropped_when_it_is_erased),
        cmocka_unit_test(a_record_that_is_not_what_the_columns_say_is_refused),
        cmocka_unit_test(any_bytes_at_all_do_no_harm),
        cmocka_unit_test(a_copy_outlives_the_row_that_it_came_from),
        cmocka_unit_test(an_id_names_the_journal_and_the_record),
        cmocka_unit_test(other_texts_are_no_ids),
        cmocka_unit_test(the_kind_follows_from_the_columns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
