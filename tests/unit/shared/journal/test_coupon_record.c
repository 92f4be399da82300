/*
 * The coupons in a journal, of this version and of version 1: what is encoded is decoded, at the limits of every
 * member, and nothing else is.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/shared/journal/record_fixture.h"

static char longest[COUPON_TEXTS][METADATA_MAX + 1]; /* the texts of a coupon at their limits */

static int setup(void **state)
{
    for (unsigned i = 0; i < COUPON_TEXTS; i++)
        memset(longest[i], 'a' + (int)i, coupon_text_max(i));
    return record_fixture_setup(state);
}

/* --- coupons --- */

static struct coupon longest_coupon(void)
{
    struct coupon coupon = {.number = COUPONS_PER_PARTITION_MAX,
                            .quantity = QUANTITY_UNLIMITED,
                            .per_user_limit = PER_USER_LIMIT_MAX,
                            .redeem_within_s = REDEEM_WITHIN_MAX,
                            .paused = true,
                            .archived = true,
                            .starts_at_us = 0,
                            .ends_at_us = TIME_US_MAX,
                            .redeem_until_us = TIME_US_MAX,
                            .created_at_us = 3,
                            .updated_at_us = ISSUER_TIME_US_MAX};
    memcpy(coupon.id, record_filler, COUPON_ID_MAX);
    for (unsigned i = 0; i < COUPON_TEXTS; i++)
        coupon_text_set(&coupon, i, longest[i], coupon_text_max(i));
    return coupon;
}

static struct coupon shortest_coupon(void)
{
    return (struct coupon){.id = "C",
                           .title = "t",
                           .number = 1,
                           .quantity = 1,
                           .per_user_limit = 1,
                           .starts_at_us = TIME_NONE,
                           .ends_at_us = TIME_NONE,
                           .redeem_until_us = TIME_NONE};
}

static void assert_coupon_is_read_back(const struct coupon *coupon)
{
    struct coupon read, expected = *coupon;
    struct journal_record record = record_fixture_decoded();
    assert_int_equal(record.type, JOURNAL_COUPON);
    assert_true(journal_record_has_time(&record));
    memset(&read, 0, sizeof read);
    journal_record_coupon(&record, &read);
    expected.journal_seq = 77;
    assert_string_equal(read.id, expected.id);
    assert_int_equal(read.number, expected.number);
    assert_int_equal(read.quantity, expected.quantity);
    assert_int_equal(read.per_user_limit, expected.per_user_limit);
    assert_int_equal(read.redeem_within_s, expected.redeem_within_s);
    assert_int_equal(read.paused, expected.paused);
    assert_int_equal(read.archived, expected.archived);
    assert_true(read.starts_at_us == expected.starts_at_us && read.ends_at_us == expected.ends_at_us);
    assert_true(read.redeem_until_us == expected.redeem_until_us);
    assert_true(read.created_at_us == expected.created_at_us && read.updated_at_us == expected.updated_at_us);
    assert_int_equal(read.journal_seq, 77);
    for (unsigned i = 0; i < COUPON_TEXTS; i++)
        assert_string_equal(coupon_text(&read, i), coupon_text(&expected, i));
}

static void a_coupon_is_read_back_at_its_limits(void **state)
{
    (void)state;
    struct journal_origin origin = {record_filler, ACTOR_MAX, record_filler, REQUEST_ID_MAX};
    struct coupon coupon = longest_coupon();
    record_length = journal_encode_coupon(record_bytes, &coupon, &origin);
    assert_true(record_length <= JOURNAL_RECORD_BYTES_MAX);
    assert_coupon_is_read_back(&coupon);
    struct journal_record record = record_fixture_decoded();
    assert_int_equal(record.origin.actor_length, ACTOR_MAX);
    assert_memory_equal(record.origin.actor, record_filler, ACTOR_MAX);
    assert_int_equal(record.origin.request_id_length, REQUEST_ID_MAX);
    assert_memory_equal(record.origin.request_id, record_filler, REQUEST_ID_MAX);
    coupon = shortest_coupon();
    record_length = journal_encode_coupon(record_bytes, &coupon, NULL);
    assert_coupon_is_read_back(&coupon);
    assert_int_equal(record_fixture_decoded().origin.actor_length, 0);
    record_fixture_assert_refused_at_every_other_length();
    coupon = shortest_coupon();
    coupon.number = 0; /* as in the snapshot of a coupon that is not yet numbered: the time is that of the batch */
    record_length = journal_encode_coupon(record_bytes, &coupon, NULL);
    record = record_fixture_decoded();
    assert_false(journal_record_has_time(&record));
}

