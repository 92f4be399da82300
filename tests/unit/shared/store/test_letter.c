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
    return letter_with(journal_encode_coupon(record, &coupon));
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
    const struct coupon *coupon = &rows.batch.coupons[0];
    assert_string_equal(coupon->title, "A coffee");
    assert_int_equal(coupon->journal_seq, 77);
    assert_true(coupon->created_at_us == TIME_US - 5);
    assert_true(coupon->updated_at_us == TIME_US);
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
        struct store_dead_letter letter = round % 2 == 0 ? issue_letter() : coupon_letter(TIME_US);
        unsigned char *copy = malloc(letter.record_length); /* so that the sanitizer detects a read past the end */
        memcpy(copy, record, letter.record_length);
        copy[(unsigned)rand_r(&seed) % letter.record_length] ^= (unsigned char)(1 + rand_r(&seed) % 255);
        letter.record = copy;
        if (store_letter_rows(&rows, &letter))
            assert_int_equal(rows.batch.coupons_count + rows.batch.issues_count, 1);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_issue_comes_back_as_it_was),
        cmocka_unit_test(a_coupon_comes_back_as_it_was),
        cmocka_unit_test(a_record_that_is_not_what_the_columns_say_is_refused),
        cmocka_unit_test(any_bytes_at_all_do_no_harm),
        cmocka_unit_test(a_copy_outlives_the_row_that_it_came_from),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