static void a_coupon_with_an_impossible_member_is_refused(void **state)
{
    (void)state;
    struct journal_origin origin = {"a", 1, "r", 1};
    struct coupon coupon = shortest_coupon();
    strcpy(coupon.description, "d");
    strcpy(coupon.owner, "o");
    record_length = journal_encode_coupon(record_bytes, &coupon, &origin);
    RECORD_REFUSES(journal_coupon_record, header.type, JOURNAL_CHANGE);
    RECORD_REFUSES(journal_coupon_record, header.coupon_id_length, 0);
    RECORD_REFUSES(journal_coupon_record, header.coupon_id_length, COUPON_ID_MAX + 1);
    RECORD_REFUSES(journal_coupon_record, number, COUPONS_PER_PARTITION_MAX + 1);
    RECORD_REFUSES(journal_coupon_record, quantity, 0);
    RECORD_REFUSES(journal_coupon_record, quantity, QUANTITY_MAX + 1);
    RECORD_REFUSES(journal_coupon_record, per_user_limit, 0);
    RECORD_REFUSES(journal_coupon_record, per_user_limit, PER_USER_LIMIT_MAX + 1);
    RECORD_REFUSES(journal_coupon_record, redeem_within_s, REDEEM_WITHIN_MAX + 1);
    RECORD_REFUSES(journal_coupon_record, paused, 2);
    RECORD_REFUSES(journal_coupon_record, archived, 2);
    RECORD_REFUSES(journal_coupon_record, actor_length, ACTOR_MAX + 1);
    RECORD_REFUSES(journal_coupon_record, request_id_length, REQUEST_ID_MAX + 1);
    RECORD_REFUSES(journal_coupon_record, starts_at_us, -1);
    RECORD_REFUSES(journal_coupon_record, ends_at_us, TIME_US_MAX + 1);
    RECORD_REFUSES(journal_coupon_record, redeem_until_us, -1);
    RECORD_REFUSES(journal_coupon_record, updated_at_us, -1);
    RECORD_REFUSES(journal_coupon_record, updated_at_us, ISSUER_TIME_US_MAX + 1);
    RECORD_REFUSES(journal_coupon_record, text_lengths[COUPON_TEXT_TITLE], 0);
    for (unsigned i = 0; i < COUPON_TEXTS; i++)
        RECORD_REFUSES(journal_coupon_record, text_lengths[i], UINT16_MAX);
    size_t id = sizeof(struct journal_coupon_record), title = id + 1, description = title + 1, owner = description + 1;
    size_t actor = owner + 1, request_id = actor + 1;
    record_fixture_assert_refuses(id, "/", 1);
    record_fixture_assert_refuses(title, "\x01", 1);
    record_fixture_assert_refuses(title, "\xff", 1);
    record_fixture_assert_refuses(description, "\xff", 1);
    record_fixture_assert_refuses(owner, "\x7f", 1);
    record_fixture_assert_refuses(actor, " ", 1);
    record_fixture_assert_refuses(request_id, "\n", 1);
}

static void each_text_of_a_coupon_ends_at_its_own_limit(void **state)
{
    (void)state;
    for (unsigned i = 0; i < COUPON_TEXTS; i++) {
        struct coupon coupon = shortest_coupon();
        coupon_text_set(&coupon, i, longest[i], coupon_text_max(i));
        record_length = journal_encode_coupon(record_bytes, &coupon, NULL);
        assert_coupon_is_read_back(&coupon);
        if (i + 1 == COUPON_TEXTS)
            continue;
        /* one byte more of this text, taken from the next one */
        coupon_text_set(&coupon, i + 1, "zz", 2);
        record_length = journal_encode_coupon(record_bytes, &coupon, NULL);
        struct journal_coupon_record fixed;
        memcpy(&fixed, record_bytes, sizeof fixed);
        fixed.text_lengths[i]++;
        fixed.text_lengths[i + 1]--;
        memcpy(record_bytes, &fixed, sizeof fixed);
        record_fixture_assert_refused();
    }
}

/* --- coupons of version 1 --- */

/* "A", with the title "title". */
static void write_coupon_1(void)
{
    struct journal_coupon_record_1 fixed = {
        .header = {.length = sizeof fixed + 8, .type = JOURNAL_COUPON_1, .coupon_id_length = 1},
        .quantity = 9,
        .per_user_limit = 2,
        .title_length = 5,
        .paused = 1,
        .starts_at_us = 3,
        .ends_at_us = TIME_NONE,
        .created_at_us = 4,
    };
    record_length = sizeof fixed + 8;
    memset(record_bytes, 0, sizeof record_bytes);
    memcpy(record_bytes, &fixed, sizeof fixed);
    memcpy(record_bytes + sizeof fixed, "Atitle", 6);
}

static void a_coupon_of_version_1_is_read_as_one_without_number_and_bound(void **state)
{
    (void)state;
    struct coupon coupon;
    write_coupon_1();
    struct journal_record record = record_fixture_decoded();
    assert_int_equal(record.type, JOURNAL_COUPON);
    assert_false(journal_record_has_time(&record));
    assert_int_equal(record.time_us, 5);
    journal_record_coupon(&record, &coupon);
    assert_string_equal(coupon.id, "A");
    assert_string_equal(coupon.title, "title");
    assert_int_equal(coupon.number, 0);
    assert_int_equal(coupon.quantity, 9);
    assert_int_equal(coupon.per_user_limit, 2);
    assert_true(coupon.paused && !coupon.archived);
    assert_true(coupon.starts_at_us == 3 && coupon.ends_at_us == TIME_NONE && coupon.redeem_until_us == TIME_NONE);
    assert_int_equal(coupon.redeem_within_s, 0);
    assert_true(coupon.created_at_us == 4 && coupon.updated_at_us == 5);
    for (unsigned i = COUPON_TEXT_DESCRIPTION; i < COUPON_TEXTS; i++)
        assert_string_equal(coupon_text(&coupon, i), "");
    assert_int_equal(record.origin.actor_length, 0);
    record_fixture_assert_refused_at_every_other_length();
}

static void a_coupon_of_version_1_with_an_impossible_member_is_refused(void **state)
{
    (void)state;
    write_coupon_1();
    RECORD_REFUSES(journal_coupon_record_1, header.coupon_id_length, 0);
    RECORD_REFUSES(journal_coupon_record_1, quantity, 0);
    RECORD_REFUSES(journal_coupon_record_1, quantity, QUANTITY_UNLIMITED); /* version 1 had none */
    RECORD_REFUSES(journal_coupon_record_1, per_user_limit, 0);
    RECORD_REFUSES(journal_coupon_record_1, per_user_limit, PER_USER_LIMIT_MAX + 1);
    RECORD_REFUSES(journal_coupon_record_1, title_length, 0);
    RECORD_REFUSES(journal_coupon_record_1, title_length, UINT16_MAX);
    RECORD_REFUSES(journal_coupon_record_1, paused, 2);
    RECORD_REFUSES(journal_coupon_record_1, starts_at_us, -1);
    RECORD_REFUSES(journal_coupon_record_1, ends_at_us, TIME_US_MAX + 1);
    record_fixture_assert_refuses(sizeof(struct journal_coupon_record_1) + 2, "\xff", 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_coupon_is_read_back_at_its_limits),
        cmocka_unit_test(a_coupon_with_an_impossible_member_is_refused),
        cmocka_unit_test(each_text_of_a_coupon_ends_at_its_own_limit),
        cmocka_unit_test(a_coupon_of_version_1_is_read_as_one_without_number_and_bound),
        cmocka_unit_test(a_coupon_of_version_1_with_an_impossible_member_is_refused),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
